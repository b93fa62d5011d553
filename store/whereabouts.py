"""Where orders stand, for those who move them in the engine: number, step, hold."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from domain.base import Record
from store.engine import Connection
from store.tables import orders


class Whereabouts(Record):
    """An order's number and step; `held_at` says since when operations hold it."""

    id: str
    number: str | None
    step: str | None
    held_at: datetime | None


async def whereabouts(conn: Connection, ids: Sequence[str]) -> dict[str, Whereabouts]:
    """Where these orders stand; unknown ids are left out."""
    columns = orders.c
    query = select(columns.id, columns.number, columns.step, columns.held_at).where(
        columns.id.in_(ids)
    )
    rows = (await conn.execute(query)).mappings()
    return {row["id"]: Whereabouts(**row) for row in rows}
