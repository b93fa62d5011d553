"""Settlement (L32): statements compared with what was booked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from domain.money import Currency
from domain.payments import Difference, PaymentState, StatementLine
from domain.roles import Role
from store.engine import Connection
from store.follow_ups import Wanted, want
from store.payment_rows import PaymentRow
from store.payment_tables import payments
from store.story import Message, queue

COUNTED = (PaymentState.MATCHED.value, PaymentState.UNMATCHED.value)


@dataclass(frozen=True)
class Compared:
    """A line of a statement beside what was booked; one of the two may be missing."""

    reference: str
    kind: Difference | None
    said: StatementLine | None = None
    booked: PaymentRow | None = None
    follow_up: str | None = None


async def booked_between(
    conn: Connection, customer: str, since: date, until: date, zone: ZoneInfo
) -> Sequence[PaymentRow]:
    """A customer's payments that arrived on these days, both included."""
    midnight = datetime.combine(since, time(), zone)
    beyond = datetime.combine(until + timedelta(days=1), time(), zone)
    arrived_at = payments.c.arrived_at
    return await _payments(
        conn, payments.c.customer == customer, arrived_at >= midnight, arrived_at < beyond
    )


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
    payment = min(payments_, key=lambda row: _distance(customer, line, row))
    if payment.customer != customer:
        kind: Difference | None = Difference.OTHER_CUSTOMER
    elif payment.currency is not line.currency:
        kind = Difference.OTHER_CURRENCY
    else:
        kind = None if payment.amount == line.amount else Difference.OTHER_AMOUNT
    return Compared(line.reference, kind, said=line, booked=payment)


def _distance(customer: str, line: StatementLine, row: PaymentRow) -> tuple[bool, bool, bool]:
    return row.customer != customer, row.currency is not line.currency, row.amount != line.amount


async def hand_over(
    conn: Connection, customer: str, found: Compared, *, by: str, at: datetime
) -> str | None:
    """Makes a difference a task of finance, once: a follow-up where an order is known, or a notice.

    Returns the follow-up.
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
        return await want(conn, wanted)
    words = f"{found.kind.replace('_', ' ')} ({_sums(found)})"
    told = Message(
        key=key,
        at=at,
        kind="payment_difference",
        text=f"Statement of customer {customer}, reference {found.reference}: {words}",
        text_zh=f"客户 {customer} 对账差异，流水号 {found.reference}：{_ZH[found.kind]}",
        to_role=Role.FINANCE,
    )
    await queue(conn, None, [told])
    return None


_ZH = {
    Difference.MISSING_HERE: "我方无此款项",
    Difference.MISSING_THERE: "对账单无此款项",
    Difference.OTHER_AMOUNT: "金额不符",
    Difference.OTHER_CURRENCY: "币种不符",
    Difference.OTHER_CUSTOMER: "属于其他客户",
}


def _facts(found: Compared) -> dict[str, Any]:
    facts: dict[str, Any] = {"because": found.kind, "reference": found.reference}
    if found.said is not None:
        facts["statement"] = _money(found.said.amount, found.said.currency)
    if found.booked is not None:
        facts["booked"] = _money(found.booked.amount, found.booked.currency)
    return facts


def _sums(found: Compared) -> str:
    facts = _facts(found)
    return ", ".join(f"{name} {facts[name]}" for name in ("statement", "booked") if name in facts)


def _money(amount: Decimal | None, currency: Currency | None) -> str:
    return f"{(amount or Decimal(0)).normalize():f} {currency}"
