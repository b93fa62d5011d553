"""Refunds: proposed by one key, approved by another, paid under the bank's reference (L32)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from pydantic import StrictBool

from api import examples
from api.access import Caller, Principal
from api.body import Posted, posted
from api.intake import IdempotencyKey, claim
from api.money_views import RefundView, refund
from api.openapi import takes
from api.orders import REPLAYED, visible_order
from api.payments import stored_payment
from api.problems import REFUND_NOT_OPEN, Problem
from api.services import Services, Wired, plausible
from api.telling_money import tell_money
from domain.base import Record, Text
from domain.errors import InvalidField
from domain.payments import PaymentState, Reference, Refund
from store import refunds as store
from store.engine import Connection
from store.intake import Claim, claim_key
from store.money_news import note_news
from store.payment_rows import RefundRow, known_refund, list_refunds
from store.refunds import Proposal

router = APIRouter(tags=["money"])


class Decision(Record):
    """Whether money goes back; a rejection says why."""

    approved: StrictBool
    reason: Text | None = None


class PaidBack(Record):
    """The bank's reference of money that has left."""

    reference: Reference


@router.post(
    "/orders/{order_id}/refunds", status_code=201, openapi_extra=takes(Refund, examples.REFUND)
)
async def propose(
    order_id: str,
    request: Request,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[Refund], posted(Refund)],
    key: IdempotencyKey = None,
) -> RefundView:
    """Proposes that money of an order goes back, and sets it aside until that is decided.

    Without an amount it is all that pays for nothing. Another key approves it, by a task of the
    follow-up that this opens.
    """
    order = await visible_order(services, caller, order_id)
    claimed = claim(request, caller, key or str(uuid4()), body.digest)
    return await _propose(services, response, caller, claimed, order.id, body.value)


@router.get("/orders/{order_id}/refunds")
async def list_of_order(order_id: str, services: Wired, caller: Caller) -> list[RefundView]:
    """Lists what goes back, or has gone back, of an order's money."""
    order = await visible_order(services, caller, order_id)
    async with services.reading() as conn:
        rows = await list_refunds(conn, order.id)
    return [refund(row, caller) for row in rows]


@router.post(
    "/payments/{payment_id}/refunds", status_code=201, openapi_extra=takes(Refund, examples.REFUND)
)
async def propose_of_payment(
    payment_id: str,
    request: Request,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[Refund], posted(Refund)],
    key: IdempotencyKey = None,
) -> RefundView:
    """Proposes that a payment which fits no order goes back to whoever sent it."""
    payment = await stored_payment(services, payment_id)
    if payment.state not in (PaymentState.UNMATCHED, PaymentState.RETURNED):
        rule = f"is {payment.state}; propose a refund of its order"
        raise InvalidField("payment_id", rule)
    claimed = claim(request, caller, key or str(uuid4()), body.digest)
    return await _propose(services, response, caller, claimed, payment.id, body.value)


@router.get("/refunds/{refund_id}")
async def show(refund_id: str, services: Wired, caller: Caller) -> RefundView:
    """Shows one refund."""
    async with services.reading() as conn:
        return refund(await known_refund(conn, plausible("refund", refund_id)), caller)


@router.post("/refunds/{refund_id}/decision", openapi_extra=takes(Decision, examples.DECISION))
async def decide(
    refund_id: str,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[Decision], posted(Decision)],
) -> RefundView:
    """Approves or rejects a refund that no order's follow-up decides, by another key.

    Deciding the same again changes nothing.
    """
    said, now = body.value, datetime.now(UTC)
    if not said.approved and not (said.reason or "").strip():
        raise InvalidField("reason", "is missing; say why the money does not go back")

    async def decided(conn: Connection, id: str) -> RefundRow:
        if said.approved:
            return await store.approve(conn, id, by=caller.name, at=now)
        return await store.reject(conn, id, by=caller.name, at=now, because=said.reason or "")

    return await _settle(services, caller, refund_id, decided)


@router.post("/refunds/{refund_id}/payment", openapi_extra=takes(PaidBack, examples.PAID_BACK))
async def pay(
    refund_id: str,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[PaidBack], posted(PaidBack)],
) -> RefundView:
    """Books that an approved refund, which no order's follow-up handles, has left the bank."""
    now = datetime.now(UTC)

    async def paid(conn: Connection, id: str) -> RefundRow:
        reference = body.value.reference
        return await store.pay(conn, id, by=caller.name, at=now, reference=reference)

    return await _settle(services, caller, refund_id, paid)


async def _propose(
    services: Services,
    response: Response,
    caller: Principal,
    claimed: Claim,
    holder: str,
    asked: Refund,
) -> RefundView:
    wanted = Proposal(
        key=f"asked/{claimed.owner[:16]}/{claimed.key[:40]}/{claimed.digest[:32]}",
        holder=holder,
        reason=asked.reason,
        by=caller.name,
        at=datetime.now(UTC),
        amount=asked.amount,
    )

    async def proposed(conn: Connection) -> tuple[RefundRow, bool]:
        earlier = await claim_key(conn, claimed, wanted.refund_id)
        if earlier is not None:
            return await known_refund(conn, earlier), False
        row = await store.propose(conn, wanted)
        await note_news(conn, _moved(row), row.id)
        return row, True

    row, is_new = await services.written(proposed)
    if not is_new:
        response.headers.update(REPLAYED)
    await tell_money(services, _moved(row), row.id)
    response.headers["Location"] = f"/refunds/{row.id}"
    return refund(row, caller)


async def _settle(
    services: Services,
    caller: Principal,
    refund_id: str,
    work: Callable[[Connection, str], Awaitable[RefundRow]],
) -> RefundView:
    key = plausible("refund", refund_id)

    async def settled(conn: Connection) -> RefundRow:
        row = await known_refund(conn, key)
        if row.follow_up is not None:
            # One door: the tasks of the follow-up have windows, and this has none.
            raise Problem(REFUND_NOT_OPEN, f"its follow-up {row.follow_up} decides; see its tasks")
        return await work(conn, key)

    return refund(await services.written(settled), caller)


def _moved(row: RefundRow) -> tuple[str, ...]:
    return (row.order_id,) if row.order_id == row.holder else ()
