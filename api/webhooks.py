"""Webhooks: where a customer's systems listen, and how what they missed is sent again."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import uuid4

from fastapi import APIRouter, Query, Response
from pydantic import Field, model_validator

from api import examples
from api.access import Caller, Principal
from api.body import Posted, posted
from api.openapi import takes
from api.problems import AWAY, ENDPOINT_DISABLED, ENDPOINT_EXISTS, Problem
from api.services import Services, Wired, plausible
from domain.base import Code, Line, Record
from domain.errors import InvalidField, UnknownThing
from domain.story_kinds import ALL_TYPES
from domain.webhooks import ENDPOINTS_MAX, ROTATION, secret_of, url_fault
from store import webhook_events, webhooks
from store.engine import Conflict, Connection
from store.reading import customer_exists, read_order

router = APIRouter(tags=["webhooks"])

REPLAYED_MAX = 10_000
"""Of one request: whoever wants more goes on from `next`."""

Url = Annotated[Line, Field(max_length=1_000, examples=["https://erp.example.com/dueline"])]


class EndpointRequest(Record):
    """An endpoint as somebody asks for it. Staff name the `customer`; a customer's key is enough.

    Without `events` it gets all of them.
    """

    url: Url
    events: tuple[Code, ...] = Field((), max_length=len(ALL_TYPES))
    customer: Code | None = None


class ReplayRequest(Record):
    """What is sent again: the events of an order, or everything behind a position of the list.

    With an order `after` is a sequence number of it; without one, its events from the first.
    """

    order: Code | None = None
    after: int | None = Field(None, ge=0, le=2**53)

    @model_validator(mode="after")
    def _says_which(self) -> "ReplayRequest":
        if self.order is None and self.after is None:
            raise ValueError("should name an order, or the position after which to begin")
        return self


class EndpointQuery(Record):
    """Whose endpoints to list; for staff."""

    customer: Code | None = None


class DeliveryQuery(Record):
    """Which deliveries to list."""

    state: Literal["pending", "sent", "dead"] | None = None
    limit: int = Field(50, ge=1, le=200)


class Endpoint(Record):
    """Where a customer's system listens; `pending` and `dead` are events that did not arrive."""

    id: str
    customer: str
    url: str
    events: tuple[str, ...] = Field(description="None named: all of them")
    state: str = Field(examples=["enabled"])
    disabled_because: str | None
    pending: int
    dead: int = Field(description="Given up after three days; a replay sends them again")
    rotated_at: datetime | None
    created_by: str
    created_at: datetime
    ping_state: str | None = Field(description="Of the last test: wanted, sending, sent, failed")
    ping_said: str | None


class EndpointSecret(Record):
    """An endpoint with its secret, which is shown only now."""

    endpoint: Endpoint
    secret: str = Field(examples=["whsec_…"], description="For any Standard Webhooks library")
    old_secret_until: datetime | None = Field(description="Until then the one before signs, too")


class Replayed(Record):
    """How many events are sent again; those that wait already are not among them."""

    events: int
    next: int | None = Field(description="Send it as `after` for the rest; none when that was all")


class Delivery(Record):
    """What became of an event at an endpoint; `status` is the last answer's."""

    order_id: str
    sequence: int
    type: str
    state: str
    attempts: int
    next_at: datetime | None
    sent_at: datetime | None
    status: int | None
    error: str | None


class Deliveries(Record):
    """Deliveries, the newest first."""

    items: tuple[Delivery, ...]


class Endpoints(Record):
    """Endpoints in the order they were made."""

    items: tuple[Endpoint, ...]


@router.post(
    "/webhook-endpoints",
    status_code=201,
    openapi_extra=takes(EndpointRequest, examples.WEBHOOK_ENDPOINT),
)
async def make(
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[EndpointRequest], posted(EndpointRequest)],
) -> EndpointSecret:
    """Registers where a customer's system listens, and answers its secret, this once.

    409 when the customer has an endpoint at this address: a rotation gives it a new secret.
    """
    key = _key(services)
    asked = body.value
    _check(asked, private=services.settings.webhook_private)
    customer = _customer(caller, asked.customer)
    new = webhooks.NewEndpoint(str(uuid4()), customer, asked.url, asked.events, caller.name)
    try:
        async with services.writing() as conn:
            await _check_room(conn, customer)
            await webhooks.add_endpoint(conn, new)
            row = await _seen(conn, caller, new.id)
    except Conflict as conflict:
        raise Problem(
            ENDPOINT_EXISTS, f"{customer} has an endpoint at this address; see its list"
        ) from conflict
    response.headers["Location"] = f"/webhook-endpoints/{new.id}"
    return EndpointSecret(
        endpoint=_shown(row), secret=secret_of(key, row.id, row.generation), old_secret_until=None
    )


@router.get("/webhook-endpoints")
async def list_all(
    services: Wired, caller: Caller, query: Annotated[EndpointQuery, Query()]
) -> Endpoints:
    """Lists endpoints: a customer's own, or for staff all of them or one customer's."""
    customer = query.customer if caller.is_staff else caller.customer
    async with services.reading() as conn:
        rows = await webhooks.list_endpoints(conn, customer)
    return Endpoints(items=tuple(map(_shown, rows)))


@router.get("/webhook-endpoints/{endpoint_id}")
async def show(endpoint_id: str, services: Wired, caller: Caller) -> Endpoint:
    """Shows one endpoint: whether it is enabled, what waits, what was given up."""
    async with services.reading() as conn:
        return _shown(await _seen(conn, caller, endpoint_id))


@router.delete("/webhook-endpoints/{endpoint_id}", status_code=204)
async def remove(endpoint_id: str, services: Wired, caller: Caller) -> Response:
    """Forgets an endpoint. The events stay in the list."""
    async with services.writing() as conn:
        row = await _seen(conn, caller, endpoint_id)
        await webhooks.remove_endpoint(conn, row.id)
    return Response(status_code=204)


@router.post("/webhook-endpoints/{endpoint_id}/rotation")
async def rotate(endpoint_id: str, services: Wired, caller: Caller) -> EndpointSecret:
    """Gives the endpoint a new secret, and answers it, this once. For 24 h both sign."""
    key = _key(services)
    async with services.writing() as conn:
        row = await _seen(conn, caller, endpoint_id)
        generation = await webhooks.rotate(conn, row.id)
        row = await _seen(conn, caller, endpoint_id)
    assert row.rotated_at is not None, "it was rotated in this transaction"
    return EndpointSecret(
        endpoint=_shown(row),
        secret=secret_of(key, row.id, generation),
        old_secret_until=row.rotated_at + ROTATION,
    )


@router.post("/webhook-endpoints/{endpoint_id}/enable")
async def enable(endpoint_id: str, services: Wired, caller: Caller) -> Endpoint:
    """Sends there again, beginning with what has waited. What came meanwhile is for a replay."""
    async with services.writing() as conn:
        row = await _seen(conn, caller, endpoint_id)
        await webhooks.enable(conn, row.id)
        return _shown(await _seen(conn, caller, endpoint_id))


@router.post("/webhook-endpoints/{endpoint_id}/test", status_code=202)
async def test(endpoint_id: str, services: Wired, caller: Caller) -> Endpoint:
    """Sends one `ping` there, also to a disabled endpoint; `ping_state` says what came of it."""
    async with services.writing() as conn:
        row = await _seen(conn, caller, endpoint_id)
        await webhooks.want_ping(conn, row.id)
        return _shown(await _seen(conn, caller, endpoint_id))


@router.post(
    "/webhook-endpoints/{endpoint_id}/replay",
    status_code=202,
    openapi_extra=takes(ReplayRequest, examples.WEBHOOK_REPLAY),
)
async def replay(
    endpoint_id: str,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[ReplayRequest], posted(ReplayRequest)],
) -> Replayed:
    """Sends events once more, with the ids and bodies that they had; at most 10,000 a request.

    `next` in the answer goes on with the rest.
    """
    asked = body.value
    after = asked.after or 0
    async with services.writing() as conn:
        row = await _seen(conn, caller, endpoint_id)
        if row.state != webhooks.ENABLED:
            raise Problem(ENDPOINT_DISABLED, "nothing is sent to it; enable it first")
        if asked.order is not None:
            order = await read_order(conn, asked.order)
            if order is None or order.customer != row.customer:
                raise UnknownThing("order", asked.order, field="order")
            of_order = (row.id, order.id, after, REPLAYED_MAX)
            again = await webhook_events.replay_order(conn, *of_order)
        else:
            again = await webhook_events.replay_after(conn, row.id, after, REPLAYED_MAX)
    return Replayed(events=again.events, next=again.next)


@router.get("/webhook-endpoints/{endpoint_id}/deliveries")
async def deliveries(
    endpoint_id: str, services: Wired, caller: Caller, query: Annotated[DeliveryQuery, Query()]
) -> Deliveries:
    """Lists what was sent there, waits or was given up, the newest first."""
    async with services.reading() as conn:
        row = await _seen(conn, caller, endpoint_id)
        found = await webhook_events.list_deliveries(conn, row.id, query.state, query.limit)
    return Deliveries(items=tuple(Delivery(**one.model_dump()) for one in found))


async def _seen(conn: Connection, caller: Principal, endpoint_id: str) -> webhooks.EndpointRow:
    """The endpoint, if it is there for the caller. Raises UnknownThing."""
    key = plausible("webhook endpoint", endpoint_id)
    row = await webhooks.read_endpoint(conn, key)
    if row is None:
        raise UnknownThing("webhook endpoint", key)
    caller.must_see(row.customer, "webhook endpoint", key)
    return row


def _shown(row: webhooks.EndpointRow) -> Endpoint:
    return Endpoint(**row.model_dump(exclude={"generation"}))


def _key(services: Services) -> str:
    key = services.settings.webhook_key
    if key is None:
        raise Problem(AWAY, "webhooks are not set up here: DUELINE_WEBHOOK_KEY is missing")
    return key


def _check(asked: EndpointRequest, *, private: bool) -> None:
    if fault := url_fault(asked.url, private=private):
        raise InvalidField("url", fault)
    for index, name in enumerate(asked.events):
        if name not in ALL_TYPES:
            known = ", ".join(ALL_TYPES)
            raise InvalidField(f"events[{index}]", f"is no type of event; write one of {known}")


def _customer(caller: Principal, named: str | None) -> str:
    customer = caller.customer or named
    if customer is None:
        raise InvalidField("customer", "is missing; say whose system listens there")
    if named not in (None, customer):
        raise UnknownThing("customer", str(named), field="customer")
    return customer


async def _check_room(conn: Connection, customer: str) -> None:
    if not await customer_exists(conn, customer):
        raise UnknownThing("customer", customer, field="customer")
    if len(await webhooks.list_endpoints(conn, customer)) >= ENDPOINTS_MAX:
        raise InvalidField(
            "url", f"is one too many: a customer has at most {ENDPOINTS_MAX}; remove another first"
        )
