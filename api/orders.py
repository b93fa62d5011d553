"""Orders: submitted, listed, shown, with their story and their clocks."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api import examples, views
from api.access import Caller, Principal
from api.body import Posted, posted
from api.checks import check_customer, check_order, check_ordered_at, profile_of
from api.intake import IdempotencyKey, claim, ensure_started, web_ui
from api.openapi import takes
from api.order_detail import OrderDetail, order_detail
from api.paging import Page, Paged, StorableInstant, page, place_after
from api.services import Services, Wired, plausible
from api.waiting import waiting
from domain.base import Code
from domain.errors import UnknownThing
from domain.orders import OrderRequest, OrderState
from domain.priorities import Priority
from domain.roles import Role
from domain.stages import Stage
from domain.windows import Slack
from policy.model import Profile
from store.intake import Claim, NewOrder, add_order, claim_key, claimed_before
from store.profiles import pin_profile
from store.reading import OrderFilter, list_orders, read_order, read_timeline
from store.rows import FullOrderRow
from telemetry.log import about_order

router = APIRouter(tags=["orders"])

REPLAYED = {"Idempotent-Replayed": "true"}


class OrderQuery(Paged):
    """Which orders to list."""

    stage: Stage | None = None
    role: Role | None = None
    state: OrderState | None = None
    slack: Slack | None = None
    due_before: StorableInstant | None = None
    held: bool | None = Field(None, description="Whether operations hold it")
    since_before: StorableInstant | None = Field(
        None, description="In its step since before this: no progress"
    )
    customer: Code | None = None
    profile: Code | None = None
    priority: Priority | None = None


@router.post("/orders", status_code=201, openapi_extra=takes(OrderRequest, examples.ORDER))
async def submit(
    request: Request,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[OrderRequest], posted(OrderRequest)],
    key: IdempotencyKey = None,
) -> views.Receipt:
    """Takes an order: checks it against its profile, stores it, starts its workflow.

    A 503 after the order was stored starts it when the same request comes again with the same
    `Idempotency-Key`.
    """
    check_customer(body.value.customer, caller.customer)
    check_ordered_at(body.value.ordered_at, datetime.now(UTC), staff=caller.is_staff)
    if key is None:
        # A retry could not be recognised, so nothing is stored that might not be started.
        await services.temporal.ping()
    order_id = str(uuid4())
    claimed = claim(request, caller, key or order_id, body.digest)
    earlier = await _earlier(services, claimed)
    if earlier is None:
        earlier = await _store(services, claimed, order_id, body.value)
    if earlier is not None:
        order_id = earlier
        response.headers.update(REPLAYED)
    about_order(order_id)
    async with services.reading() as conn:
        stored = await read_order(conn, order_id)
    assert stored is not None, "a claimed order is stored in the same transaction"
    await ensure_started(services, stored)
    links = views.order_links(order_id, web_ui(services, caller, order_id))
    response.headers["Location"] = links.self
    return views.Receipt(id=order_id, number=None, state=OrderState.OPEN, links=links)


async def _earlier(services: Services, claimed: Claim) -> str | None:
    async with services.reading() as conn:
        return await claimed_before(conn, claimed)


async def _store(
    services: Services, claimed: Claim, order_id: str, order: OrderRequest
) -> str | None:
    """Stores the order, its key and its profile together.

    Returns the order that a parallel request under the same key stored instead.
    """
    now = datetime.now(UTC)
    profile = profile_of(services.loaded, order.profile)
    async with services.writing() as conn:
        await check_order(conn, order, profile, now)
        if earlier := await claim_key(conn, claimed, order_id):
            return earlier
        pinned = profile.model_dump(mode="json")
        digest = await pin_profile(conn, pinned, profile.id, profile.version)
        await add_order(conn, _new_order(order_id, order, profile, digest, now))
    return None


def _new_order(
    order_id: str, order: OrderRequest, profile: Profile, digest: str, now: datetime
) -> NewOrder:
    return NewOrder(
        id=order_id,
        profile=profile.id,
        profile_digest=digest,
        customer=order.customer,
        body=order.model_dump(mode="json"),
        amount=order.amount,
        currency=order.currency,
        promised_at=order.promised_at,
        rush=order.rush,
        received_at=order.ordered_at or now,
    )


@router.get("/orders")
async def list_all(
    services: Wired, caller: Caller, query: Annotated[OrderQuery, Query()]
) -> Page[views.OrderItem]:
    """Lists orders, the newest first. A customer's key lists that customer's."""
    after = place_after(query.cursor)
    wanted = OrderFilter(**query.model_dump(exclude={"cursor", "limit"}))
    if not caller.is_staff:
        if wanted.customer not in (None, caller.customer):
            return Page(items=())
        wanted = wanted.model_copy(update={"customer": caller.customer})
    async with services.reading() as conn:
        rows = await list_orders(conn, wanted, after, query.limit + 1)
    return page(rows, query.limit, lambda row: (row.created_at, row.id), views.order_item)


@router.get("/orders/{order_id}")
async def show(order_id: str, services: Wired, caller: Caller) -> OrderDetail:
    """Shows one order: where it stands, what it waits for, and what was ordered.

    Staff also see what fails in the engine, when it answers within a second.
    """
    row = await visible_order(services, caller, order_id)
    waits = await waiting(services, caller, row)
    return order_detail(row, caller, web_ui(services, caller, row.id), waits)


@router.get("/orders/{order_id}/timeline")
async def timeline(order_id: str, services: Wired, caller: Caller) -> list[views.Event]:
    """Tells an order's story from the beginning."""
    await visible_order(services, caller, order_id)
    async with services.reading() as conn:
        rows = await read_timeline(conn, order_id)
    return [views.event(row, caller) for row in rows if views.is_for(caller, row)]


async def visible_order(services: Services, caller: Principal, order_id: str) -> FullOrderRow:
    """The order, if it is there for the caller. Raises UnknownThing."""
    key = plausible("order", order_id)
    async with services.reading() as conn:
        row = await read_order(conn, key)
    if row is None:
        raise UnknownThing("order", key)
    caller.must_see(row.customer, "order", key)
    return row
