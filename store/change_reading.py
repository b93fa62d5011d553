"""Changes as they are read: what an order has gone through, and list prices."""

from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import select, tuple_

from domain.base import Record
from domain.changes import ChangeState
from domain.roles import Role
from store.changes import being_decided
from store.engine import Connection
from store.reading import Place
from store.rows import WishRow
from store.tables import changes, products, tasks


class AppliedChange(Record):
    """A change that was made, and the order's fields that it touched."""

    id: str
    fields: tuple[str, ...]


async def list_prices(conn: Connection, codes: Iterable[str], currency: str) -> dict[str, Decimal]:
    """List prices in one currency, by product; products without one are left out."""
    price = products.c.prices[currency].as_string()
    found = await conn.execute(
        select(products.c.code, price).where(products.c.code.in_(list(codes)), price.is_not(None))
    )
    return {code: Decimal(text) for code, text in found}


async def applied_since(conn: Connection, order_id: str, version: int) -> list[AppliedChange]:
    """The changes that made a version of the order after `version`, as they were made."""
    found = await conn.execute(
        select(changes.c.id, changes.c.patch)
        .where(
            changes.c.order_id == order_id,
            changes.c.kind == "change",
            changes.c.state == ChangeState.APPLIED.value,
            changes.c.applied_version > version,
        )
        .order_by(changes.c.applied_version)
    )
    return [AppliedChange(id=row.id, fields=tuple(sorted(row.patch))) for row in found]


async def asked_for_change(
    conn: Connection, order_id: str, steps: Iterable[str]
) -> dict[str, tuple[Role, ...]]:
    """Who has an open task in `steps`, by the change under way: the one that was taken up."""
    roles = await conn.scalars(
        select(tasks.c.role)
        .where(tasks.c.order_id == order_id, tasks.c.state == "open", tasks.c.step.in_(list(steps)))
        .order_by(tasks.c.opened_at, tasks.c.id)
    )
    asked = tuple(Role(role) for role in roles)
    if not asked:
        return {}
    found = await being_decided(conn, order_id)
    return {} if found is None else {found["id"]: asked}


async def list_wishes(
    conn: Connection, order_id: str, after: Place | None, limit: int
) -> list[WishRow]:
    """Changes, cancellations and receipts of an order, the newest first."""
    query = select(*(changes.c[name] for name in WishRow.model_fields)).where(
        changes.c.order_id == order_id
    )
    if after is not None:
        query = query.where(tuple_(changes.c.requested_at, changes.c.id) < tuple_(*after))
    query = query.order_by(changes.c.requested_at.desc(), changes.c.id.desc()).limit(limit)
    return [WishRow(**row) for row in (await conn.execute(query)).mappings()]
