"""Settlement (L32): statements compared with what was booked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select

from domain.money import Currency
from domain.payments import Difference, PaymentState, StatementLine
from store.differences import Found, keep
from store.engine import Connection
from store.follow_ups import Wanted, want
from store.payment_rows import PaymentRow
from store.payment_tables import payments

COUNTED = tuple(state.value for state in PaymentState if state is not PaymentState.REFUSED)


@dataclass(frozen=True)
class Compared:
    """A line of a statement beside what was booked; one of the two may be missing.

    `also` are other payments under the same reference.
    """

    reference: str
    kind: Difference | None
    said: StatementLine | None = None
    booked: PaymentRow | None = None
    also: tuple[str, ...] = ()
    follow_up: str | None = None
    difference: str | None = None


EDGE = timedelta(days=3)
"""How far apart a bank and we may date the same payment."""


async def booked_between(
    conn: Connection, customer: str, since: date, until: date, zone: ZoneInfo
) -> Sequence[PaymentRow]:
    """A customer's payments of these days, both included, that no statement has had yet.

    Where an earlier statement was compared those of the days before it belong to them: it may have
    left them to this one.
    """
    own = payments.c.customer == customer
    earlier = await conn.scalar(select(exists().where(own, payments.c.stated_on < since)))
    midnight = datetime.combine(since, time(), zone) - (EDGE if earlier else timedelta())
    beyond = datetime.combine(until + timedelta(days=1), time(), zone)
    arrived_at = payments.c.arrived_at
    in_time = arrived_at >= midnight, arrived_at < beyond
    return await _payments(conn, own, payments.c.stated_on.is_(None), *in_time)


def may_come_later(found: Compared, until: date, zone: ZoneInfo) -> bool:
    """Whether a bank may date a payment behind the statement's last day, and so have it next."""
    last = datetime.combine(until + timedelta(days=1), time(), zone) - EDGE
    booked = found.booked
    missing = found.kind is Difference.MISSING_THERE
    return missing and booked is not None and booked.arrived_at >= last


async def note_stated(conn: Connection, customer: str, found: Sequence[Compared]) -> None:
    """The customer's payments that this statement has are missing in no other one."""
    for one in found:
        if one.said is not None and one.booked is not None and one.booked.customer == customer:
            query = payments.update().where(payments.c.id == one.booked.id)
            await conn.execute(query.values(stated_on=one.said.date))


async def booked_under(conn: Connection, references: Sequence[str]) -> Sequence[PaymentRow]:
    """The payments of any customer under these references."""
    return await _payments(conn, payments.c.reference.in_(references))


async def _payments(conn: Connection, *where: Any) -> Sequence[PaymentRow]:
    query = (
        select(*(payments.c[name] for name in PaymentRow.model_fields))
        .where(payments.c.state.in_(COUNTED), *where)
        .order_by(payments.c.arrived_at, payments.c.id)
    )
    return [PaymentRow(**row) for row in (await conn.execute(query)).mappings()]


def compare(
    customer: str,
    lines: Sequence[StatementLine],
    under: Sequence[PaymentRow],
    between: Sequence[PaymentRow],
) -> list[Compared]:
    """Each line beside its payment, then the payments that the statement does not have."""
    by_reference: dict[str, list[PaymentRow]] = {}
    for payment in under:
        by_reference.setdefault(payment.reference or "", []).append(payment)
    found = [_one(customer, line, by_reference.get(line.reference, [])) for line in lines]
    named = {line.reference for line in lines}
    missing = [payment for payment in between if payment.reference not in named]
    return found + [
        Compared(payment.reference or "", Difference.MISSING_THERE, booked=payment)
        for payment in missing
    ]


def _one(customer: str, line: StatementLine, payments_: Sequence[PaymentRow]) -> Compared:
    """The payment that fits the line best, and what is different about it."""
    if not payments_:
        return Compared(line.reference, Difference.MISSING_HERE, said=line)
    payment, *others = sorted(payments_, key=lambda row: _distance(customer, line, row))
    kind: Difference | None = None
    if others:
        kind = Difference.BOOKED_TWICE
    elif payment.customer != customer:
        kind = Difference.OTHER_CUSTOMER
    elif payment.currency is not line.currency:
        kind = Difference.OTHER_CURRENCY
    elif payment.amount != line.amount:
        kind = Difference.OTHER_AMOUNT
    also = tuple(sorted(row.id for row in others))
    return Compared(line.reference, kind, said=line, booked=payment, also=also)


def _distance(customer: str, line: StatementLine, row: PaymentRow) -> tuple[bool, ...]:
    """What is on an order comes before what is held: its order's task says what is odd."""
    elsewhere = row.customer != customer, row.order_id is None
    return *elsewhere, row.currency is not line.currency, row.amount != line.amount


async def hand_over(
    conn: Connection, customer: str, found: Compared, *, by: str, at: datetime
) -> Compared:
    """Gives a difference to finance, once: as a follow-up where an order is known, else as an
    open difference with a notice.
    """
    assert found.kind is not None, "what agrees is nobody's task"
    facts = _facts(found)
    about = "/".join(str(fact) for fact in facts.values())
    key = f"statement/{customer}/{about}"[:200]
    payment = found.booked
    if payment is not None and payment.order_id is not None:
        wanted = Wanted(
            key=key,
            kind="payment",
            order_id=payment.order_id,
            requested_by=by,
            requested_at=at,
            subject=payment.id,
            facts=facts,
        )
        return replace(found, follow_up=await want(conn, wanted))
    words = f"{found.kind.replace('_', ' ')} ({_sums(found)})"
    without_order = Found(
        key=key,
        kind=found.kind,
        text=f"Statement of customer {customer}, reference {found.reference}: {words}",
        text_zh=f"客户 {customer} 对账差异，流水号 {found.reference}：{_ZH[found.kind]}",
        by=by,
        at=at,
        notice="payment_difference",
        reference=found.reference or None,
        customer=customer,
        payment=payment.id if payment is not None else None,
    )
    return replace(found, difference=await keep(conn, without_order))


_ZH = {
    Difference.MISSING_HERE: "我方无此款项",
    Difference.MISSING_THERE: "对账单无此款项",
    Difference.OTHER_AMOUNT: "金额不符",
    Difference.OTHER_CURRENCY: "币种不符",
    Difference.OTHER_CUSTOMER: "属于其他客户",
    Difference.BOOKED_TWICE: "同一流水号登记多笔款项",
}


def _facts(found: Compared) -> dict[str, Any]:
    facts: dict[str, Any] = {"because": found.kind, "reference": found.reference}
    if found.said is not None:
        facts["statement"] = _money(found.said.amount, found.said.currency)
    if found.booked is not None:
        facts["booked"] = _money(found.booked.amount, found.booked.currency)
    if found.also:
        facts["also"] = ", ".join(found.also)
    return facts


def _sums(found: Compared) -> str:
    facts = _facts(found)
    return ", ".join(f"{name} {facts[name]}" for name in ("statement", "booked") if name in facts)


def _money(amount: Decimal | None, currency: Currency | None) -> str:
    return f"{(amount or Decimal(0)).normalize():f} {currency}"
