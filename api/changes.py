"""Customers' wishes: stored first, then signalled, so that none is lost while nobody works."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api import examples, views
from api.access import Caller, Principal
from api.body import Posted, posted
from api.checks import check_change
from api.intake import IdempotencyKey, claim, ensure_started
from api.openapi import takes
from api.orders import REPLAYED, visible_order
from api.problems import CLOSED, Problem
from api.receipts import ReceiptReport, check_receipt
from api.services import Services, Wired, plausible
from api.temporal import WorkflowGone
from domain.base import Record, Text
from domain.changes import ChangeRequest, ChangeState, ReceiptCondition
from domain.errors import InvalidField, UnknownThing
from policy.model import Profile
from store.intake import Claim, NewWish, WishKind, add_wish, claim_key, claimed_before, refuse_wish
from store.profiles import pinned_profile
from store.reading import read_wish
from store.rows import FullOrderRow, WishRow
from workflows.contract import (
    CONFIRM_RECEIPT,
    REQUEST_CANCELLATION,
    REQUEST_CHANGE,
    CancellationNotice,
    ChangeNotice,
    ReceiptNotice,
)

router = APIRouter(tags=["changes"])

ALREADY_CLOSED = "the order had been closed before this arrived"


class Reason(Record):
    """Why; may be left out, and so may the body."""

    reason: Text | None = None


@dataclass(frozen=True)
class Asked:
    """A request for a wish, before it is known to be a new one."""

    services: Services
    caller: Principal
    order: FullOrderRow
    claim: Claim
    wish_id: str


@router.post(
    "/orders/{order_id}/changes",
    status_code=202,
    openapi_extra=takes(ChangeRequest, examples.CHANGE),
)
async def change(
    order_id: str,
    request: Request,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[ChangeRequest], posted(ChangeRequest)],
    key: IdempotencyKey = None,
) -> views.Wish:
    """Asks for a change of the order as it stood at `version`; only the fields sent are touched."""

    async def checked(asked: Asked) -> NewWish:
        wanted = body.value
        if wanted.version > asked.order.version:
            newest = f"is ahead of the order, which is at version {asked.order.version}"
            raise InvalidField("version", f"{newest}; read the order again")
        now = datetime.now(UTC)
        async with services.reading() as conn:
            pinned = await pinned_profile(conn, asked.order.profile_digest)
            profile = Profile.model_validate(pinned)
            patch = await check_change(conn, wanted, asked.order.body, profile, now)
        return _wish(asked, "change", wanted.reason, patch, wanted.version)

    asked = await _asked(request, services, caller, order_id, key, body.digest)
    return await _take(asked, response, checked)


@router.post(
    "/orders/{order_id}/cancellation",
    status_code=202,
    openapi_extra=takes(Reason, examples.CANCELLATION, required=False),
)
async def cancel(
    order_id: str,
    request: Request,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[Reason], posted(Reason, may_be_empty=True)],
    key: IdempotencyKey = None,
) -> views.Wish:
    """Asks to cancel the order; possible until the goods are dispatched."""

    async def checked(asked: Asked) -> NewWish:
        return _wish(asked, "cancellation", body.value.reason)

    asked = await _asked(request, services, caller, order_id, key, body.digest)
    return await _take(asked, response, checked)


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
        return _wish(asked, "receipt", body.value.note, body.value.stored)

    asked = await _asked(request, services, caller, order_id, key, body.digest)
    return await _take(asked, response, checked)


@router.get("/orders/{order_id}/changes/{change_id}")
async def show(order_id: str, change_id: str, services: Wired, caller: Caller) -> views.Wish:
    """Tells what became of a change, a cancellation or a receipt."""
    await visible_order(services, caller, order_id)
    return views.wish(await _stored(services, order_id, plausible("change", change_id)))


async def _asked(
    request: Request,
    services: Services,
    caller: Principal,
    order_id: str,
    key: str | None,
    digest: str,
) -> Asked:
    order = await visible_order(services, caller, order_id)
    wish_id = str(uuid4())
    return Asked(services, caller, order, claim(request, caller, key or wish_id, digest), wish_id)


def _wish(
    asked: Asked,
    kind: WishKind,
    reason: str | None,
    patch: Mapping[str, Any] | None = None,
    version: int | None = None,
) -> NewWish:
    return NewWish(
        id=asked.wish_id,
        order_id=asked.order.id,
        kind=kind,
        against_version=version,
        patch=patch or {},
        reason=reason,
        requested_by=asked.caller.name,
        requested_at=datetime.now(UTC),
    )


async def _take(
    asked: Asked, response: Response, checked: Callable[[Asked], Awaitable[NewWish]]
) -> views.Wish:
    """Stores the wish once, tells the workflow, and answers with the wish as it stands."""
    services, order = asked.services, asked.order
    async with services.reading() as conn:
        earlier = await claimed_before(conn, asked.claim)
    if earlier is None:
        _must_be_open(order.closed_at)
        wanted = await checked(asked)
        async with services.writing() as conn:
            earlier = await claim_key(conn, asked.claim, asked.wish_id)
            if earlier is None and not await add_wish(conn, wanted):
                _must_be_open(datetime.now(UTC))
    if earlier is not None:
        response.headers.update(REPLAYED)
    row = await _stored(services, order.id, earlier or asked.wish_id)
    await _tell(services, order, row)
    view = views.wish(row)
    response.headers["Location"] = view.links["self"]
    return view


def _must_be_open(closed_at: datetime | None) -> None:
    if closed_at is not None:
        raise Problem(CLOSED, "the order is closed; place a new one")


async def _stored(services: Services, order_id: str, wish_id: str) -> WishRow:
    async with services.reading() as conn:
        row = await read_wish(conn, order_id, wish_id)
    if row is None:
        raise UnknownThing("change", wish_id)
    return row


async def _tell(services: Services, order: FullOrderRow, row: WishRow) -> None:
    """Signals the workflow. A repeated signal is harmless: the first verdict stays."""
    if row.state != ChangeState.RECEIVED:
        return
    await ensure_started(services, order)
    name, notice = _notice(row)
    try:
        await services.temporal.signal(order.id, name, notice)
    except WorkflowGone as error:
        async with services.writing() as conn:
            await refuse_wish(conn, row.id, ALREADY_CLOSED, datetime.now(UTC))
        raise Problem(CLOSED, ALREADY_CLOSED) from error


def _notice(row: WishRow) -> tuple[str, BaseModel]:
    if row.kind == "cancellation":
        return REQUEST_CANCELLATION, CancellationNotice(change_id=row.id)
    if row.kind == "receipt":
        said = row.patch.get("condition", ReceiptCondition.COMPLETE)
        return CONFIRM_RECEIPT, ReceiptNotice(change_id=row.id, condition=ReceiptCondition(said))
    fields = tuple(sorted(row.patch))
    version = row.against_version or 1
    return REQUEST_CHANGE, ChangeNotice(change_id=row.id, version=version, fields=fields)
