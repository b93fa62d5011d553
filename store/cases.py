"""Overdue cases: one for each window that was breached, or that somebody opened one for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from domain.causes import Cause
from domain.errors import UnknownThing
from domain.roles import Role
from domain.windows import WindowState
from store.engine import Connection
from store.tables import overdue_cases, windows


@dataclass(frozen=True)
class CaseState:
    """What has been answered so far; `window` is the key of the late one."""

    window: str
    cause: Cause | None
    why: str | None
    analysis: str | None
    measure: str | None
    measure_owner: Role | None
    measure_until: datetime | None
    measure_outcome: str | None


@dataclass(frozen=True)
class Standing:
    """How a case's window stands."""

    stopped: bool
    breached: bool
    due_at: datetime


@dataclass(frozen=True)
class OrderCases:
    """How many overdue cases an order has, and the windows whose case is still open."""

    count: int
    still_open: tuple[str, ...]


async def open_case(
    conn: Connection,
    case_id: str,
    *,
    order_id: str,
    window: str,
    role: Role,
    at: datetime,
    opened_by: str | None,
    why: str | None,
) -> None:
    """Opens the case; a window has one, however often it is asked for."""
    row = {"id": case_id, "order_id": order_id, "window": window, "role": role.value}
    by_hand = {"opened_by": opened_by, "why": why}
    await conn.execute(
        insert(overdue_cases).values(**row, **by_hand, opened_at=at).on_conflict_do_nothing()
    )


async def opened(conn: Connection, order_id: str) -> dict[str, bool]:
    """The cases of an order that have been opened, and whether each is closed."""
    found = await conn.execute(
        select(overdue_cases.c.id, overdue_cases.c.closed_at).where(
            overdue_cases.c.order_id == order_id
        )
    )
    return {row.id: row.closed_at is not None for row in found}


async def case_of(conn: Connection, window: str) -> str | None:
    """The id of the window's case, if it has one."""
    found: str | None = await conn.scalar(
        select(overdue_cases.c.id).where(overdue_cases.c.window == window)
    )
    return found


async def case_state(conn: Connection, case_id: str) -> CaseState:
    """What has been answered so far. Raises UnknownThing."""
    names = tuple(CaseState.__dataclass_fields__)
    found = await conn.execute(
        select(*(overdue_cases.c[name] for name in names)).where(overdue_cases.c.id == case_id)
    )
    row = found.mappings().one_or_none()
    if row is None:
        raise UnknownThing("overdue case", case_id)
    cause, owner = row["cause"], row["measure_owner"]
    known = {
        "cause": Cause(cause) if cause else None,
        "measure_owner": Role(owner) if owner else None,
    }
    return CaseState(**{**row, **known})


async def how_it_stands(conn: Connection, window: str) -> Standing:
    """Whether the window runs, and whether it was missed. Raises UnknownThing."""
    columns = windows.c
    found = await conn.execute(
        select(columns.stopped_at, columns.state, columns.due_at).where(columns.key == window)
    )
    row = found.one_or_none()
    if row is None:
        raise UnknownThing("window", window)
    return Standing(row.stopped_at is not None, row.state == WindowState.BREACHED.value, row.due_at)


async def name_cause(
    conn: Connection, case_id: str, cause: Cause, note: str | None, responsible: str | None
) -> None:
    """Keeps the cause that was stated."""
    await keep_answer(conn, case_id, cause=cause.value, cause_note=note, responsible=responsible)


async def keep_answer(conn: Connection, case_id: str, **columns: Any) -> None:
    """Keeps what was answered to one part of the case."""
    await conn.execute(update(overdue_cases).where(overdue_cases.c.id == case_id).values(**columns))


async def close_case(conn: Connection, case_id: str, responsible: str, at: datetime) -> None:
    """Closes the case."""
    await keep_answer(conn, case_id, state="closed", responsible=responsible, closed_at=at)


async def cases_of_order(conn: Connection, order_id: str) -> OrderCases:
    """The order's cases, those still open by the rule of their window."""
    rows = await conn.execute(
        select(windows.c.rule, overdue_cases.c.state)
        .join(windows, windows.c.key == overdue_cases.c.window)
        .where(overdue_cases.c.order_id == order_id)
        .order_by(overdue_cases.c.opened_at, overdue_cases.c.id)
    )
    found = rows.all()
    return OrderCases(len(found), tuple(rule for rule, state in found if state == "open"))
