"""Tasks: what waits for a role, and how it was answered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Integer,
    String,
    Update,
    any_,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.errors import UnknownThing
from domain.follow_ups import PREFIX
from domain.roles import Role
from store.engine import Connection, execute_each
from store.tables import Instant, orders, tasks


@dataclass(frozen=True)
class NewTask:
    """A task to open; `facts` is what to know when doing it."""

    id: str
    workflow_id: str
    step: str
    visit: int
    role: Role
    title: str
    title_zh: str
    outcomes: tuple[str, ...]
    opened_at: datetime
    due_at: datetime | None
    requires: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


async def open_tasks(conn: Connection, order_id: str, opened: Iterable[NewTask]) -> None:
    """Puts tasks into the inboxes of their roles."""
    rows = [
        {
            **task.__dict__,
            "order_id": order_id,
            "role": task.role.value,
            "outcomes": list(task.outcomes),
            "requires": list(task.requires),
        }
        for task in opened
    ]
    await execute_each(conn, insert(tasks), rows)


def _close_statement() -> Update:
    """Built once: putting a statement together costs more than running it."""
    answers = bindparam("answers", type_=JSONB)
    answered = tasks.c.id == any_(bindparam("answered", type_=ARRAY(String)))
    visit = tasks.c.step + "/" + cast(tasks.c.visit, String)
    of_visits = visit == any_(bindparam("visits", type_=ARRAY(String)))
    of_visits &= _own(bindparam("of_order"))
    closed_at = cast(func.jsonb_extract_path_text(answers, tasks.c.id, "at"), Instant)
    return (
        update(tasks)
        .where((answered & (tasks.c.state != "done")) | (of_visits & (tasks.c.state == "open")))
        .values(
            state=case((answered, "done"), else_="withdrawn"),
            outcome=func.jsonb_extract_path_text(answers, tasks.c.id, "outcome"),
            note=func.jsonb_extract_path_text(answers, tasks.c.id, "note"),
            data=func.jsonb_extract_path(answers, tasks.c.id, "data"),
            decided_by=func.jsonb_extract_path_text(answers, tasks.c.id, "by"),
            version=cast(func.jsonb_extract_path_text(answers, tasks.c.id, "version"), Integer),
            closed_at=func.coalesce(closed_at, bindparam("at", type_=Instant)),
        )
    )


async def close_tasks(
    conn: Connection,
    order_id: str,
    answers: Mapping[str, Mapping[str, Any]],
    visits: Sequence[tuple[str, int]],
    at: datetime,
) -> None:
    """Keeps answers that the workflow has taken, and takes back what else is open of the visits.

    `answers` are by task: `outcome`, `note`, `data`, `by`, `version` and `at`, as JSON; one that is
    kept already stays. A task may have been withdrawn while its answer was on its way: the answer
    counts.
    """
    await conn.execute(
        _CLOSE,
        {
            "of_order": order_id,
            "answers": answers,
            "answered": list(answers),
            "visits": [f"{step}/{visit}" for step, visit in visits],
            "at": at,
        },
    )


async def withdraw_all(conn: Connection, order_id: str, at: datetime) -> None:
    """Takes back every open task of the order; its cases and follow-ups keep theirs."""
    await conn.execute(
        update(tasks)
        .where(_own(order_id), tasks.c.state == "open")
        .values(state="withdrawn", closed_at=at)
    )


def _own(order_id: str | BindParameter[str]) -> ColumnElement[bool]:
    # Overdue cases and follow-ups have tasks of their own on it.
    own = literal("order-").concat(order_id)
    return (tasks.c.order_id == order_id) & (tasks.c.workflow_id == own)


_CLOSE = _close_statement()


async def move_due(conn: Connection, order_id: str, window: str, due_at: datetime | None) -> None:
    """A window is due at another instant: so are its tasks, and the order if it is there now."""
    of_window = tasks.c.order_id == order_id, tasks.c.state == "open"
    visit = tasks.c.step + "/" + cast(tasks.c.visit, String)
    own = tasks.c.workflow_id
    key = case(
        (own.startswith("case-"), own + "/" + tasks.c.step),
        (own.startswith(PREFIX), own + "/" + visit),
        else_=tasks.c.order_id + "/" + visit,
    )
    await conn.execute(update(tasks).where(*of_window, key == window).values(due_at=due_at))
    step = window.removeprefix(f"{order_id}/").partition("/")[0]
    here = orders.c.id == order_id, orders.c.step == step
    await conn.execute(update(orders).where(*here).values(due_at=due_at))


async def move_due_of_steps(
    conn: Connection, order_id: str, steps: Sequence[str], due_at: datetime
) -> None:
    """Steps without a window of their own are due at another instant."""
    of_steps = tasks.c.order_id == order_id, tasks.c.state == "open", tasks.c.step.in_(steps)
    await conn.execute(update(tasks).where(*of_steps).values(due_at=due_at))
    here = orders.c.id == order_id, orders.c.step.in_(steps)
    await conn.execute(update(orders).where(*here).values(due_at=due_at))


async def visit_facts(
    conn: Connection, order_id: str, step: str, visit: int
) -> dict[str, Any] | None:
    """What the one task of a resource's visit said."""
    found: dict[str, Any] | None = await conn.scalar(
        select(tasks.c.facts).where(
            tasks.c.order_id == order_id, tasks.c.step == step, tasks.c.visit == visit
        )
    )
    return found


async def tell_facts(
    conn: Connection, order_id: str, step: str, visit: int, facts: Mapping[str, Any]
) -> None:
    """What there is to know of a visit's open tasks is now this."""
    of_visit = tasks.c.order_id == order_id, tasks.c.step == step, tasks.c.visit == visit
    await conn.execute(
        update(tasks).where(*of_visit, tasks.c.state == "open").values(facts=dict(facts))
    )


async def step_of(conn: Connection, task_id: str) -> str:
    """The step that asked. Raises UnknownThing."""
    found: str | None = await conn.scalar(select(tasks.c.step).where(tasks.c.id == task_id))
    if found is None:
        raise UnknownThing("task", task_id)
    return found


async def open_roles(conn: Connection, order_id: str, step: str | None = None) -> list[Role]:
    """Roles that the order waits for, in the order in which their tasks opened."""
    query = select(tasks.c.role).where(_own(order_id), tasks.c.state == "open")
    if step is not None:
        query = query.where(tasks.c.step == step)
    found = await conn.scalars(query.order_by(tasks.c.opened_at, tasks.c.id))
    return list(dict.fromkeys(Role(role) for role in found))


async def roles_on(conn: Connection, order_id: str) -> list[Role]:
    """Every role that has or had a task on the order, by name."""
    found = await conn.scalars(
        select(tasks.c.role).distinct().where(tasks.c.order_id == order_id).order_by(tasks.c.role)
    )
    return [Role(role) for role in found]


@dataclass(frozen=True)
class Signature:
    """A reviewer's yes, and what the task showed of the order."""

    role: Role
    facts: Mapping[str, Any]


async def last_signatures(conn: Connection, order_id: str, step: str) -> list[Signature]:
    """Who approved in the last visit of a review."""
    of_step = _own(order_id) & (tasks.c.step == step)
    last = select(func.max(tasks.c.visit)).where(of_step).scalar_subquery()
    found = await conn.execute(
        select(tasks.c.role, tasks.c.facts)
        .where(of_step, tasks.c.visit == last, tasks.c.outcome == "approved")
        .where(tasks.c.state == "done")
        .order_by(tasks.c.id)
    )
    return [Signature(Role(role), facts) for role, facts in found]


async def last_answers(
    conn: Connection, order_id: str, steps: Sequence[str]
) -> list[tuple[str, Role, str]]:
    """Step, role and outcome of what was answered in the last visit of each step."""
    of_step = _own(order_id) & tasks.c.step.in_(steps)
    last = (
        select(tasks.c.step, func.max(tasks.c.visit).label("visit"))
        .where(of_step)
        .group_by(tasks.c.step)
        .subquery()
    )
    found = await conn.execute(
        select(tasks.c.step, tasks.c.role, tasks.c.outcome)
        .join(last, (last.c.step == tasks.c.step) & (last.c.visit == tasks.c.visit))
        .where(of_step, tasks.c.state == "done")
        .order_by(tasks.c.id)
    )
    return [(step, Role(role), outcome) for step, role, outcome in found]
