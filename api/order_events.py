"""What customers' systems were told, as lists to read again: of one order, or of all of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from api.access import Caller
from api.orders import visible_order
from api.services import Wired
from domain.base import Code, Record
from domain.errors import InvalidField
from domain.story_kinds import event_id
from store.webhook_events import EventRow, events_of, feed

router = APIRouter(tags=["webhooks"])

LIMIT_MAX = 200


class EventQuery(Record):
    """Where to go on: behind the last event that is known."""

    after: int = Field(0, ge=0, le=2**53, description="`next` of the answer before")
    limit: int = Field(50, ge=1, le=LIMIT_MAX)


class FeedQuery(EventQuery):
    """A customer's key reads its own events; staff name the customer."""

    customer: Code | None = None


class SentEvent(Record):
    """An event as it is sent: `id` is its `webhook-id`, `body` what was signed.

    `position` counts over all orders of the customer.
    """

    id: str = Field(examples=["evt_0198f6c2-1111-4222-8333-944445555666_7"])
    position: int
    body: Mapping[str, Any]


class Events(Record):
    """Events in order. `next` is where to go on from, now or later; `more` are there already."""

    items: tuple[SentEvent, ...]
    next: int
    more: bool


@router.get("/events")
async def of_customer(
    services: Wired, caller: Caller, query: Annotated[FeedQuery, Query()]
) -> Events:
    """Lists a customer's events in the order they happened, from the first since it has endpoints.

    Keep `next`, and ask again with it as `after`: nothing ever appears before it.
    """
    customer = caller.customer or query.customer
    if customer is None:
        raise InvalidField("customer", "is missing; say whose events")
    if not caller.is_staff and query.customer not in (None, customer):
        return Events(items=(), next=query.after, more=False)
    async with services.reading() as conn:
        rows = await feed(conn, customer, query.after, query.limit + 1)
    return _page(rows, query, lambda row: row.position)


@router.get("/orders/{order_id}/events")
async def of_order(
    order_id: str, services: Wired, caller: Caller, query: Annotated[EventQuery, Query()]
) -> Events:
    """Lists an order's events; `after` and `next` are sequence numbers of the order."""
    row = await visible_order(services, caller, order_id)
    async with services.reading() as conn:
        rows = await events_of(conn, row.id, query.after, query.limit + 1)
    return _page(rows, query, lambda row: row.sequence)


def _page(rows: Sequence[EventRow], query: EventQuery, place: Callable[[EventRow], int]) -> Events:
    shown = rows[: query.limit]
    items = tuple(
        SentEvent(id=event_id(row.order_id, row.sequence), position=row.position, body=row.body)
        for row in shown
    )
    following = place(shown[-1]) if shown else query.after
    return Events(items=items, next=following, more=len(rows) > query.limit)
