"""Payment notices of banks and payment services: signed, taken once, never lost."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response

from api import examples
from api.body import Posted, bounded, json_digest, parse, validated
from api.money_views import PaymentTaken, payment_taken
from api.openapi import takes
from api.orders import REPLAYED
from api.payments import arrived
from api.problems import PAYMENT_KNOWN, FieldError, Problem, as_problem, invalid
from api.services import Services, Wired
from api.signed import Unsigned, signed_by
from api.telling_money import tell_money
from domain.errors import DuelineError
from domain.payments import PaymentEnd, PaymentNotice
from store.engine import Connection
from store.money_news import note_news
from store.payment_rows import PaymentRow, of_notice
from store.payments import Arrived, Booked, book
from store.refusing import Refused, record_refused

router = APIRouter(tags=["money"])

NOTICE_BYTES_MAX = 64_000

_log = structlog.get_logger("api")

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")

# What is wrong with a payment that fits no order: the field, and what it is.
_UNFIT = {
    PaymentEnd.UNKNOWN_ORDER: ("order", "is no order of ours"),
    PaymentEnd.OTHER_CUSTOMER: ("customer", "is not the customer of this order"),
    PaymentEnd.OTHER_CURRENCY: ("currency", "is not the one in which the order is priced"),
    PaymentEnd.TOLD_OTHERWISE: ("reference", "was told otherwise by somebody else"),
}


@router.post(
    "/webhooks/payments",
    status_code=201,
    openapi_extra=takes(PaymentNotice, examples.PAYMENT_NOTICE),
)
async def hear(request: Request, response: Response, services: Wired) -> PaymentTaken:
    """Takes a signed notice (Standard Webhooks) that money has arrived, once for its reference.

    What fits no order is answered with 422 and kept all the same, as `Location` says; a notice
    that cannot be taken is recorded. One that nobody we know has signed is only counted, by its
    fault. Sending the same again gets the first answer.
    """
    raw = await bounded(request, NOTICE_BYTES_MAX)
    sender, notice_id = _opened(services, request, raw)
    now = datetime.now(UTC)
    try:
        booked = await _taken(services, sender, notice_id, raw, now)
    except (Problem, DuelineError) as error:
        problem = as_problem(error)
        if problem is None or problem.kind.status >= 500:
            raise
        recorded = await _record(services, sender, notice_id, raw, problem, now)
        raise _located(problem, recorded, f"recorded as {recorded}") from error
    payment = booked.payment
    if not booked.is_new:
        response.headers.update(REPLAYED)
    if payment.outcome.end in _UNFIT:
        raise _held(payment)
    await tell_money(services, booked.moved, payment.id)
    response.headers["Location"] = f"/payments/{payment.id}"
    return payment_taken(payment)


def _opened(services: Services, request: Request, raw: bytes) -> tuple[str, str]:
    """Who signed it, and under which id. Raises Unsigned, which leaves a number and a line."""
    try:
        return signed_by(services.settings, request, raw)
    except Unsigned as unsigned:
        # Neither its body nor its headers: anybody could have written them.
        services.metrics.refuse_notice(unsigned.fault)
        _log.warning("payment_notice.unsigned", fault=unsigned.fault)
        raise


async def _taken(
    services: Services, sender: str, notice_id: str, raw: bytes, now: datetime
) -> Booked:
    """Books what the notice says. Raises Problem and DuelineError."""
    body: Posted[PaymentNotice] = validated(parse(raw), PaymentNotice)
    told = body.value
    said = Arrived(
        source=sender,
        reference=told.reference,
        digest=body.digest,
        order=told.order,
        amount=told.amount,
        currency=told.currency,
        route=told.route,
        purpose=told.purpose,
        arrived_at=arrived(told.arrived_at, now),
        reported_by=sender,
        held_unfit=True,
        customer=told.customer,
        notice=notice_id,
    )

    async def taken(conn: Connection) -> Booked:
        first = await of_notice(conn, sender, notice_id)
        if first is not None and first.digest != said.digest:
            field = FieldError(
                field="webhook-id",
                message="came before with another body",
                cure="give every notice an id of its own",
            )
            raise Problem(PAYMENT_KNOWN, "the webhook-id came before with another body", [field])
        booked = await book(conn, said, now)
        await note_news(conn, booked.moved, booked.payment.id)
        return booked

    return await services.written(taken)


async def _record(
    services: Services, sender: str, notice_id: str, raw: bytes, problem: Problem, now: datetime
) -> str:
    parsed = _readable(raw)
    value = parsed if isinstance(parsed, dict) else {}
    refused = Refused(
        source=sender,
        notice=notice_id,
        digest=hashlib.sha256(raw).hexdigest() if parsed is None else json_digest(parsed),
        why=problem.detail,
        reference=_plain(value.get("reference")),
        named_order=_plain(value.get("order")),
        at=now,
    )
    async with services.writing() as conn:
        return await record_refused(conn, refused)


def _readable(raw: bytes) -> Any:
    """The JSON, as far as it is some."""
    try:
        return parse(raw)
    except Problem:
        return None


def _plain(value: Any) -> str | None:
    """A text that can hold nothing but a reference or an order's number."""
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else None


def _held(payment: PaymentRow) -> Problem:
    field, message = _UNFIT[payment.outcome.end]
    cure = "nothing is lost: our finance department places the money"
    problem = invalid([FieldError(field=field, message=message, cure=cure)])
    return _located(problem, payment.id, f"kept as payment {payment.id}")


def _located(problem: Problem, payment_id: str, words: str) -> Problem:
    headers = {**problem.headers, "Location": f"/payments/{payment_id}"}
    return Problem(problem.kind, f"{problem.detail}; {words}", problem.errors, headers)
