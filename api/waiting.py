"""What an open order waits for, in the words of whoever asks (every wait has a reason)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field

from api.access import Principal
from api.services import Services
from domain.base import Record
from domain.changes import ChangeClass
from domain.roles import Role
from domain.stages import Stage
from ops.repair.executions import Execution
from ops.repair.waiting import LastError, last_error, stands_still
from policy.model import Profile
from policy.steps import GateStep, WaitStep, Work
from store.reading import TaskFilter, list_tasks
from store.rows import FullOrderRow, TaskRow

TASKS_MAX = 20
FREEZING = frozenset({ChangeClass.TECHNICAL.value, ChangeClass.STRUCTURAL.value})
CUSTOMER = "the customer"
PLATFORM = "the platform"


class OnHold(Record):
    """Operations hold the order. Why is for staff."""

    since: datetime
    because: str | None = None


class Changing(Record):
    """A change is being decided, and the order stands still until it is."""

    change: str
    of: str = Field(examples=["structural"])


class Waiting(Record):
    """What an open order waits for. A customer sees no more than concerns the customer.

    `engine` says whether the engine was asked for `last_error`; it may be away.
    """

    stage: str | None = Field(examples=["L10"])
    stage_words: str | None = Field(examples=["review"])
    step: str | None = Field(examples=["review"])
    title: str | None
    title_zh: str | None
    waits_for: tuple[str, ...] = Field(
        serialization_alias="for", examples=[["production", "finance"]]
    )
    tasks: tuple[str, ...] = ()
    since: datetime | None
    due_at: datetime | None
    blocked: str | None = None
    on_hold: OnHold | None = None
    being_changed: Changing | None = None
    last_error: LastError | None = None
    engine: Literal["asked", "not asked"] = "not asked"
    next: tuple[str, ...] = ()


async def waiting(services: Services, caller: Principal, row: FullOrderRow) -> Waiting | None:
    """What the order waits for; none once it is closed."""
    if row.closed_at is not None:
        return None
    wanted = TaskFilter(order_id=row.id, state="open", workflow_id=f"order-{row.id}")
    async with services.reading() as conn:
        tasks = await list_tasks(conn, wanted, None, TASKS_MAX)
    profile = await services.pinned(row.profile_digest)
    if not caller.is_staff:
        return _for_customer(row, tasks, profile)
    return _for_staff(row, tasks, profile, await services.temporal.look(row.id))


def _base(row: FullOrderRow, profile: Profile) -> Waiting:
    step = profile.step(row.step) if row.step else None
    return Waiting(
        stage=row.stage,
        stage_words=Stage(row.stage).words if row.stage else None,
        step=row.step,
        title=step.title if step else None,
        title_zh=step.title_zh if step else None,
        waits_for=(),
        since=row.step_since,
        due_at=row.due_at,
        on_hold=OnHold(since=row.held_at) if row.held_at else None,
    )


def _for_customer(row: FullOrderRow, tasks: Sequence[TaskRow], profile: Profile) -> Waiting:
    theirs = [task for task in tasks if task.role == Role.CUSTOMER]
    deciding = _deciding(tasks)
    todo = [f"answer: {task.title} ({' or '.join(task.outcomes)})" for task in theirs]
    if _awaits_receipt(row, profile):
        todo.append("confirm the receipt of the goods")
    if (gate := _unpaid_gate(row, profile)) is not None:
        report = f", then say so: POST /orders/{row.id}/payment-reports"
        todo.append(f"pay what is due{report if gate.waits_for_report else ''}")
    return _base(row, profile).model_copy(
        update={
            "waits_for": (CUSTOMER,) if todo else (),
            "tasks": tuple(task.id for task in theirs),
            "being_changed": _change(deciding),
            "next": () if row.held_at else tuple(todo),
        }
    )


def _for_staff(
    row: FullOrderRow, tasks: Sequence[TaskRow], profile: Profile, execution: Execution | None
) -> Waiting:
    deciding = _deciding(tasks)
    if deciding:
        tasks = [task for task in tasks if task.step != row.step]
    here = deciding or [task for task in tasks if task.step == row.step]
    roles = tuple(dict.fromkeys(task.role for task in here))
    if not roles:
        roles = (CUSTOMER if _awaits_receipt(row, profile) else PLATFORM,)
    base = _base(row, profile)
    error = last_error(execution) if execution else None
    return base.model_copy(
        update={
            "waits_for": roles,
            "tasks": tuple(task.id for task in tasks),
            "blocked": row.blocked,
            "on_hold": OnHold(since=row.held_at, because=row.held_because) if row.held_at else None,
            "being_changed": _change(deciding),
            "last_error": error,
            "engine": "asked" if execution else "not asked",
            "next": tuple(_next(row, tasks, profile, execution, error)),
        }
    )


def _deciding(tasks: Sequence[TaskRow]) -> list[TaskRow]:
    """Questions about a change that freezes the order; its own step is not completed meanwhile."""
    return [task for task in tasks if task.facts.get("class") in FREEZING]


def _change(deciding: Sequence[TaskRow]) -> Changing | None:
    if not deciding:
        return None
    facts = deciding[0].facts
    return Changing(change=facts["change"], of=facts["class"])


def _next(
    row: FullOrderRow,
    tasks: Sequence[TaskRow],
    profile: Profile,
    execution: Execution | None,
    error: LastError | None,
) -> list[str]:
    """What moves the order on, one sentence each; operations first where nobody else can."""
    name = row.number or row.id
    if row.held_at is not None:
        return [f"operations: release it with `dueline ops release {name}`"]
    said = []
    if execution is not None and (still := stands_still(execution)):
        cure = "release" if execution.is_open else "reconcile"
        said.append(f"operations: {still}; `dueline ops {cure} {name}`")
    elif error is not None:
        said.append(f"operations: mend what fails, then `dueline ops retry {name}`")
    said += [
        f"{Role(task.role).words}: answer task {task.id} with {' or '.join(task.outcomes)}"
        for task in tasks
    ]
    if not tasks and _awaits_receipt(row, profile):
        said.append("customer: confirm the receipt")
    gate = _unpaid_gate(row, profile)
    if gate is not None:
        said.append(
            f"sales: once the customer has paid, report it: `dueline paid {name} AMOUNT`"
            if gate.waits_for_report and row.due_at is None
            else "finance: enter what arrives, and the gate looks again by itself: "
            f"`dueline pay {name} AMOUNT --reference NUMBER`"
        )
    if not said and row.step is None:
        said.append("the platform: enter the first step, as soon as a worker takes it")
    return said or ["the platform: it goes on by itself"]


def _awaits_receipt(row: FullOrderRow, profile: Profile) -> bool:
    return row.step is not None and isinstance(profile.step(row.step), WaitStep)


def _unpaid_gate(row: FullOrderRow, profile: Profile) -> GateStep | None:
    """The gate at which the order waits for money; none when it waits for anything else."""
    step = profile.step(row.step) if row.step is not None and row.blocked else None
    return step if isinstance(step, GateStep) and step.work is Work.CHECK_MONEY else None
