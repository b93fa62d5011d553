"""Windows and their marks: when something was due, and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    String,
    Update,
    any_,
    bindparam,
    case,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from domain.errors import UnknownThing
from domain.roles import Role
from domain.windows import DueWindow, Mark, Slack, WindowState
from store.engine import Connection, execute_each
from store.tables import Instant, marks, overdue_cases, windows


@dataclass(frozen=True)
class WindowRow:
    """What a notice says of a window."""

    rule: str
    step: str
    role: Role
    due_at: datetime


async def record_windows(
    conn: Connection, order_id: str, opened: Iterable[tuple[DueWindow, str]]
) -> None:
    """Writes down opened windows, each with its explanation; their marks follow when they fall."""
    rows = [
        {
            "key": window.key,
            "order_id": order_id,
            "rule": window.rule,
            "step": window.step,
            "role": window.role.value,
            "limit": str(window.limit),
            "calendar": window.calendar,
            "provisional": window.provisional,
            "started_at": window.started_at,
            "due_at": window.due_at,
            "explanation": explanation,
        }
        for window, explanation in opened
    ]
    await execute_each(conn, insert(windows), rows)


def _stop(which: ColumnElement[bool], verdict: WindowState = WindowState.KEPT) -> Update:
    # The breach may be recorded a moment later; being late is decided by the instants.
    at = bindparam("at", type_=Instant)
    late = (windows.c.state == WindowState.BREACHED.value) | (windows.c.due_at < at)
    state = case((late, WindowState.BREACHED.value), else_=verdict.value)
    return (
        update(windows)
        .where(which, windows.c.stopped_at.is_(None))
        .values(state=state, stopped_at=at)
    )


# Built once: putting a statement together costs more than running it.
_SETTLE = _stop(windows.c.key == any_(bindparam("keys", type_=ARRAY(String))))


async def settle_windows(conn: Connection, keys: Iterable[str], at: datetime) -> None:
    """The steps were left at `at`: each window was kept, or it was not. Does nothing twice."""
    await conn.execute(_SETTLE, {"keys": list(keys), "at": at})


async def settle_all(conn: Connection, order_id: str, at: datetime, *, given_up: bool) -> None:
    """Stops every running window of an order; those of its overdue cases run on.

    `given_up` windows were neither kept nor missed: the order was refused or cancelled.
    """
    verdict = WindowState.STOPPED if given_up else WindowState.KEPT
    await conn.execute(_stop(_of_no_case(order_id), verdict), {"at": at})


def _of_no_case(order_id: str) -> ColumnElement[bool]:
    case_keys = (overdue_cases.c.id + "/cause", overdue_cases.c.id + "/closing")
    of_case = exists().where(
        overdue_cases.c.order_id == windows.c.order_id, windows.c.key.in_(case_keys)
    )
    return (windows.c.order_id == order_id) & ~of_case


async def is_of_case(conn: Connection, order_id: str, key: str) -> bool:
    """Whether the window belongs to an overdue case rather than to a step of the order."""
    found = await conn.scalar(
        select(windows.c.key).where(_of_no_case(order_id), windows.c.key == key)
    )
    return found is None


async def find_window(conn: Connection, key: str) -> WindowRow:
    """The window. Raises UnknownThing."""
    found = await conn.execute(
        select(windows.c.rule, windows.c.step, windows.c.role, windows.c.due_at).where(
            windows.c.key == key
        )
    )
    row = found.one_or_none()
    if row is None:
        raise UnknownThing("window", key)
    return WindowRow(row.rule, row.step, Role(row.role), row.due_at)


async def record_mark(
    conn: Connection, key: str, mark: Mark, due_at: datetime, now: datetime
) -> bool:
    """Writes down that a mark has fallen; False when it was written down before."""
    done = await conn.execute(
        insert(marks)
        .values(window=key, mark=mark.value, due_at=due_at, recorded_at=now)
        .on_conflict_do_nothing()
    )
    if done.rowcount == 1 and mark is Mark.BREACH:
        await conn.execute(
            update(windows).where(windows.c.key == key).values(state=WindowState.BREACHED.value)
        )
    return done.rowcount == 1


async def standing(conn: Connection, order_id: str) -> tuple[Slack, int | None]:
    """How the order stands now: the worst of its running windows, and the highest rung."""
    found = await conn.scalars(
        select(func.distinct(marks.c.mark))
        .join(windows, windows.c.key == marks.c.window)
        .where(_of_no_case(order_id), windows.c.stopped_at.is_(None))
    )
    level = max((Mark(mark).level for mark in found), default=None)
    if level is None:
        return Slack.ON_TIME, None
    return (Slack.WARNED if level == Mark.WARNING.level else Slack.BREACHED), level
