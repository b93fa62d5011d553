"""What the Web UI says of an order, in words. No personal data."""

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo

from domain.windows import Slack
from policy.explaining import explain
from policy.steps import RouteStep
from workflows.state import OrderProgress, RunningWindow, TaskProgress


def clock_words(at: datetime) -> str:
    """An instant in the offset it was computed in: `2026-11-23 09:00 +0800`."""
    return at.strftime("%Y-%m-%d %H:%M %z")


def zone_of(progress: TaskProgress) -> tzinfo:
    """The zone in which the open windows are due; UTC without any."""
    return next((w.window.due_at.tzinfo for w in progress.windows if w.window.due_at.tzinfo), UTC)


def waits_for(step: RouteStep, roles: tuple[str, ...]) -> str:
    """Whom the order waits for: `production and finance to answer: Review`."""
    who = " and ".join(role.replace("_", " ") for role in roles) or "the platform"
    return f"{who} to answer: {step.title}"


def due_words(running: RunningWindow) -> str:
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
    windows: Iterable[RunningWindow],
    following: str,
    progress: OrderProgress,
) -> str:
    """The order's page in Markdown: stage, waiting on whom, since and until when, what to do."""
    roles = tuple(dict.fromkeys(task.role.value for task in progress.tasks))
    rows = [
        f"**Stage** {step.stage.value} {step.stage.words} ({step.title_zh})",
        f"**Waiting for** {waits_for(step, roles)}",
    ]
    if progress.hold:
        hold = progress.hold
        since = clock_words(hold.at.astimezone(zone_of(progress)))
        rows.insert(1, f"**On hold** since {since} by {hold.by}: {hold.because}")
    if progress.since:
        rows.append(f"**Since** {clock_words(progress.since.astimezone(zone_of(progress)))}")
    if progress.blocked:
        rows.append(f"**Blocked** {progress.blocked}")
    rows += [due_words(running) for running in sorted(windows, key=lambda w: w.window.due_at)]
    rows += [f"**To do** {to_do}" for to_do in next_things(step, progress)]
    rows.append(f"**Next** {following}")
    return "\n\n".join(rows)


def next_things(step: RouteStep, progress: OrderProgress) -> list[str]:
    """What moves the order on, one thing a line."""
    if progress.hold:
        return ["operations: release the order"]
    things = [
        f"{task.role.words}: answer task `{task.id}` with {' or '.join(task.outcomes)}"
        for task in progress.tasks
    ]
    if progress.skip is not None and progress.skip.step == step.id:
        things.append(f"somebody besides {progress.skip.by}: agree to skip {step.title.lower()}")
    if not things and step.kind == "wait":
        things.append("customer: confirm the receipt")
    return things
