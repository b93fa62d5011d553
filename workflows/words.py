"""What the Web UI says of an order, in words. No personal data."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo

from activities.models import OpenTask
from domain.windows import Slack
from policy.explaining import explain
from policy.steps import RouteStep
from workflows.state import Changing, OrderProgress, RunningWindow, TaskProgress


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


def waiting_on(step: RouteStep, progress: OrderProgress, titles: Mapping[str, str]) -> str:
    """Whom the order waits for; while a change freezes it, for those who decide the change.

    `titles` are those of the steps alongside, by id.
    """
    roles = tuple(dict.fromkeys(task.role.value for task in answerable(progress)))
    changing = progress.changing
    if changing is None or not changing.freezes:
        return waits_for(step, roles)
    what = f"a {changing.of} change"
    if changing.visit is None:
        return f"the platform to settle {what}"
    asked = [t.role.words for t in progress.tasks if t.step == changing.visit.step]
    who = " and ".join(asked) or "the platform"
    return f"{who} to decide {what}: {titles.get(changing.visit.step, changing.visit.step)}"


def answerable(progress: OrderProgress) -> list[OpenTask]:
    """The open tasks that may be answered now: a frozen step is not completed."""
    changing, current = progress.changing, progress.current
    if changing is None or not changing.freezes or current is None:
        return progress.tasks
    return [task for task in progress.tasks if task.step != current.step]


def frozen_words(changing: Changing) -> str:
    """Why nobody can complete the step, and what helps."""
    return (
        f"stands still since {clock_words(changing.at)} until a {changing.of} change is decided; "
        "answer the question about the change first"
    )


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
    titles: Mapping[str, str],
) -> str:
    """The order's page in Markdown: stage, waiting on whom, since and until when, what to do."""
    rows = [
        f"**Stage** {step.stage.value} {step.stage.words} ({step.title_zh})",
        f"**Waiting for** {waiting_on(step, progress, titles)}",
    ]
    if progress.changing:
        changing = progress.changing
        since = clock_words(changing.at.astimezone(zone_of(progress)))
        stands = ", and the order stands still" if changing.freezes else ""
        rows.append(f"**Being changed** since {since}: a {changing.of} change is decided{stands}")
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
        for task in answerable(progress)
    ]
    if progress.skip is not None and progress.skip.step == step.id:
        things.append(f"somebody besides {progress.skip.by}: agree to skip {step.title.lower()}")
    if not things and step.kind == "wait":
        things.append("customer: confirm the receipt")
    return things
