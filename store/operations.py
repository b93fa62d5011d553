"""What operations ask of the database."""

from sqlalchemy import select

from store.engine import Connection
from store.tables import overdue_cases


async def open_cases_of(conn: Connection, order_id: str, limit: int) -> list[str]:
    """The ids of an order's open overdue cases, the oldest first."""
    columns = overdue_cases.c
    query = (
        select(columns.id)
        .where(columns.order_id == order_id, columns.state == "open")
        .order_by(columns.opened_at, columns.id)
        .limit(limit)
    )
    return list(await conn.scalars(query))
