"""The invoice of an order (L32): as it was issued, and what was credited afterwards beside it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from domain.base import Number, Record
from domain.money import Account
from domain.orders import OrderRequest
from store.engine import Connection
from store.ledger import MoneyStanding, standing
from store.owing import Debtor
from store.payment_tables import invoice_numbers, invoices
from store.tables import orders


class Item(Record):
    """A line of the order, with its price."""

    line: int
    product: str
    quantity: int
    unit_price: Number


@dataclass(frozen=True)
class Issued:
    """What an invoice says. Once it has a number nothing of it changes any more."""

    number: str | None
    issued_at: datetime | None
    lines: tuple[Item, ...]
    amount: Decimal
    rush_fee: Decimal
    cost: Decimal

    @property
    def goods(self) -> Decimal:
        """What the goods came to; nothing for an order that was cancelled or refused."""
        return self.amount - self.rush_fee - self.cost


@dataclass(frozen=True)
class Settled:
    """An order's invoice, and how its money stands now; what was credited is beside the total."""

    issued: Issued
    credited: Decimal
    paid: Decimal
    open: Decimal


async def settle(
    conn: Connection, order: Debtor, now: datetime, zone: ZoneInfo, *, issue: bool
) -> Settled:
    """What an order came to; with `issue` its invoice gets its number once it is settled.

    It is settled when it is closed and nothing is open. The number's year is the zone's. The
    caller holds the order's lock.
    """
    had = await standing(conn, order.id, order.currency)
    to_pay = order.to_pay(had)
    invoice = await _issued(conn, order.id)
    if invoice is None:
        query = select(orders.c.body, orders.c.closed_at).where(orders.c.id == order.id)
        body, closed_at = (await conn.execute(query)).one()
        invoice = _draft(order, had, body)
        if issue and closed_at is not None and to_pay == 0 and invoice.amount > 0:
            invoice = await _give_number(conn, order, invoice, now, zone)
    return Settled(invoice, order.gone_back, had.applied, to_pay)


async def _issued(conn: Connection, order_id: str) -> Issued | None:
    columns = invoices.c
    names = ("number", "issued_at", "lines", "amount", "rush_fee", "cost")
    query = select(*(columns[name] for name in names)).where(columns.order_id == order_id)
    row = (await conn.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    return Issued(**{**row, "lines": tuple(Item.model_validate(line) for line in row["lines"])})


def _draft(order: Debtor, had: MoneyStanding, body: dict[str, Any]) -> Issued:
    request = OrderRequest.model_validate(body)
    lines = tuple(
        Item(
            line=number,
            product=line.product,
            quantity=line.quantity,
            unit_price=line.unit_price,
        )
        for number, line in enumerate(request.lines, start=1)
    )
    cost = order.cost + had.of(Account.FORFEITED)
    goods = order.goods + order.gone_back
    return Issued(None, None, lines, goods + order.fee + cost, order.fee, cost)


async def _give_number(
    conn: Connection, order: Debtor, draft: Issued, now: datetime, zone: ZoneInfo
) -> Issued:
    year = now.astimezone(zone).year
    number = f"INV-{year}-{await conn.scalar(invoice_numbers.next_value()):06d}"
    row = {
        "order_id": order.id,
        "number": number,
        "amount": draft.amount,
        "currency": order.currency.value,
        "lines": [line.model_dump(mode="json") for line in draft.lines],
        "rush_fee": draft.rush_fee,
        "cost": draft.cost,
        "issued_at": now,
    }
    await conn.execute(insert(invoices).values(row))
    return Issued(number, now, draft.lines, draft.amount, draft.rush_fee, draft.cost)
