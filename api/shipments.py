"""Shipments of an order: what has left, what could not, and what still waits."""

from collections.abc import Mapping
from datetime import datetime

from fastapi import APIRouter

from api.access import Caller, Principal
from api.orders import visible_order
from api.services import Wired
from domain.base import Record
from store.rows import FullOrderRow
from store.shipments import GoodsRow, ShipmentRow, list_goods, list_shipments

router = APIRouter(tags=["shipments"])

_FOR_CUSTOMERS = frozenset({"new_date", "arrival", "missing", "until"})
"""Why something failed, who owes it and how consent was given is the house's business."""


class Shipment(Record):
    """Goods that left on their own, or a dispatch that failed; `details` are its terms."""

    number: int
    state: str
    at: datetime
    carrier: str | None
    tracking: str | None
    quantities: Mapping[str, int]
    details: Mapping[str, str]


class GoodsLine(Record):
    """How far one product is: ordered, packed, shipped, and what is still open."""

    product: str
    ordered: int
    packed: int
    shipped: int
    open: int


class Shipments(Record):
    """All shipments of an order in their order, and its goods."""

    items: tuple[Shipment, ...]
    goods: tuple[GoodsLine, ...]


@router.get("/orders/{order_id}/shipments")
async def shipments(order_id: str, services: Wired, caller: Caller) -> Shipments:
    """Lists what has left, what could not leave, and what still waits to be shipped."""
    order = await visible_order(services, caller, order_id)
    async with services.reading() as conn:
        rows = await list_shipments(conn, order.id)
        goods = await list_goods(conn, order.id)
    items = tuple(_shipment(number, row, caller) for number, row in enumerate(rows, start=1))
    return Shipments(items=items, goods=_goods(order, goods))


def _shipment(number: int, row: ShipmentRow, caller: Principal) -> Shipment:
    at = row.shipped_at or row.failed_at
    assert at is not None, "only what left or failed to leave is listed"
    shown = {
        name: text
        for name, text in row.details.items()
        if caller.is_staff or name in _FOR_CUSTOMERS
    }
    return Shipment(
        number=number,
        state=row.state,
        at=at,
        carrier=row.carrier,
        tracking=row.tracking,
        quantities=row.quantities,
        details=shown,
    )


def _goods(order: FullOrderRow, rows: list[GoodsRow]) -> tuple[GoodsLine, ...]:
    ordered: dict[str, int] = {}
    for line in order.body["lines"]:
        ordered[line["product"]] = ordered.get(line["product"], 0) + line["quantity"]
    known = {row.product: row for row in rows}
    found = []
    for product in sorted(ordered.keys() | known.keys()):
        row = known.get(product)
        wanted, shipped = ordered.get(product, 0), row.shipped if row else 0
        found.append(
            GoodsLine(
                product=product,
                ordered=wanted,
                packed=row.packed if row else 0,
                shipped=shipped,
                open=max(wanted - shipped, 0),
            )
        )
    return tuple(found)
