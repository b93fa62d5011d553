"""Orders as the activities write them: one row lock, one projection, one number."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select, update

from domain.errors import UnknownThing
from domain.orders import OrderState
from store.engine import Connection
from store.tables import order_numbers, orders


@dataclass(frozen=True)
class OrderRow:
    """What an activity needs to know of an order. `body` is the OrderRequest as JSON."""

    id: str
    number: str | None
    profile_digest: str
    version: int
    body: Mapping[str, Any]
    promised_at: datetime
    state: OrderState


async def lock_order(conn: Connection, order_id: str) -> OrderRow:
    """Reads an order and keeps everybody else from writing it. Raises UnknownThing."""
    columns = ("id", "number", "profile_digest", "version", "body", "promised_at", "state")
    found = await conn.execute(
        select(*(orders.c[name] for name in columns))
        .where(orders.c.id == order_id)
        .with_for_update()
    )
    row = found.mappings().one_or_none()
    if row is None:
        raise UnknownThing("order", order_id)
    return OrderRow(**{**row, "state": OrderState(row["state"])})


async def project(conn: Connection, order_id: str, **columns: Any) -> None:
    """Writes columns of the order's row: how lists show it."""
    await conn.execute(update(orders).where(orders.c.id == order_id).values(**columns))


async def give_number(conn: Connection, order_id: str, year: int) -> str:
    """The order's number, given now unless it has one: `SO-2026-000001`."""
    given: str | None = await conn.scalar(select(orders.c.number).where(orders.c.id == order_id))
    if given is None:
        given = f"SO-{year}-{await conn.scalar(order_numbers.next_value()):06d}"
        await project(conn, order_id, number=given)
    return given


async def rewrite(
    conn: Connection,
    order_id: str,
    *,
    body: Mapping[str, Any],
    version: int,
    amount: Decimal,
    promised_at: datetime,
    now: datetime,
) -> None:
    """Stores the order's next version."""
    await project(
        conn,
        order_id,
        body=body,
        version=version,
        amount=amount,
        promised_at=promised_at,
        updated_at=now,
    )
