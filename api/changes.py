"""Changes, receipts and rush: what customers wish, and what became of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api import examples, views
from api.access import Caller
from api.body import Posted, posted
from api.change_check import OWN_KEY, Examined, check_taken, examine
from api.change_views import ChangeImpact, ChangeItem, change_item, shown
from api.intake import IdempotencyKey
from api.openapi import takes
from api.orders import visible_order
from api.paging import Page, Paged, page, place_after
from api.receipts import ReceiptReport, check_receipt
from api.rush import RushFee, fee_of
from api.services import Services, Wired, plausible
from api.wishing import Asked, ask, must_be_open, new_wish, stored_wish, take
from domain.base import Record, Text
from domain.changes import ChangeRequest, ChangeState
from domain.roles import Role
from store.cancellations import read_cancellation
from store.change_reading import asked_for_change, list_wishes
from store.intake import NewWish
from store.rows import FullOrderRow

router = APIRouter(tags=["changes"])


class Reason(Record):
    """Why; may be left out, and so may the body."""

    reason: Text | None = None


@router.post(
    "/orders/{order_id}/changes",
    status_code=202,
    responses={200: {"model": ChangeImpact, "description": "With preview: what it would mean"}},
    openapi_extra=takes(ChangeRequest, examples.CHANGE),
)
async def change(
    order_id: str,
    request: Request,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[ChangeRequest], posted(ChangeRequest)],
    preview: Annotated[bool, Query(description="Says what the change means; stores nothing")] = (
        False
    ),
    key: IdempotencyKey = None,
) -> ChangeItem | ChangeImpact:
    """Asks for a change of the order as it stood at `version`; only the fields sent are touched."""
    wanted = body.value

    async def examined(order: FullOrderRow) -> Examined:
        profile = await services.pinned(order.profile_digest)
        async with services.reading() as conn:
            return await examine(conn, order, profile, wanted, datetime.now(UTC))

    async def checked(asked: Asked) -> NewWish:
        found = await examined(asked.order)
        check_taken(found.impact, wanted, staff=caller.is_staff)
        return _change(asked, wanted, found)

    if preview:
        order = await visible_order(services, caller, order_id)
        must_be_open(order.closed_at)
        response.status_code = HTTPStatus.OK
        return shown((await examined(order)).impact, caller)
    asked = await ask(request, services, caller, order_id, key, body.digest)
    row = await take(asked, response, checked)
    return change_item(row, caller)


@router.post(
    "/orders/{order_id}/receipt",
    status_code=202,
    openapi_extra=takes(ReceiptReport, examples.RECEIPT, required=False),
)
async def confirm_receipt(
    order_id: str,
    request: Request,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[ReceiptReport], posted(ReceiptReport, may_be_empty=True)],
    key: IdempotencyKey = None,
) -> views.Wish:
    """Says what the customer has received: complete goods end an order that is dispatched in full.

    Damaged, incomplete or missing goods are looked into, and the order stays open meanwhile.
    """

    async def checked(asked: Asked) -> NewWish:
        async with services.reading() as conn:
            await check_receipt(conn, body.value, asked.order.id)
        return new_wish(asked, "receipt", body.value.note, body.value.stored)

    asked = await ask(request, services, caller, order_id, key, body.digest)
    return views.wish(await take(asked, response, checked))


@router.get("/orders/{order_id}/changes")
async def list_of_order(
    order_id: str, services: Wired, caller: Caller, query: Annotated[Paged, Query()]
) -> Page[ChangeItem]:
    """Lists what was wished of an order, the newest first."""
    order = await visible_order(services, caller, order_id)
    after = place_after(query.cursor)
    async with services.reading() as conn:
        rows = await list_wishes(conn, order.id, after, query.limit + 1)
    asked = await _who_is_asked(services, order)
    return page(
        rows,
        query.limit,
        lambda row: (row.requested_at, row.id),
        lambda row: change_item(row, caller, asked.get(row.id, ())),
    )


@router.post(
    "/orders/{order_id}/rush",
    status_code=202,
    openapi_extra=takes(Reason, examples.RUSH, required=False),
)
async def rush(
    order_id: str,
    request: Request,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[Reason], posted(Reason, may_be_empty=True)],
    key: IdempotencyKey = None,
    preview: Annotated[bool, Query(description="Say the fee; ask for nothing")] = False,
) -> views.Wish | RushFee:
    """Asks that the order comes first, once its rush fee is paid.

    Possible until production is planned. With `preview` it says the fee and stores nothing.
    """

    async def checked(asked: Asked) -> NewWish:
        return new_wish(asked, "rush", body.value.reason)

    asked = await ask(request, services, caller, order_id, key, body.digest)
    if preview:
        response.status_code = 200
        pinned = await services.pinned(asked.order.profile_digest)
        return fee_of(asked.order, pinned)
    return views.wish(await take(asked, response, checked))


@router.get("/orders/{order_id}/changes/{change_id}")
async def show(order_id: str, change_id: str, services: Wired, caller: Caller) -> ChangeItem:
    """Tells what became of a change, a cancellation or a receipt."""
    order = await visible_order(services, caller, order_id)
    row = await stored_wish(services, order_id, plausible("change", change_id))
    asked = await _who_is_asked(services, order) if row.state == ChangeState.RECEIVED else {}
    cancelling = None
    if row.kind == "cancellation":
        async with services.reading() as conn:
            cancelling = await read_cancellation(conn, row.id)
    return change_item(row, caller, asked.get(row.id, ()), cancelling)


async def _who_is_asked(services: Services, order: FullOrderRow) -> Mapping[str, tuple[Role, ...]]:
    """Who has to answer before the change under way is made. One is under way at a time."""
    profile = await services.pinned(order.profile_digest)
    steps = [step.id for step in profile.alongside if step.trigger == "on_change"]
    async with services.reading() as conn:
        return await asked_for_change(conn, order.id, steps)


def _change(asked: Asked, wanted: ChangeRequest, found: Examined) -> NewWish:
    identity = wanted.identity if asked.caller.is_staff else OWN_KEY
    patch = wanted.model_dump(mode="json", include=set(wanted.fields), exclude_unset=True)
    wish = new_wish(asked, "change", wanted.reason, patch, wanted.version)
    update = {
        "of": found.impact.of,
        "touches": found.touches,
        "impact": found.impact.model_dump(mode="json"),
        "evidence": None if wanted.evidence is None else wanted.evidence.model_dump(mode="json"),
        "identity": identity,
    }
    return wish.model_copy(update=update)
