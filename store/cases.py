"""Overdue cases: one for each window that was breached."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from domain.causes import Cause
from domain.roles import Role
from store.engine import Connection
from store.tables import overdue_cases


async def open_case(
    conn: Connection, case_id: str, *, order_id: str, window: str, role: Role, at: datetime
) -> None:
    """Opens the case; a window has one, however often it is asked for."""
    row = {"id": case_id, "order_id": order_id, "window": window, "role": role.value}
    await conn.execute(insert(overdue_cases).values(**row, opened_at=at).on_conflict_do_nothing())


async def name_cause(
    conn: Connection, case_id: str, cause: Cause, note: str | None, responsible: str | None
) -> None:
    """Keeps the cause that was stated."""
    await conn.execute(
        update(overdue_cases)
        .where(overdue_cases.c.id == case_id)
        .values(cause=cause.value, cause_note=note, responsible=responsible)
    )


async def stated_cause(conn: Connection, case_id: str) -> Cause | None:
    """The cause, if one was stated."""
    found: str | None = await conn.scalar(
        select(overdue_cases.c.cause).where(overdue_cases.c.id == case_id)
    )
    return Cause(found) if found else None


async def close_case(conn: Connection, case_id: str, responsible: str, at: datetime) -> None:
    """Closes the case."""
    await conn.execute(
        update(overdue_cases)
        .where(overdue_cases.c.id == case_id)
        .values(state="closed", responsible=responsible, closed_at=at)
    )
