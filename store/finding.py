"""Which order people mean: by its number, its id, or the beginning of its id."""

from sqlalchemy import or_, select

from domain.base import Record
from store.engine import Connection
from store.tables import orders


class NamedOrder(Record):
    """An order as people name it."""

    id: str
    number: str | None


async def orders_named(conn: Connection, wanted: str, limit: int) -> list[NamedOrder]:
    """Orders with this number, or whose id begins with `wanted`."""
    columns = orders.c
    query = (
        select(columns.id, columns.number)
        .where(or_(columns.number == wanted, columns.id.startswith(wanted, autoescape=True)))
        .order_by(columns.id)
        .limit(limit)
    )
    return [NamedOrder(**row) for row in (await conn.execute(query)).mappings()]
