"""What customers' systems were told, as a list that can be read again and sent again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from domain.base import Record
from store.engine import Connection
from store.webhook_tables import webhook_deliveries as deliveries
from store.webhook_tables import webhook_endpoints as endpoints
from store.webhook_tables import webhook_events as events
from store.webhooks import PENDING


class EventRow(Record):
    """An event. `position` counts over all orders of its customer, `sequence` within its order."""

    position: int
    order_id: str
    sequence: int
    type: str
    body: Mapping[str, Any]


_COLUMNS = [events.c[name] for name in EventRow.model_fields]


async def feed(conn: Connection, customer: str, after: int, limit: int) -> list[EventRow]:
    """A customer's events behind a position, in the order they happened; no gap ever fills."""
    query = (
        select(*_COLUMNS)
        .where(events.c.customer == customer, events.c.position > after)
        .order_by(events.c.position)
        .limit(limit)
    )
    return [EventRow(**row) for row in (await conn.execute(query)).mappings()]


async def events_of(conn: Connection, order_id: str, after: int, limit: int) -> list[EventRow]:
    """An order's events behind a sequence number, in order."""
    query = (
        select(*_COLUMNS)
        .where(events.c.order_id == order_id, events.c.sequence > after)
        .order_by(events.c.sequence)
        .limit(limit)
    )
    return [EventRow(**row) for row in (await conn.execute(query)).mappings()]


class SentAgain(Record):
    """How many events go out once more; those that wait there already are not counted.

    `next` is where to go on behind the last of them, and none when there are no more.
    """

    events: int
    next: int | None


async def replay_order(
    conn: Connection, endpoint_id: str, order_id: str, after: int, limit: int
) -> SentAgain:
    """Sends an order's events behind a sequence number to the endpoint once more.

    Raises nothing for another customer's order: it has no event for this endpoint.
    """
    sequence = events.c.sequence
    chosen = _for(endpoint_id).where(events.c.order_id == order_id, sequence > after)
    return await _replay(conn, chosen, sequence, limit)


async def replay_after(conn: Connection, endpoint_id: str, after: int, limit: int) -> SentAgain:
    """Sends what happened behind a position to the endpoint once more."""
    chosen = _for(endpoint_id).where(events.c.position > after)
    return await _replay(conn, chosen, events.c.position, limit)


def _for(endpoint_id: str) -> Select[Any]:
    """The events that this endpoint gets."""
    wanted = or_(
        endpoints.c.events == literal([], JSONB),
        endpoints.c.events.contains(func.to_jsonb(events.c.type)),
    )
    return (
        select(endpoints.c.id, events.c.order_id, events.c.sequence)
        .select_from(events.join(endpoints, endpoints.c.customer == events.c.customer))
        .where(endpoints.c.id == endpoint_id, wanted)
    )


async def _replay(
    conn: Connection, of_endpoint: Select[Any], place: ColumnElement[int], limit: int
) -> SentAgain:
    last = await conn.scalar(
        of_endpoint.with_only_columns(place).order_by(place).offset(limit - 1).limit(1)
    )
    beyond = (
        None
        if last is None
        else await conn.scalar(of_endpoint.with_only_columns(place).where(place > last).limit(1))
    )
    chosen = of_endpoint if last is None else of_endpoint.where(place <= last)
    anew = insert(deliveries).from_select(["endpoint", "order_id", "sequence"], chosen)
    done = await conn.execute(
        anew.on_conflict_do_update(
            index_elements=["endpoint", "order_id", "sequence"],
            set_={
                "state": PENDING,
                "attempts": 0,
                "retry_at": func.now(),
                "failing_since": None,
                "sent_at": None,
                "status": None,
                "error": None,
            },
            # What waits is on its way already, maybe in a relay's hands.
            where=deliveries.c.state != PENDING,
        )
    )
    return SentAgain(events=done.rowcount, next=None if beyond is None else last)


class DeliveryRow(Record):
    """What became of an event at one endpoint; `status` is the last answer's."""

    order_id: str
    sequence: int
    type: str
    state: str
    attempts: int
    next_at: datetime | None
    sent_at: datetime | None
    status: int | None
    error: str | None


async def list_deliveries(
    conn: Connection, endpoint_id: str, state: str | None, limit: int
) -> list[DeliveryRow]:
    """What was sent to an endpoint or waits to be, the newest first."""
    columns = deliveries.c
    query = (
        select(
            columns.order_id,
            columns.sequence,
            events.c.type,
            columns.state,
            columns.attempts,
            case((columns.state == PENDING, columns.retry_at), else_=None).label("next_at"),
            columns.sent_at,
            columns.status,
            columns.error,
        )
        .join(
            events,
            (events.c.order_id == columns.order_id) & (events.c.sequence == columns.sequence),
        )
        .where(columns.endpoint == endpoint_id)
        .order_by(events.c.position.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(columns.state == state)
    return [DeliveryRow(**row) for row in (await conn.execute(query)).mappings()]
