"""Opening a visit of a step: its window, its tasks, its line in the story, its notices."""

from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any

from activities.change_facts import change_facts
from activities.clocks import started_at, timepieces
from activities.countersign import signing_facts
from activities.leaving import closed_key
from activities.models import Enter, Entered, OpenTask, StepVisit
from activities.order_file import OrderFile
from activities.reported import rule_of
from activities.review_facts import review_facts
from domain.errors import CalendarError
from domain.orders import OrderState
from domain.roles import Role
from domain.windows import DueWindow
from policy.deadlines import open_window
from policy.steps import AlongsideStep, Pace, ReviewStep, Step, TaskStep, WaitStep
from policy.window import Window
from store import story, tasks
from store.shipments import last_details, waiting_goods

EARLY = timedelta(seconds=1)
"""A window that began earlier than this before it was opened says so in its ledger."""


@dataclass(frozen=True)
class Blocked:
    """Why a resource or a gate could not succeed, and what its role needs to know."""

    why: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Back:
    """Why a gate cannot open before an earlier step is done anew, and which."""

    why: str
    step: str


@dataclass(frozen=True)
class Opened:
    """What one visit has opened."""

    tasks: tuple[OpenTask, ...]
    windows: tuple[DueWindow, ...]
    due_at: datetime | None


@dataclass(frozen=True)
class _Question:
    roles: tuple[Role, ...] = ()
    outcomes: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    waiting: dict[str, int] | None = None


async def enter(
    file: OrderFile, workflow_id: str, entered: Enter, blocked: Blocked | None = None
) -> Entered:
    """Opens a route step with what begins beside it, and shows the order there in lists."""
    step = file.profile.step(entered.at.step)
    main = await open_visit(file, workflow_id, entered.at, blocked)
    beside = [await open_visit(file, workflow_id, visit) for visit in entered.beside]
    waiting = main.tasks[0].role if main.tasks else step.role
    file.show(
        stage=step.stage.value,
        step=step.id,
        waiting_role=waiting.value,
        due_at=main.due_at,
        step_since=file.now,
        blocked=blocked.why if blocked else None,
    )
    opened = [main, *beside]
    return Entered(
        at=entered.at,
        tasks=tuple(task for part in opened for task in part.tasks),
        windows=tuple(window for part in opened for window in part.windows),
        blocked=blocked.why if blocked else None,
        auto_at=await confirms_itself_at(file, step),
    )


async def open_visit(
    file: OrderFile,
    workflow_id: str,
    visit: StepVisit,
    blocked: Blocked | None = None,
    *,
    facts: dict[str, Any] | None = None,
) -> Opened:
    """Opens one visit; `facts` are what to know besides. Knows nothing of what comes beside it."""
    step = file.profile.step(visit.step)
    window = await _open_window(file, step, visit)
    due_at = window.due_at if window else None
    if step.paced_by is Pace.PROMISE:
        due_at = file.row.promised_at
    question = await _question(file, step, visit, blocked)
    if facts:
        question = replace(question, facts={**question.facts, **facts})
    opened = [
        _open_task(file, workflow_id, visit, step, question, role, due_at)
        for role in question.roles
    ]
    file.note(
        "step_blocked" if blocked else "step_opened",
        _opening_text(
            file, step, question.roles, (due_at, await confirms_itself_at(file, step)), blocked
        ),
        key=f"{visit.key(file.id)}/opened",
        step=step.id,
        data={"visit": visit.visit},
    )
    return Opened(tuple(opened), (window,) if window else (), due_at)


async def open_unless_left(
    file: OrderFile, workflow_id: str, visits: tuple[StepVisit, ...]
) -> Entered:
    """Opens visits alongside, but none with which the order is done already.

    It may have gone on while the activity was on its way; then they ended with the step.
    """
    opened = [
        await open_visit(file, workflow_id, visit)
        for visit in visits
        if file.row.state is OrderState.OPEN
        and not await story.noted(file.conn, closed_key(file, visit))
    ]
    return Entered(
        tasks=tuple(task for part in opened for task in part.tasks),
        windows=tuple(window for part in opened for window in part.windows),
    )


async def _open_window(file: OrderFile, step: Step, visit: StepVisit) -> DueWindow | None:
    rule = await rule_of(file, step)
    if rule is None:
        return None
    if isinstance(step, AlongsideStep) and step.trigger == "daily" and visit.visit > 1:
        since = next_working_day(file)
    elif step.id in file.counts_from:
        since = file.counts_from[step.id]
    else:
        first = visit.visit == 1 and step.id == file.profile.route[0].id
        since = await started_at(file, rule, first)
    return await begin_window(file, step, rule, key=visit.key(file.id), since=since)


async def begin_window(
    file: OrderFile, step: Step, rule: Window, *, key: str, since: datetime
) -> DueWindow | None:
    """Opens a window that counts from `since`; none, and a line of the story, without its date."""
    try:
        window = await compute_window(file, step, rule, key=key, at=since)
    except CalendarError as missing:
        # An order goes on without a clock that cannot be set, and its story says why.
        file.note("window_without_date", str(missing), key=f"{key}/no_date", step=step.id)
        return None
    if since < file.now - EARLY:
        file.early_starts[key] = f"counts from {file.said(since)}, before it was opened"
    file.opened_windows.append(window)
    return window


async def compute_window(
    file: OrderFile, step: Step, window: Window, *, key: str, at: datetime
) -> DueWindow:
    """The window's absolute instants, when it opens at `at`. Raises CalendarError."""
    return open_window(
        await timepieces(file, window),
        window,
        file.profile.ladder,
        key=key,
        step=step.id,
        role=step.role,
        started_at=at,
    )


def next_working_day(file: OrderFile) -> datetime:
    """The opening of the first working day after the day of `now`."""
    zone = file.calendar.zone
    tomorrow = file.now.astimezone(zone).date() + timedelta(days=1)
    return file.calendar.next_opening(datetime.combine(tomorrow, time.min, zone))


async def _question(
    file: OrderFile, step: Step, visit: StepVisit, blocked: Blocked | None
) -> _Question:
    """Whom the step asks, and for which answers."""
    if blocked is not None:
        return _Question((step.role,), step.answers, facts=blocked.facts)
    match step:
        case TaskStep():
            facts = await _shipping_facts(file, visit) if step.ships_in_parts else {}
            waiting = facts.get("waiting")
            return _Question((step.role,), step.answers, step.requires, facts, waiting)
        case ReviewStep():
            return _Question(step.reviewers, step.answers, facts=await _facts(file, step, visit))
        case AlongsideStep() if step.trigger == "on_change":
            facts = await change_facts(file)
            return _Question((step.role,), step.answers, step.requires, facts)
        case AlongsideStep() if step.answers:
            return _Question((step.role,), step.answers, step.requires)
        case _:
            return _Question()


async def _facts(file: OrderFile, step: ReviewStep, visit: StepVisit) -> dict[str, Any]:
    if step.countersigns:
        return await signing_facts(file, step, visit.visit)
    return await review_facts(file)


async def _shipping_facts(file: OrderFile, visit: StepVisit) -> dict[str, Any]:
    """What waits to be shipped, and what the visit before has left to be done."""
    facts: dict[str, Any] = {"waiting": await waiting_goods(file.conn, file.id)}
    return facts if visit.visit == 1 else {**await last_details(file.conn, file.id), **facts}


def _open_task(
    file: OrderFile,
    workflow_id: str,
    visit: StepVisit,
    step: Step,
    question: _Question,
    role: Role,
    due_at: datetime | None,
) -> OpenTask:
    task = tasks.NewTask(
        id=f"{file.id}.{visit.step}.{visit.visit}.{role.value}",
        workflow_id=workflow_id,
        step=visit.step,
        visit=visit.visit,
        role=role,
        title=step.title,
        title_zh=step.title_zh,
        outcomes=question.outcomes,
        requires=question.requires,
        facts=question.facts,
        opened_at=file.now,
        due_at=due_at,
    )
    opened = announce(file, task)
    if question.waiting is None:
        return opened
    return opened.model_copy(update={"waiting": question.waiting})


def announce(file: OrderFile, task: tasks.NewTask) -> OpenTask:
    """Puts a task into its inbox and tells its role."""
    file.opened_tasks.append(task)
    due = f", due {file.said(task.due_at)}" if task.due_at else ""
    due_zh = f"，请于 {file.said(task.due_at)} 前完成" if task.due_at else ""
    file.tell(
        task.role,
        "task_opened",
        f"{file.name} waits for you: {task.title}{due}",
        key=f"{task.id}/opened",
        zh=f"{file.name_zh} 有待办事项：{task.title_zh}{due_zh}",
    )
    return OpenTask(
        id=task.id,
        step=task.step,
        visit=task.visit,
        role=task.role,
        outcomes=task.outcomes,
        requires=task.requires,
    )


def _opening_text(
    file: OrderFile,
    step: Step,
    roles: tuple[Role, ...],
    instants: tuple[datetime | None, datetime | None],
    blocked: Blocked | None,
) -> str:
    due_at, auto_at = instants
    text = f"{step.title}: {blocked.why}" if blocked else step.title
    if roles:
        text += f"; waits for {' and '.join(role.words for role in roles)}"
    elif isinstance(step, WaitStep):
        text += "; waits for the customer's receipt"
    if due_at:
        text += f", due {file.said(due_at)}"
    if auto_at:
        text += f", taken as received at {file.said(auto_at)}"
    return text


async def confirms_itself_at(file: OrderFile, step: Step) -> datetime | None:
    """When a wait ends by itself: no window of the regulation, but counted exactly like one."""
    if not isinstance(step, WaitStep) or step.auto_after is None:
        return None
    waiting = Window(
        id=f"{file.profile.id}.{step.id}",
        limit=step.auto_after,
        starts="the wait begins",
        stops="the wait ends by itself",
    )
    key = f"{file.id}/{step.id}"
    return (await compute_window(file, step, waiting, key=key, at=file.now)).due_at
