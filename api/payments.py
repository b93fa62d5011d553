"""Payments: entered by finance, listed, and moved to the order they belong to (L09, L25)."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api import examples
from api.access import Caller
from api.body import Posted, posted
from api.intake import IdempotencyKey, claim
from api.money_views import PaymentItem, PaymentTaken, payment_item, payment_taken
from api.openapi import takes
from api.orders import REPLAYED, visible_order
from api.paging import Page, Paged, page, place_after
from api.services import Services, Wired, plausible
from api.telling_money import tell_money
from domain.base import Code, Number, Record
from domain.errors import InvalidField
from domain.payments import (
    FINANCE_DESK,
    PAYMENT_MAX,
    Payment,
    PaymentState,
    Reference,
)
from store.engine import Connection
from store.intake import Claim, claim_key
from store.money_news import note_news
from store.payment_rows import PaymentFilter, PaymentRow, known_payment, list_payments
from store.payments import Arrived, Booked, book
from store.placing import Placed, Placing, assign

router = APIRouter(tags=["money"])

CLOCKS_DIFFER_BY = timedelta(minutes=5)


class Assignment(Record):
    """The order that a payment belongs to, by number or id; without an amount all that fits."""

    order: Code
    amount: Annotated[Number, Field(gt=0, le=PAYMENT_MAX)] | None = None


class PaymentQuery(Paged):
    """Which payments to list."""

    state: PaymentState | None = None
    order: Code | None = None
    customer: Code | None = None
    source: Code | None = None
    reference: Reference | None = None


@router.post(
    "/orders/{order_id}/payments",
    status_code=201,
    openapi_extra=takes(Payment, examples.PAYMENT),
)
async def enter(
    order_id: str,
    request: Request,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[Payment], posted(Payment)],
    key: IdempotencyKey = None,
) -> PaymentTaken:
    """Books money that has arrived for an order, once for its reference.

    It pays for what the order owes; what is left over is kept for it and finance gets a task.
    """
    order = await visible_order(services, caller, order_id)
    now = datetime.now(UTC)
    arrived_at = arrived(body.value.arrived_at, now)
    claimed = claim(request, caller, key or str(uuid4()), body.digest)
    told = body.value
    said = Arrived(
        source=FINANCE_DESK,
        reference=told.reference,
        digest=claim(request, caller, "", body.digest).digest,
        order=order.id,
        amount=told.amount,
        currency=told.currency,
        route=told.route,
        purpose=told.purpose,
        arrived_at=arrived_at,
        reported_by=caller.name,
        held_unfit=False,
    )
    booked = await _book_once(services, claimed, said, now)
    if not booked.is_new:
        response.headers.update(REPLAYED)
    await tell_money(services, booked.moved, booked.payment.id)
    response.headers["Location"] = f"/payments/{booked.payment.id}"
    return payment_taken(booked.payment)


def arrived(at: datetime | None, now: datetime) -> datetime:
    """When money arrived; now where nobody says. Raises InvalidField for the future."""
    if at is not None and at > now + CLOCKS_DIFFER_BY:
        raise InvalidField("arrived_at", "lies in the future; write when the money was there")
    return at or now


async def _book_once(services: Services, claimed: Claim, said: Arrived, now: datetime) -> Booked:
    async def taken(conn: Connection) -> Booked:
        earlier = await claim_key(conn, claimed, said.payment_id)
        if earlier is None:
            booked = await book(conn, said, now)
            await note_news(conn, booked.moved, booked.payment.id)
            return booked
        payment = await known_payment(conn, earlier)
        return Booked(payment, is_new=False, moved=tuple(filter(None, [payment.order_id])))

    return await services.written(taken)


@router.get("/payments")
async def list_all(
    services: Wired, caller: Caller, query: Annotated[PaymentQuery, Query()]
) -> Page[PaymentItem]:
    """Lists payments, the newest first; `state=unmatched` are those that fit no order."""
    after = place_after(query.cursor)
    wanted = PaymentFilter(**query.model_dump(exclude={"cursor", "limit"}))
    async with services.reading() as conn:
        rows = await list_payments(conn, wanted, after, query.limit + 1)
    return page(rows, query.limit, lambda row: (row.created_at, row.id), payment_item)


@router.get("/payments/{payment_id}")
async def show(payment_id: str, services: Wired, caller: Caller) -> PaymentItem:
    """Shows one payment as it stands."""
    return payment_item(await stored_payment(services, payment_id))


@router.post(
    "/payments/{payment_id}/assignment",
    openapi_extra=takes(Assignment, examples.ASSIGNMENT),
)
async def place(
    payment_id: str,
    request: Request,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[Assignment], posted(Assignment)],
    key: IdempotencyKey = None,
) -> PaymentItem:
    """Moves money to the order it belongs to, where it pays for what is owed.

    Without an amount it is all of a payment that fits no order, what a payment was too much, or
    all of one that named the wrong order.
    """
    payment = await stored_payment(services, payment_id)
    request_id = str(uuid4())
    claimed = claim(request, caller, key or request_id, body.digest)
    wanted = Placing(
        key=f"placing/{request_id}",
        payment=payment.id,
        order=body.value.order,
        by=caller.name,
        at=datetime.now(UTC),
        amount=body.value.amount,
    )

    async def placed(conn: Connection) -> Placed | None:
        if await claim_key(conn, claimed, payment.id) is not None:
            return None
        done = await assign(conn, wanted)
        await note_news(conn, done.moved, payment.id)
        return done

    done = await services.written(placed)
    if done is None:
        response.headers.update(REPLAYED)
        await tell_money(services, filter(None, [payment.order_id]), payment.id)
        return payment_item(payment)
    await tell_money(services, done.moved, payment.id)
    return payment_item(done.payment)


async def stored_payment(services: Services, payment_id: str) -> PaymentRow:
    """One payment. Raises UnknownThing."""
    key = plausible("payment", payment_id)
    async with services.reading() as conn:
        return await known_payment(conn, key)
