"""Settlement: what an invoice says, and a customer's statement beside our books (L32)."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter

from api import examples
from api.access import Caller
from api.body import Posted, posted
from api.money_views import Sum
from api.openapi import takes
from api.orders import visible_order
from api.problems import FieldError, invalid
from api.services import Wired, plausible
from domain.base import Record
from domain.errors import InvalidField, UnknownThing
from domain.money import Currency, rounded
from domain.payments import Difference, Statement
from domain.roles import Role
from store.differences import settle_agreed
from store.invoicing import Settled, settle
from store.owing import Debtor, debtor
from store.reading import customer_exists
from store.settling import (
    Compared,
    booked_between,
    booked_under,
    compare,
    hand_over,
    may_come_later,
    note_stated,
)

router = APIRouter(tags=["money"])

ZONE = ZoneInfo("Asia/Shanghai")
"""The company's: a statement's days are its days, an invoice's year is its year."""


class InvoiceLine(Record):
    """A line of the order with its price."""

    line: int
    product: str
    quantity: int
    unit_price: Decimal
    amount: Decimal


class Invoice(Record):
    """What an order came to. It has a number once the order is closed and all of it is paid.

    With a number its lines, goods, rush fee, cost and total stay as they were. `credited` is what
    has gone back since, or is about to; it stands beside the total.
    """

    number: str | None
    issued_at: datetime | None
    order: str
    order_number: str | None
    customer: str
    state: str
    currency: Currency
    lines: tuple[InvoiceLine, ...]
    goods: Sum
    rush_fee: Sum
    cost: Sum
    total: Sum
    credited: Sum
    paid: Sum
    open: Sum


class SaidAndBooked(Record):
    """A payment of the statement beside ours."""

    reference: str
    kind: Difference | None
    statement_amount: Sum | None
    statement_currency: Currency | None
    payment: str | None
    booked_amount: Sum | None
    booked_currency: Currency | None
    order: str | None
    follow_up: str | None
    difference: str | None


class Reconciliation(Record):
    """How a statement and our books agree.

    Each of `differences` is finance's, as a `follow_up` of an order or as an open `difference`.
    `awaited` are payments of the period's last days that the next statement may have.
    """

    customer: str
    since: date
    until: date
    matched: tuple[SaidAndBooked, ...]
    differences: tuple[SaidAndBooked, ...]
    awaited: tuple[SaidAndBooked, ...]


@router.get("/orders/{order_id}/invoice")
async def invoice(order_id: str, services: Wired, caller: Caller) -> Invoice:
    """Says what an order's invoice has to say.

    Its number is given once, when finance first asks for it after the order is settled.
    """
    row = await visible_order(services, caller, order_id)
    async with services.writing() as conn:
        order = await debtor(conn, row.id, lock=True)
        assert order is not None, "an order is never deleted"
        issue = Role.FINANCE in caller.roles
        settled = await settle(conn, order, datetime.now(UTC), ZONE, issue=issue)
    return _invoice(order, settled)


def _invoice(order: Debtor, settled: Settled) -> Invoice:
    def whole(amount: Decimal) -> Decimal:
        return rounded(amount, order.currency)

    issued = settled.issued
    return Invoice(
        number=issued.number,
        issued_at=issued.issued_at,
        order=order.id,
        order_number=order.number,
        customer=order.customer,
        state=order.state,
        currency=order.currency,
        lines=tuple(
            InvoiceLine(**line.model_dump(), amount=line.quantity * line.unit_price)
            for line in issued.lines
        ),
        goods=whole(issued.goods),
        rush_fee=whole(issued.rush_fee),
        cost=whole(issued.cost),
        total=whole(issued.amount),
        credited=whole(settled.credited),
        paid=whole(settled.paid),
        open=whole(settled.open),
    )


@router.post("/customers/{code}/reconciliation", openapi_extra=takes(Statement, examples.STATEMENT))
async def reconcile(
    code: str,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[Statement], posted(Statement)],
) -> Reconciliation:
    """Compares a customer's statement with our books, by reference.

    Each difference becomes finance's to settle, once, however often the statement is sent. Days are
    the company's; that a bank dates a payment up to 3 days otherwise than we do is no difference.
    """
    key = plausible("customer", code)
    statement = body.value
    _must_name_once(statement)
    since, until = _period(statement)
    now = datetime.now(UTC)
    async with services.writing() as conn:
        if not await customer_exists(conn, key):
            raise UnknownThing("customer", key)
        under = await booked_under(conn, [line.reference for line in statement.lines])
        between = await booked_between(conn, key, since, until, ZONE)
        found = compare(key, statement.lines, under, between)
        await note_stated(conn, key, found)
        awaited = [one for one in found if may_come_later(one, until, ZONE)]
        matched = [one for one in found if one.kind is None]
        agreed = [one.reference for one in matched]
        await settle_agreed(conn, key, agreed, by=caller.name, at=now)
        differ = [
            await hand_over(conn, key, one, by=caller.name, at=now)
            for one in found
            if one.kind is not None and one not in awaited
        ]
    return Reconciliation(
        customer=key,
        since=since,
        until=until,
        matched=tuple(_shown(one) for one in matched),
        differences=tuple(_shown(one) for one in differ),
        awaited=tuple(_shown(one) for one in awaited),
    )


def _must_name_once(statement: Statement) -> None:
    count = Counter(line.reference for line in statement.lines)
    faults = [
        FieldError(
            field=f"lines[{index}].reference",
            message="comes more than once",
            cure="leave one out, or ask who wrote the statement which is right",
        )
        for index, line in enumerate(statement.lines)
        if count[line.reference] > 1
    ]
    if faults:
        raise invalid(faults)


def _period(statement: Statement) -> tuple[date, date]:
    days = [line.date for line in statement.lines]
    since, until = (
        statement.since or min(days, default=None),
        statement.until or max(days, default=None),
    )
    if since is None or until is None:
        raise InvalidField(
            "lines", "is empty; name since and until to compare a period without any"
        )
    if since > until:
        raise InvalidField("since", f"lies behind the end of the period, {until}; swap them")
    outside = [index for index, day in enumerate(days) if not since <= day <= until]
    if outside:
        rule = f"lies outside {since} to {until}; widen the period, or leave the line out"
        raise InvalidField(f"lines[{outside[0]}].date", rule)
    return since, until


def _shown(one: Compared) -> SaidAndBooked:
    said, booked = one.said, one.booked
    shown: Mapping[str, Any] = {
        "statement_amount": rounded(said.amount, said.currency) if said else None,
        "statement_currency": said.currency if said else None,
        "payment": booked.id if booked else None,
        "booked_amount": rounded(booked.amount, booked.currency)
        if booked and booked.amount and booked.currency
        else None,
        "booked_currency": booked.currency if booked else None,
        "order": booked.order_id if booked else None,
    }
    handed = {"follow_up": one.follow_up, "difference": one.difference}
    return SaidAndBooked(reference=one.reference, kind=one.kind, **handed, **shown)
