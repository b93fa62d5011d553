"""Cancellations: what one costs now, and the wish itself with the cost that is accepted (C06)."""

from decimal import Decimal
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api import examples, views
from api.access import Caller, Principal
from api.body import Posted, posted
from api.cancel_views import CancelPreview, cancel_preview
from api.change_check import OWN_KEY
from api.intake import IdempotencyKey
from api.openapi import takes
from api.orders import visible_order
from api.problems import COST_NOT_ACCEPTED, NOT_CANCELLABLE, FieldError, Problem
from api.services import Services, Wired
from api.wishing import Asked, ask, must_be_open, new_wish, take
from domain.base import Number, Record, Text
from domain.errors import InvalidField
from domain.money import Currency
from policy.cancelling import cost_of, deposit_in, terms_in
from store.cancellations import belongings
from store.intake import NewWish
from store.ledger import standing
from store.order_money import read_money
from store.rows import FullOrderRow

router = APIRouter(tags=["changes"])

AcceptedCost = Annotated[Number, Field(ge=0, max_digits=18, decimal_places=4)]


class CancellationRequest(Record):
    """Why, and what it may cost; both may be left out, and so may the body.

    `accept_cost` is the cost that `?preview=true` says, in the order's currency. `identity` is how
    staff made sure who asks, where the regulation wants to know (C06, G27).
    """

    reason: Text | None = None
    identity: Text | None = None
    accept_cost: AcceptedCost | None = None


@router.post(
    "/orders/{order_id}/cancellation",
    status_code=202,
    responses={200: {"model": CancelPreview, "description": "With preview: what it would mean"}},
    openapi_extra=takes(CancellationRequest, examples.CANCELLATION, required=False),
)
async def cancel(
    order_id: str,
    request: Request,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[CancellationRequest], posted(CancellationRequest, may_be_empty=True)],
    preview: Annotated[bool, Query(description="Says what it means; stores nothing")] = False,
    key: IdempotencyKey = None,
) -> views.Wish | CancelPreview:
    """Asks to cancel the order, on the terms that its profile has for the step it is in.

    409 when it is refused by now, or costs something else than `accept_cost`.
    """
    accepted = body.value.accept_cost

    async def checked(asked: Asked) -> NewWish:
        identity = await _identity(services, asked, body.value.identity)
        _check(await _terms(services, asked.order, caller), accepted)
        wish = new_wish(asked, "cancellation", body.value.reason)
        return wish.model_copy(update={"accepted_cost": accepted, "identity": identity})

    if preview:
        order = await visible_order(services, caller, order_id)
        must_be_open(order.closed_at)
        response.status_code = HTTPStatus.OK
        return await _terms(services, order, caller)
    asked = await ask(request, services, caller, order_id, key, body.digest)
    return views.wish(await take(asked, response, checked))


async def _identity(services: Services, asked: Asked, said: str | None) -> str | None:
    """How it is known who asks; a customer's own key says it. Raises InvalidField."""
    if not asked.caller.is_staff:
        if said is not None:
            raise InvalidField("identity", "is for staff who take it down; leave it out")
        return OWN_KEY
    profile = await services.pinned(asked.order.profile_digest)
    if said is None and profile.changes.identity:
        raise InvalidField(
            "identity", "is missing; say how you made sure who asks, such as a call back"
        )
    return said


async def _terms(services: Services, order: FullOrderRow, caller: Principal) -> CancelPreview:
    """What a cancellation means now, by the order's records, as far as the caller may know."""
    profile, currency = await services.pinned(order.profile_digest), Currency(order.currency)
    async with services.reading() as conn:
        money = await standing(conn, order.id, order.currency)
        kept = (await read_money(conn, order.id)).deposit
        has = await belongings(conn, order.id)
    terms = terms_in(profile, order.step)
    deposit = deposit_in(profile, order.amount, currency, money.by_account, kept)
    cost = cost_of(terms, order.amount, currency, deposit)
    return cancel_preview(
        profile,
        order,
        terms,
        has,
        money=money.by_account,
        deposit=deposit,
        cost=cost,
        staff=caller.is_staff,
    )


def _check(terms: CancelPreview, accepted: Decimal | None) -> None:
    """Raises Problem 409 for a cancellation that is refused or whose cost is not accepted."""
    if terms.terms == "refused":
        raise Problem(NOT_CANCELLABLE, f"it cannot be cancelled any more: {terms.why}")
    if (accepted or Decimal(0)) == terms.cost:
        return
    said = f"{terms.cost:f} {terms.currency}"
    costs = f"cancelling costs {said} now" if terms.cost else "cancelling costs nothing now"
    cure = f'send "accept_cost": "{terms.cost:f}" to accept it' if terms.cost else "leave it out"
    field = FieldError(field="accept_cost", message=f"is not the cost of {said}", cure=cure)
    raise Problem(COST_NOT_ACCEPTED, f"{costs}; {cure}", [field])
