"""Shipments: what has left in one piece or in several, and what could not leave."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.base import Record
from store.engine import Connection, execute_each
from store.tables import goods, shipments


@dataclass(frozen=True)
class Parting:
    """Goods that leave or fail to leave: under which key, how much of what, and on what terms."""

    order_id: str
    step_key: str
    at: datetime
    quantities: Mapping[str, int]
    details: Mapping[str, str]
    carrier: str | None = None
    tracking: str | None = None


class ShipmentRow(Record):
    """A shipment, or a dispatch that failed. `details` may hold what staff wrote."""

    step_key: str
    state: str
    shipped_at: datetime | None
    failed_at: datetime | None
    carrier: str | None
    tracking: str | None
    quantities: Mapping[str, int]
    details: Mapping[str, str]


class GoodsRow(Record):
    """How far one product of an order has come."""

    product: str
    made: int
    packed: int
    shipped: int


async def waiting_goods(conn: Connection, order_id: str) -> dict[str, int]:
    """Units by product that are packed and have not left; products with none are left out."""
    here = goods.c.packed - goods.c.shipped
    found = await conn.execute(
        select(goods.c.product, here.label("units"))
        .where(goods.c.order_id == order_id, here > 0)
        .order_by(goods.c.product)
    )
    return {row.product: row.units for row in found}


async def ship_part(conn: Connection, parting: Parting) -> None:
    """Some of the packed goods leave; the release note stays for the rest.

    Raises IntegrityError when they are more than is packed.
    """
    leaving = (
        update(goods)
        .where(goods.c.order_id == parting.order_id, goods.c.product == bindparam("what"))
        .values(shipped=goods.c.shipped + bindparam("units"))
    )
    parts = [{"what": product, "units": n} for product, n in sorted(parting.quantities.items())]
    await execute_each(conn, leaving, parts)
    await _add(conn, parting, "shipped", released_at=parting.at, shipped_at=parting.at)


async def note_failure(conn: Connection, parting: Parting) -> None:
    """The goods could not leave (S35.W21): they stay packed and released."""
    await _add(conn, parting, "failed", failed_at=parting.at)


async def _add(conn: Connection, parting: Parting, state: str, **at: datetime) -> None:
    row = {
        "step_key": parting.step_key,
        "order_id": parting.order_id,
        "state": state,
        "carrier": parting.carrier,
        "tracking": parting.tracking,
        "quantities": dict(parting.quantities),
        "details": dict(parting.details),
    }
    await conn.execute(insert(shipments).values(row | at))


async def last_details(conn: Connection, order_id: str) -> Mapping[str, str]:
    """What the last shipment, or the last that failed, left to be done; nothing without one."""
    at = func.coalesce(shipments.c.shipped_at, shipments.c.failed_at)
    found: Mapping[str, str] | None = await conn.scalar(
        select(shipments.c.details)
        .where(shipments.c.order_id == order_id, at.is_not(None))
        .order_by(at.desc(), func.length(shipments.c.step_key).desc(), shipments.c.step_key.desc())
        .limit(1)
    )
    return found or {}


async def list_shipments(conn: Connection, order_id: str) -> list[ShipmentRow]:
    """All that left or failed to leave, as it came."""
    at = func.coalesce(shipments.c.shipped_at, shipments.c.failed_at)
    columns = [shipments.c[name] for name in ShipmentRow.model_fields]
    found = await conn.execute(
        select(*columns)
        .where(shipments.c.order_id == order_id, at.is_not(None))
        .order_by(at, func.length(shipments.c.step_key), shipments.c.step_key)
    )
    return [ShipmentRow.model_validate(dict(row)) for row in found.mappings()]


async def list_goods(conn: Connection, order_id: str) -> list[GoodsRow]:
    """The order's goods by product."""
    columns = [goods.c[name] for name in GoodsRow.model_fields]
    found = await conn.execute(
        select(*columns).where(goods.c.order_id == order_id).order_by(goods.c.product)
    )
    return [GoodsRow.model_validate(dict(row)) for row in found.mappings()]
