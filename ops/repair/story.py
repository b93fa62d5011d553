"""The whole story of one order, from its record and from the engine; either may be away."""

from datetime import datetime

from domain.base import Record
from ops.repair.finding import find_order
from ops.repair.history import Message, Run, messages_of, runs_of
from ops.repair.looking import Look, describe, engine_answers
from ops.repair.serving import instant
from ops.repair.site import Site
from ops.repair.stuck import find_stuck
from ops.repair.stuck_model import Finding
from store import ops_reading
from store.audit import OpsActionRow, read_actions
from store.ops_reading import StandingNotices, StandingRow, StandingWish
from store.reading import (
    CaseFilter,
    TaskFilter,
    list_cases,
    list_tasks,
    read_timeline,
    read_windows,
)
from store.rows import CaseRow, MarkRow, TaskRow, TimelineRow, WindowRow

ROWS_MAX = 200
"""More tasks or cases than one screen could ever show."""

_OPENED, _BLOCKED, _DONE = "step_opened", "step_blocked", "step_done"


class StepTaken(Record):
    """A visit of a step; `until` and `outcome` are none while it lasts."""

    step: str
    visit: int
    since: datetime | None
    until: datetime | None = None
    outcome: str | None = None
    blocked: bool = False


class Clock(Record):
    """A window and the marks that have fallen; `explanation` says what was used, and why."""

    rule: str
    step: str
    role: str
    limit: str
    state: str
    started_at: datetime
    due_at: datetime
    paused_at: datetime | None
    paused_for: tuple[str, ...]
    stopped_at: datetime | None
    marks: tuple[str, ...]
    explanation: str


class Retry(Record):
    """An activity that is on its way or fails; `failure` is in the findings once it is stuck."""

    activity: str
    attempt: int
    state: str
    next_attempt_at: datetime | None


class OrderCase(Record):
    """An overdue case of the order."""

    id: str
    rule: str
    role: str
    state: str
    cause: str | None
    opened_at: datetime
    closed_at: datetime | None


class OrderStory(Record):
    """Everything that one screen says of an order. No personal data.

    `unasked` says what could not be asked; without the engine there are no messages, retries, runs
    and no version.
    """

    order: StandingRow
    workflow_id: str
    web_ui: str
    waits_for: str
    to_do: tuple[str, ...]
    findings: tuple[Finding, ...]
    steps: tuple[StepTaken, ...]
    clocks: tuple[Clock, ...]
    messages: tuple[Message, ...]
    changes: tuple[StandingWish, ...]
    retries: tuple[Retry, ...]
    actions: tuple[OpsActionRow, ...]
    cases: tuple[OrderCase, ...]
    failed_notices: tuple[StandingNotices, ...]
    runs: tuple[Run, ...]
    workflow_status: str | None
    version: str | None
    unasked: tuple[str, ...]


class _Record(Record):
    order: StandingRow
    tasks: tuple[TaskRow, ...]
    steps: tuple[StepTaken, ...]
    clocks: tuple[Clock, ...]
    changes: tuple[StandingWish, ...]
    actions: tuple[OpsActionRow, ...]
    cases: tuple[OrderCase, ...]
    failed_notices: tuple[StandingNotices, ...]


async def tell_story(site: Site, wanted: str) -> OrderStory:
    """The story of the order that `wanted` names, with what is stuck about it.

    Raises UnknownThing and InvalidField for a wrong name.
    """
    named = await find_order(site, wanted)
    record = await _read(site, named.id)
    report = await find_stuck(site, orders=[named.id])
    look: Look | None = None
    runs: tuple[Run, ...] = ()
    messages: tuple[Message, ...] = ()
    unasked = list(report.unasked)
    if await engine_answers(site):
        look = await describe(site, named.workflow_id)
        if look is None:
            unasked.append("the engine knows no workflow of this order")
        else:
            runs = await runs_of(site, named.workflow_id)
            messages = await messages_of(site, look)
    return OrderStory(
        order=record.order,
        workflow_id=named.workflow_id,
        web_ui=site.workflow_url(named.workflow_id),
        waits_for=_waits_for(record),
        to_do=_to_do(record, report.findings),
        findings=report.findings,
        steps=record.steps,
        clocks=record.clocks,
        messages=messages,
        changes=record.changes,
        retries=tuple(_retries(look)) if look else (),
        actions=record.actions,
        cases=record.cases,
        failed_notices=record.failed_notices,
        runs=runs,
        workflow_status=look.status if look else None,
        version=_version(look) if look else None,
        unasked=tuple(unasked),
    )


async def _read(site: Site, order_id: str) -> _Record:
    async with site.database.connect() as conn:
        [order] = await ops_reading.standing_orders(conn, [order_id])
        timeline = await read_timeline(conn, order_id)
        windows, marks = await read_windows(conn, order_id)
        wanted = TaskFilter(order_id=order_id, state="open")
        tasks = await list_tasks(conn, wanted, None, ROWS_MAX)
        cases = await list_cases(conn, CaseFilter(order_id=order_id), None, ROWS_MAX)
        return _Record(
            order=order,
            tasks=tuple(tasks),
            steps=_steps(timeline),
            clocks=tuple(_clock(window, marks[window.key]) for window in windows),
            changes=tuple(await ops_reading.wishes_of(conn, order_id)),
            actions=tuple(await read_actions(conn, target=order_id)),
            cases=tuple(_case(case) for case in cases),
            failed_notices=tuple(await ops_reading.dead_notices(conn, [order_id])),
        )


def _steps(timeline: list[TimelineRow]) -> tuple[StepTaken, ...]:
    """The visits in the order in which they began, as the order's story has them."""
    visits: dict[tuple[str, int], StepTaken] = {}
    for line in timeline:
        if line.step is None or "visit" not in line.data:
            continue
        key = line.step, int(line.data["visit"])
        if line.kind in (_OPENED, _BLOCKED):
            blocked = line.kind == _BLOCKED
            visits[key] = StepTaken(step=key[0], visit=key[1], since=line.at, blocked=blocked)
        elif line.kind == _DONE:
            taken = visits.get(key, StepTaken(step=key[0], visit=key[1], since=None))
            outcome = line.text.partition(": ")[2] or line.text
            visits[key] = taken.model_copy(update={"until": line.at, "outcome": outcome})
    return tuple(visits.values())


def _clock(window: WindowRow, marks: list[MarkRow]) -> Clock:
    return Clock(
        **window.model_dump(include=set(Clock.model_fields) - {"marks"}),
        marks=tuple(mark.mark for mark in marks),
    )


def _case(case: CaseRow) -> OrderCase:
    return OrderCase(**case.model_dump(include=set(OrderCase.model_fields)))


def _waits_for(record: _Record) -> str:
    order = record.order
    if not order.is_open:
        return "nothing: it is closed"
    if order.held_at is not None:
        return f"operations to release it: {order.held_because}"
    tasks = _own_tasks(record)
    if tasks:
        roles = " and ".join(dict.fromkeys(task.role.replace("_", " ") for task in tasks))
        return f"{roles} to answer: {tasks[0].title}"
    if order.step is None:
        return "the platform to begin"
    who = (order.waiting_role or "the platform").replace("_", " ")
    return f"{who}: {order.step.replace('_', ' ')}"


def _to_do(record: _Record, findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """The cures of what is stuck; else the answers that move it on."""
    if findings:
        return tuple(dict.fromkeys(finding.cure for finding in findings))
    if record.order.held_at is not None:
        return (f"dueline ops release {record.order.number or record.order.id}",)
    return tuple(
        f"{task.role.replace('_', ' ')}: answer {task.id} with {' or '.join(task.outcomes[:4])}"
        for task in _own_tasks(record)
    )


def _own_tasks(record: _Record) -> list[TaskRow]:
    """Tasks of the step in which the order is, without those of its cases and beside it."""
    return [task for task in record.tasks if task.step == record.order.step]


def _retries(look: Look) -> list[Retry]:
    return [
        Retry(
            activity=one.activity_type.name,
            attempt=one.attempt,
            state="paused" if one.paused else "failing" if one.attempt > 1 else "on its way",
            next_attempt_at=(
                instant(one.next_attempt_schedule_time)
                if one.HasField("next_attempt_schedule_time")
                else None
            ),
        )
        for one in look.activities
    ]


def _version(look: Look) -> str:
    info = look.said.workflow_execution_info.versioning_info
    if not info.deployment_version.build_id:
        return "workers without versions"
    version = info.deployment_version
    how = "pinned to" if look.pinned_to else "last on"
    return f"{how} {version.build_id} of {version.deployment_name}"
