"""What the Web UI says of an order, in words. No personal data."""

from datetime import datetime

from domain.windows import DueWindow
from policy.model import RouteStep


def clock_words(at: datetime) -> str:
    """An instant in the offset it was computed in: `2026-11-23 09:00 +0800`."""
    return at.strftime("%Y-%m-%d %H:%M %z")


def waits_for(step: RouteStep, roles: tuple[str, ...]) -> str:
    """Whom the order waits for: `production and finance to answer: Review`."""
    who = " and ".join(role.replace("_", " ") for role in roles) or "the platform"
    return f"{who} to answer: {step.title}"


def current_details(
    step: RouteStep,
    roles: tuple[str, ...],
    windows: tuple[DueWindow, ...],
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
    for window in windows:
        late = f"{window.rule}: {window.limit.words}"
        rows.append(f"**Due** {clock_words(window.due_at)} ({late}, {window.role.words})")
    if not windows:
        rows.append("**Due** no window of its own")
    rows.append(f"**Next** {following}")
    return "\n\n".join(rows)
