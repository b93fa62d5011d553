"""Where a workflow and the database disagree. Pure: what each says goes in, differences come out.

The workflow is the truth of an order; PostgreSQL of stock, slots, money and people.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from domain.base import Record
from domain.follow_ups import PREFIX
from domain.windows import DueWindow, Mark, Slack
from policy.model import Profile
from policy.steps import Pace
from store.comparing import Stored, StoredTask, StoredWindow
from workflows.contract import RunsOn, Standing


class Kind(StrEnum):
    """What differs. The value is its line in docs/reconcile.md."""

    NEVER_STARTED = "never-started"
    WORKFLOW_GONE = "workflow-gone"
    WORKFLOW_FAILED = "workflow-failed"
    ROW_OPEN = "row-open"
    ROW_CLOSED = "row-closed"
    NO_ROW = "no-row"
    PLACE = "place"
    HOLD = "hold"
    VERSION = "version"
    PROMISE = "promise"
    DUE = "due"
    SLACK = "slack"
    TASK_MISSING = "task-missing"
    TASK_LEFT = "task-left"
    TASK_DUE = "task-due"
    WINDOW_MISSING = "window-missing"
    WINDOW_LEFT = "window-left"
    WINDOW_STANDS = "window-stands"
    MARK_MISSING = "mark-missing"
    RESERVED = "reserved"
    CASE_GONE = "case-gone"
    CASE_ROW = "case-row"
    FOLLOW_UP_WANTED = "follow-up-wanted"
    FOLLOW_UP_GONE = "follow-up-gone"
    FOLLOW_UP_ROW = "follow-up-row"
    NOTICES = "notices"
    CHANGE = "change"
    RUSH = "rush"
    BALANCE = "balance"
    SHIPPED = "shipped"
    REFUND = "refund"
    REFUND_UNATTENDED = "refund-unattended"


class Difference(Record):
    """One thing on which the two disagree. `subject` is the task, window, mark or field.

    `advice` is what to do where `--repair` cannot help; none where it can.
    """

    kind: Kind
    subject: str
    workflow: str
    database: str
    advice: str | None = None

    @property
    def repairable(self) -> bool:
        """Whether it can be mended safely."""
        return self.advice is None


def shown_due(window: DueWindow) -> datetime | None:
    """What inbox and lists show: nothing while a limit stands still."""
    stands_still = window.paused_at is not None and window.limit.is_counted
    return None if stands_still else window.due_at


def order_differences(stored: Stored, standing: Standing, profile: Profile) -> list[Difference]:
    """An open order against its running workflow; both have settled."""
    found: list[Difference] = []
    if not stored.order.is_open:
        found.append(
            Difference(
                kind=Kind.ROW_CLOSED,
                subject=stored.order.id,
                workflow="runs",
                database=stored.order.state,
            )
        )
    found += _fields(stored, standing, profile)
    own_tasks = [task for task in stored.tasks if task.workflow_id == f"order-{stored.order.id}"]
    own_windows = [w for w in stored.windows if w.key.startswith(f"{stored.order.id}/")]
    found += open_things(standing, own_tasks, own_windows)
    return found


def _fields(stored: Stored, standing: Standing, profile: Profile) -> Iterator[Difference]:
    row, at = stored.order, standing.step
    assert at is not None, "a settled order is in a step"
    step = profile.step(at.step)
    if (row.step, row.stage) != (step.id, step.stage.value) or row.step_since is None:
        yield _differs(Kind.PLACE, "step", step.id, row.step)
    roles = waiting_roles(standing)
    if roles and row.waiting_role not in roles:
        yield _differs(Kind.PLACE, "waiting_role", " or ".join(roles), row.waiting_role)
    if standing.blocked != row.blocked:
        yield _differs(Kind.PLACE, "blocked", standing.blocked, row.blocked)
    because = standing.hold.because if standing.hold else None
    if (row.held_because, row.held_at is not None) != (because, because is not None):
        yield _differs(Kind.HOLD, "held", because, row.held_because)
    if standing.version is not None and standing.version != row.version:
        advice = None if standing.version > row.version else _VERSION_ADVICE
        yield _differs(Kind.VERSION, "version", standing.version, row.version, advice)
    if standing.promised_at is not None and standing.promised_at != row.promised_at:
        yield _differs(Kind.PROMISE, "promised_at", standing.promised_at, row.promised_at)
    deciding = standing.changing.change_id if standing.changing else None
    if deciding != stored.deciding:
        yield _differs(Kind.CHANGE, "change", deciding, stored.deciding, _CHANGE_ADVICE)
    known, due = due_of(standing, profile)
    if known and due != row.due_at:
        yield _differs(Kind.DUE, "due_at", due, row.due_at)
    slack, level = standing_of(standing)
    if (slack.value, level) != (row.slack, row.level):
        yield _differs(
            Kind.SLACK, "slack", f"{slack.value} ({level})", f"{row.slack} ({row.level})"
        )


_VERSION_ADVICE = (
    "the database has a newer version than its workflow: see the order's changes and "
    "`dueline ops show`, then send the change again"
)
_CHANGE_ADVICE = (
    "see `dueline ops show` and the order's changes, mend what keeps its activity from ending, "
    "or send the change again"
)


def within_differences(stored: Stored) -> Iterator[Difference]:
    """Where the database disagrees with itself; no workflow is asked about money and goods."""
    within, name = stored.within, stored.order.number or stored.order.id
    if within.rush_paid is not None:
        said = "the fee is paid" if within.rush_paid else "the fee is not paid"
        said += f", the order {'does not come' if within.rush_paid else 'comes'} first"
        advice = None if within.rush_paid else _RUSH_ADVICE
        yield _differs(Kind.RUSH, "priority", "-", said, advice)
    for one in within.balances:
        said = f"the ledger adds up to {one.one}, the balance says {one.other}"
        yield _differs(Kind.BALANCE, one.subject, "-", said, _BALANCE_ADVICE.format(name=name))
    for one in within.shipped:
        said = f"its shipments add up to {one.one}, its goods say {one.other} shipped"
        yield _differs(Kind.SHIPPED, one.subject, "-", said, _SHIPPED_ADVICE)
    for one in within.refunds:
        said = f"{one.one} is proposed or approved, {one.other} is set aside"
        yield _differs(Kind.REFUND, one.subject, "-", said, _BALANCE_ADVICE.format(name=name))
    for refund in within.unattended:
        said = "is not decided, and nobody is asked about it"
        yield _differs(Kind.REFUND_UNATTENDED, refund, "-", said, _UNATTENDED_ADVICE)


_RUSH_ADVICE = "somebody raised it by hand: see the order's payments, then correct its priority"
_BALANCE_ADVICE = (
    "money is never mended by itself: compare the ledger of {name} with the bank's statement, and "
    "correct the balance by hand; the ledger is right"
)
_SHIPPED_ADVICE = "ask logistics what has left, and correct the record that is wrong by hand"
_UNATTENDED_ADVICE = "finance has to approve, pay or reject it"


def waiting_roles(standing: Standing) -> list[str]:
    """Whom lists may name: whoever works on the step, and first of all who decides a change.

    While a change freezes the order nobody works on the step.
    """
    assert standing.step is not None
    changing = standing.changing
    asked = changing.visit if changing else None
    deciding = [task.role.value for task in standing.tasks if asked and task.step == asked.step]
    if changing is not None and changing.freezes and deciding:
        return deciding
    working = [task.role.value for task in standing.tasks if task.step == standing.step.step]
    return [*deciding, *working]


def due_of(standing: Standing, profile: Profile) -> tuple[bool, datetime | None]:
    """Whether it can be known when the order's step is due, and when."""
    assert standing.step is not None
    step = profile.step(standing.step.step)
    if step.paced_by is Pace.PROMISE:
        return True, standing.promised_at
    ending = f"/{standing.step.step}/{standing.step.visit}"
    for running in standing.windows:
        if running.window.key.endswith(ending):
            return True, shown_due(running.window)
    return False, None


def standing_of(standing: Standing) -> tuple[Slack, int | None]:
    """The worst of the running windows, and the highest rung."""
    fired = [Mark.named(name).level for running in standing.windows for name in running.fired]
    level = max(fired, default=Mark.REMINDER.level)
    if level == Mark.REMINDER.level:
        return Slack.ON_TIME, None
    return (Slack.WARNED if level == Mark.WARNING.level else Slack.BREACHED), level


def open_things(
    standing: Standing, tasks: list[StoredTask], windows: list[StoredWindow]
) -> list[Difference]:
    """The open tasks and the running windows of one workflow."""
    return [*_tasks(standing, tasks), *_windows(standing, windows)]


def _tasks(standing: Standing, stored: list[StoredTask]) -> Iterator[Difference]:
    wanted, there = {task.id: task for task in standing.tasks}, {task.id: task for task in stored}
    answered = {decision.task_id for decision in standing.decisions}
    for name in sorted(wanted.keys() - there.keys()):
        yield _differs(Kind.TASK_MISSING, name, "open", "not open")
    for name in sorted(there.keys() - wanted.keys()):
        if standing.hold is not None and name in answered:
            continue  # its answer is written down once the order goes on
        said = "answered" if name in answered else "not open"
        yield _differs(Kind.TASK_LEFT, name, said, "open")
    windows = {running.window.key: running.window for running in standing.windows}
    for name in sorted(wanted.keys() & there.keys()):
        window = windows.get(window_key_of(there[name]))
        if window is not None and shown_due(window) != there[name].due_at:
            yield _differs(Kind.TASK_DUE, name, shown_due(window), there[name].due_at)


def window_key_of(task: StoredTask) -> str:
    """The window in which a task has to be answered, if there is one."""
    if task.workflow_id.startswith("case-"):
        return f"{task.workflow_id}/{task.step}"
    if task.workflow_id.startswith(PREFIX):
        return f"{task.workflow_id}/{task.step}/{task.visit}"
    return f"{task.workflow_id.removeprefix('order-')}/{task.step}/{task.visit}"


def _windows(standing: Standing, stored: list[StoredWindow]) -> Iterator[Difference]:
    wanted = {running.window.key: running for running in standing.windows}
    there = {window.key: window for window in stored}
    for name in sorted(wanted.keys() - there.keys()):
        yield _differs(Kind.WINDOW_MISSING, name, "runs", "does not run")
    for name in sorted(there.keys() - wanted.keys()):
        yield _differs(Kind.WINDOW_LEFT, name, "does not run", "runs")
    for name in sorted(wanted.keys() & there.keys()):
        window, row = wanted[name].window, there[name]
        ours = (window.due_at, window.paused_at, window.calendar)
        if ours != (row.due_at, row.paused_at, row.calendar):
            yield _differs(Kind.WINDOW_STANDS, name, _stands(*ours), _stands_row(row))
        yield from _marks(wanted[name], row)


def _marks(running: RunsOn, row: StoredWindow) -> Iterator[Difference]:
    for mark in running.fired:
        if mark not in row.marks:
            subject = f"{running.window.key}/{mark}"
            yield _differs(Kind.MARK_MISSING, subject, "fell", "is not recorded")


def _stands_row(row: StoredWindow) -> str:
    return _stands(row.due_at, row.paused_at, row.calendar)


def _stands(due_at: datetime, paused_at: datetime | None, calendar: str) -> str:
    paused = f", paused since {paused_at.isoformat()}" if paused_at else ""
    return f"due {due_at.isoformat()}{paused}, by {calendar}"


def _differs(
    kind: Kind, subject: str, workflow: object, database: object, advice: str | None = None
) -> Difference:
    return Difference(
        kind=kind,
        subject=subject,
        workflow=_said(workflow),
        database=_said(database),
        advice=advice,
    )


def _said(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return "nothing" if value is None else str(value)
