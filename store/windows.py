"""Windows and their marks: when something was due, and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.errors import UnknownThing
from domain.roles import Role
from domain.windows import DueWindow, Mark, Slack, WindowState
from store.engine import Connection, execute_each
from store.tables import marks, overdue_cases, windows


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


async def settle_windows(conn: Connection, keys: Iterable[str], at: datetime) -> None:
    """The steps were left at `at`: each window was kept, or it was not. Does nothing twice."""
    await _stop(conn, windows.c.key.in_(list(keys)), at)


async def settle_all(conn: Connection, order_id: str, at: datetime, *, given_up: bool) -> None:
    """Stops every running window of an order; those of its overdue cases run on.

    `given_up` windows were neither kept nor missed: the order was refused or cancelled.
    """
    await _stop(conn, _of_no_case(order_id), at, WindowState.STOPPED if given_up else None)


async def _stop(
    conn: Connection,
    which: ColumnElement[bool],
    at: datetime,
    verdict: WindowState | None = None,
) -> None:
    # The breach may be recorded a moment later; being late is decided by the instants.
    late = (windows.c.state == WindowState.BREACHED.value) | (windows.c.due_at < at)
    state = case((late, WindowState.BREACHED.value), else_=(verdict or WindowState.KEPT).value)
    await conn.execute(
        update(windows)
        .where(which, windows.c.stopped_at.is_(None))
        .values(state=state, stopped_at=at)
    )


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
