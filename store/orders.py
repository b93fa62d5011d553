"""Orders as the activities write them: one row lock, one projection, one number."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update

from domain.errors import UnknownThing
from domain.orders import OrderState
from store.calendars import CURRENT, Current, as_current
from store.engine import Connection
from store.tables import effects, order_numbers, orders


@dataclass(frozen=True)
class OrderRow:
    """What an activity needs to know of an order. `body` is the OrderRequest as JSON.

    `effect` is what was stored under the key that the order was locked for, `calendars` the newest
    version of every published calendar.
    """

    id: str
    number: str | None
    profile_digest: str
    version: int
    body: Mapping[str, Any]
    promised_at: datetime
    received_at: datetime
    state: OrderState
    step: str | None
    step_since: datetime | None
    level: int | None
    effect: dict[str, Any] | None
    calendars: Current


_LOCKED = (
    "id",
    "number",
    "profile_digest",
    "version",
    "body",
    "promised_at",
    "received_at",
    "state",
    "step",
    "step_since",
    "level",
)

# Built once: putting a statement together costs more than running it.
_LOCK = (
    select(
        *(orders.c[name] for name in _LOCKED),
        effects.c.result.label("effect"),
        CURRENT.label("calendars"),
    )
    .outerjoin_from(orders, effects, effects.c.key == bindparam("of_key"))
    .where(orders.c.id == bindparam("of_order"))
    .with_for_update(of=orders)
)


async def lock_order(conn: Connection, order_id: str, key: str) -> OrderRow:
    """Reads an order and keeps everybody else from writing it. Raises UnknownThing.

    Whoever has waited for the lock sees the order as it is now, and the effect as it was before:
    storing another under the same key raises Conflict.
    """
    found = await conn.execute(_LOCK, {"of_order": order_id, "of_key": key})
    row = found.mappings().one_or_none()
    if row is None:
        raise UnknownThing("order", order_id)
    calendars = as_current(row["calendars"])
    return OrderRow(**{**row, "state": OrderState(row["state"]), "calendars": calendars})


async def project(conn: Connection, order_id: str, **columns: Any) -> None:
    """Writes columns of the order's row: how lists show it."""
    await conn.execute(update(orders).where(orders.c.id == order_id).values(**columns))


async def next_number(conn: Connection, year: int) -> str:
    """A number that no order has: `SO-2026-000001`."""
    return f"SO-{year}-{await conn.scalar(order_numbers.next_value()):06d}"
