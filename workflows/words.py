"""What the Web UI says of an order, in words. No personal data."""

from collections.abc import Iterable
from datetime import datetime

from domain.windows import Slack
from policy.explaining import explain
from policy.model import RouteStep
from workflows.state import RunningWindow


def clock_words(at: datetime) -> str:
    """An instant in the offset it was computed in: `2026-11-23 09:00 +0800`."""
    return at.strftime("%Y-%m-%d %H:%M %z")


def waits_for(step: RouteStep, roles: tuple[str, ...]) -> str:
    """Whom the order waits for: `production and finance to answer: Review`."""
    who = " and ".join(role.replace("_", " ") for role in roles) or "the platform"
    return f"{who} to answer: {step.title}"


def _due(running: RunningWindow) -> str:
    """One due line: when, by which rule, and how far the ladder has been climbed."""
    window = running.window
    said = {
        Slack.ON_TIME: "**Due**",
        Slack.WARNED: "**At risk, due**",
        Slack.BREACHED: "**Overdue since**",
    }
    rule = f"{window.rule}: {window.limit.words}, {window.role.words}"
    climbed = f"; told: {', '.join(running.fired)}" if running.fired else ""
    due = f"{said[running.slack]} {clock_words(window.due_at)}"
    if running.paused:
        due = "**Paused**"
    return f"{due} ({rule}){climbed}\n\n> {explain(window)}"


def current_details(
    step: RouteStep,
    roles: tuple[str, ...],
    windows: Iterable[RunningWindow],
    following: str,
    blocked: str | None,
) -> str:
    """The order's page in Markdown: stage, waiting on whom, due when, what next."""
    rows = [
        f"**Stage** {step.stage.value} {step.stage.words} ({step.title_zh})",
        f"**Waiting for** {waits_for(step, roles)}",
    ]
    if blocked:
        rows.append(f"**Blocked** {blocked}")
    rows += [_due(running) for running in sorted(windows, key=lambda w: w.window.due_at)]
    rows.append(f"**Next** {following}")
    return "\n\n".join(rows)
