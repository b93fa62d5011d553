"""What customers may owe: limits and blocks, by whom and why (S07, G05)."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Self

from fastapi import APIRouter, Request, Response
from pydantic import Field, StrictBool, model_validator

from api import examples
from api.access import Caller, Principal
from api.body import Posted, posted
from api.intake import IdempotencyKey, claim
from api.openapi import takes
from api.orders import REPLAYED
from api.services import Wired
from domain.base import Code, Line, Number, Record
from domain.errors import InvalidField, UnknownThing
from domain.money import Currency, rounded
from store.audit import OpsAction, add_action, read_actions
from store.engine import Connection
from store.intake import AMOUNT_MAX, claim_key
from store.money_news import note_credit
from store.order_money import (
    Credit,
    credit_to_change,
    read_credit,
    set_credit,
    unpaid,
)

router = APIRouter(tags=["money"])

LINES_SHOWN_MAX = 20
ACTION = "credit"


class CreditRequest(Record):
    """What is to be different; what is left out stays. A limit of null means: pays in advance."""

    limit: Annotated[Number, Field(ge=0, le=AMOUNT_MAX)] | None = None
    blocked: StrictBool | None = None
    because: Line

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not {"limit", "blocked"} & self.model_fields_set:
            raise ValueError("name a limit, or say whether the customer is blocked")
        return self


class CreditLine(Record):
    """Who set it, when and why."""

    at: datetime
    by: str
    because: str
    what: str


class CreditView(Record):
    """What a customer may owe and what it has not paid, in its own currency."""

    customer: str
    currency: Currency
    limit: Decimal | None
    unpaid: Decimal = Field(
        description="What its orders in this currency still cost: open, delivered, or cancelled"
    )
    blocked_at: datetime | None
    blocked_because: str | None
    history: tuple[CreditLine, ...] = Field(description="The newest first")


@router.get("/customers/{code}/credit")
async def show(code: Code, services: Wired, _: Caller) -> CreditView:
    """Shows what a customer may owe, what it owes, and who said so."""
    async with services.reading() as conn:
        return await _view(conn, code)


@router.post("/customers/{code}/credit", openapi_extra=takes(CreditRequest, examples.CREDIT))
async def change(
    code: Code,
    request: Request,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[CreditRequest], posted(CreditRequest)],
    key: IdempotencyKey = None,
) -> CreditView:
    """Sets the limit, blocks the customer or lets it go on; orders that wait for it look again."""
    async with services.writing() as conn:
        before = _known(await credit_to_change(conn, code), code)
        after = _changed(before, body.value, datetime.now(UTC))
        earlier = None
        if key is not None:
            earlier = await claim_key(conn, claim(request, caller, key, body.digest), code)
        if earlier is None:
            await _write(conn, after, body.value, caller)
            await note_credit(conn, code, f"credit-{code}")
        else:
            response.headers.update(REPLAYED)
    async with services.reading() as conn:
        return await _view(conn, code)


def _changed(before: Credit, wanted: CreditRequest, now: datetime) -> Credit:
    after = before
    if "limit" in wanted.model_fields_set:
        currency = Currency(before.currency)
        if wanted.limit is not None and wanted.limit != rounded(wanted.limit, currency):
            unit = currency.minor_unit
            raise InvalidField("limit", f"{wanted.limit} {currency} is no multiple of {unit}")
        after = replace(after, limit=wanted.limit)
    if wanted.blocked and before.blocked_at is None:
        after = replace(after, blocked_at=now, blocked_because=wanted.because)
    elif wanted.blocked is False:
        after = replace(after, blocked_at=None, blocked_because=None)
    return after


async def _write(conn: Connection, after: Credit, wanted: CreditRequest, caller: Principal) -> None:
    await set_credit(
        conn,
        after.customer,
        limit=after.limit,
        blocked_at=after.blocked_at,
        blocked_because=after.blocked_because,
    )
    line = OpsAction(
        action=ACTION,
        target=f"customer {after.customer}",
        reason=wanted.because,
        outcome=_words(after),
    )
    await add_action(conn, caller.name, line)


def _words(credit: Credit) -> str:
    said = "pays in advance"
    if credit.limit is not None:
        said = f"limit {rounded(credit.limit, Currency(credit.currency))} {credit.currency}"
    return f"{said}, blocked" if credit.blocked_at else said


def _known(found: Credit | None, code: str) -> Credit:
    if found is None:
        raise UnknownThing("customer", code)
    return found


async def _view(conn: Connection, code: str) -> CreditView:
    credit = _known(await read_credit(conn, code), code)
    currency = Currency(credit.currency)
    lines = await read_actions(conn, target=f"customer {code}", limit=LINES_SHOWN_MAX)
    owed = await unpaid(conn, code, credit.currency, None)
    return CreditView(
        customer=code,
        currency=currency,
        limit=None if credit.limit is None else rounded(credit.limit, currency),
        unpaid=rounded(owed, currency),
        blocked_at=credit.blocked_at,
        blocked_because=credit.blocked_because,
        history=tuple(
            CreditLine(at=row.at, by=row.by, because=row.reason, what=row.outcome)
            for row in lines
            if row.action == ACTION
        ),
    )
