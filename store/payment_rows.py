"""Payments and refunds as they are read."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, tuple_

from domain.base import Record
from domain.errors import UnknownThing
from domain.money import Currency
from domain.payments import PaymentOutcome, PaymentState, RefundState
from store.engine import Connection
from store.money_tables import ledger
from store.payment_tables import payments, refunds
from store.tables import orders

Place = tuple[datetime, str]


class PaymentRow(Record):
    """A payment as it stands; a refused notice may lack what could not be read."""

    id: str
    source: str
    reference: str | None
    notice: str | None
    digest: str
    named_order: str | None
    order_id: str | None
    customer: str | None
    amount: Decimal | None
    currency: Currency | None
    route: str | None
    purpose: str | None
    state: PaymentState
    why: str | None
    outcome: PaymentOutcome
    reported_by: str
    arrived_at: datetime
    created_at: datetime


class RefundRow(Record):
    """A refund as it stands."""

    id: str
    key: str
    holder: str
    order_id: str | None
    payment: str | None
    customer: str | None
    amount: Decimal
    currency: Currency
    from_goods: Decimal
    state: RefundState
    reason: str
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    rejected_by: str | None
    rejected_at: datetime | None
    rejected_because: str | None
    paid_by: str | None
    paid_at: datetime | None
    paid_reference: str | None
    follow_up: str | None


class PaymentFilter(Record):
    """Which payments; what is none does not matter.

    `order` is an id or a number; of a payment in parts each order that has one finds it.
    """

    state: PaymentState | None = None
    order: str | None = None
    customer: str | None = None
    source: str | None = None
    reference: str | None = None


def _payments() -> Select[Any]:
    return select(*(payments.c[name] for name in PaymentRow.model_fields))


async def find_payment(conn: Connection, payment_id: str) -> PaymentRow | None:
    """One payment; none when there is none."""
    row = (await conn.execute(_payments().where(payments.c.id == payment_id))).mappings()
    found = row.one_or_none()
    return None if found is None else PaymentRow(**found)


async def known_payment(conn: Connection, payment_id: str, *, lock: bool = False) -> PaymentRow:
    """One payment; with `lock` nobody else changes it meanwhile. Raises UnknownThing."""
    query = _payments().where(payments.c.id == payment_id)
    found = await conn.execute(query.with_for_update() if lock else query)
    row = found.mappings().one_or_none()
    if row is None:
        raise UnknownThing("payment", payment_id)
    return PaymentRow(**row)


async def take_reference(conn: Connection, reference: str) -> None:
    """Whoever else reports this reference waits until the end; taken before any order's lock."""
    key = func.hashtextextended(f"reference/{reference}", 0)
    await conn.execute(select(func.pg_advisory_xact_lock(key)))


async def reported_under(conn: Connection, reference: str) -> list[PaymentRow]:
    """The payments that count under this reference, from whatever source, the first one first."""
    query = (
        _payments()
        .where(payments.c.reference == reference, payments.c.state != PaymentState.REFUSED.value)
        .order_by(payments.c.created_at, payments.c.id)
    )
    return [PaymentRow(**row) for row in (await conn.execute(query)).mappings()]


async def of_notice(conn: Connection, source: str, notice: str) -> PaymentRow | None:
    """What the first notice of this id led to; another one of it waits until the end."""
    key = func.hashtextextended(f"{source}/{notice}", 0)
    await conn.execute(select(func.pg_advisory_xact_lock(key)))
    query = (
        _payments()
        .where(payments.c.source == source, payments.c.notice == notice)
        .order_by(payments.c.created_at, payments.c.id)
        .limit(1)
    )
    row = (await conn.execute(query)).mappings().one_or_none()
    return None if row is None else PaymentRow(**row)


async def list_payments(
    conn: Connection, wanted: PaymentFilter, after: Place | None, limit: int
) -> list[PaymentRow]:
    """Payments, the newest first."""
    columns = payments.c
    query = _payments()
    if wanted.order is not None:
        query = query.where(_has_paid(wanted.order))
    equal = {
        columns.state: wanted.state,
        columns.customer: wanted.customer,
        columns.source: wanted.source,
        columns.reference: wanted.reference,
    }
    for column, value in equal.items():
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(tuple_(columns.created_at, columns.id) < tuple_(*after))
    query = query.order_by(columns.created_at.desc(), columns.id.desc()).limit(limit)
    return [PaymentRow(**row) for row in (await conn.execute(query)).mappings()]


def _has_paid(named: str) -> ColumnElement[bool]:
    """Whether a payment is on this order, or a part of it has come there."""
    of = select(orders.c.id).where(or_(orders.c.id == named, orders.c.number == named))
    order = of.scalar_subquery()
    brought = select(ledger.c.payment).where(ledger.c.target_holder == order)
    return or_(payments.c.order_id == order, payments.c.id.in_(brought))


def _refunds() -> Select[Any]:
    return select(*(refunds.c[name] for name in RefundRow.model_fields))


async def known_refund(conn: Connection, refund_id: str, *, lock: bool = False) -> RefundRow:
    """One refund; with `lock` nobody else changes it meanwhile. Raises UnknownThing."""
    query = _refunds().where(refunds.c.id == refund_id)
    found = await conn.execute(query.with_for_update() if lock else query)
    row = found.mappings().one_or_none()
    if row is None:
        raise UnknownThing("refund", refund_id)
    return RefundRow(**row)


async def list_refunds(conn: Connection, order_id: str) -> list[RefundRow]:
    """The refunds of an order, the oldest first."""
    query = (
        _refunds()
        .where(refunds.c.order_id == order_id)
        .order_by(refunds.c.proposed_at, refunds.c.id)
    )
    return [RefundRow(**row) for row in (await conn.execute(query)).mappings()]
