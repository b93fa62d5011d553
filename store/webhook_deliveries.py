"""Deliveries from the relay's side: which events may go now, and what became of them.

All instants are real time. An order's events go to an endpoint one after another: only the first
that is neither sent nor dead may go. Whoever takes it has it until `retry_at`, so that relays side
by side never send it twice, and a crash costs that wait.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Interval, String, and_, bindparam, case, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from store.engine import Connection
from store.webhook_tables import webhook_deliveries as deliveries
from store.webhook_tables import webhook_endpoints as endpoints
from store.webhooks import DEAD, PENDING, SENT


@dataclass(frozen=True)
class Due:
    """An event in a relay's hands, and where it goes. `now` is the database's time."""

    endpoint: str
    customer: str
    url: str
    generation: int
    rotated_at: datetime | None
    order_id: str
    sequence: int
    attempts: int
    body: Mapping[str, Any]
    now: datetime


@dataclass(frozen=True)
class Ping:
    """A test that somebody asked for."""

    endpoint: str
    customer: str
    url: str
    generation: int
    rotated_at: datetime | None
    now: datetime


# One of each endpoint at a time: an endpoint with many orders does not crowd out the others.
_CLAIM = text("""
WITH due AS (
    SELECT d.endpoint, d.order_id, d.sequence
      FROM webhook_endpoints AS e CROSS JOIN LATERAL (
        SELECT d.* FROM webhook_deliveries AS d
         WHERE d.endpoint = e.id AND d.state = 'pending' AND d.retry_at <= now()
           AND NOT EXISTS (
               SELECT 1 FROM webhook_deliveries AS before
                WHERE before.endpoint = d.endpoint AND before.order_id = d.order_id
                  AND before.sequence < d.sequence AND before.state = 'pending')
         ORDER BY d.retry_at LIMIT 1
         FOR UPDATE OF d SKIP LOCKED
      ) AS d
     WHERE e.state = 'enabled' AND e.id <> ALL (:busy)
     LIMIT :limit
)
UPDATE webhook_deliveries AS d SET retry_at = now() + :lease
  FROM due, webhook_endpoints AS e, webhook_events AS event
 WHERE d.endpoint = due.endpoint AND d.order_id = due.order_id AND d.sequence = due.sequence
   AND e.id = d.endpoint AND event.order_id = d.order_id AND event.sequence = d.sequence
RETURNING d.endpoint, e.customer, e.url, e.generation, e.rotated_at, d.order_id, d.sequence,
          d.attempts, event.body, now() AS now
""").bindparams(bindparam("busy", type_=ARRAY(String)), bindparam("lease", type_=Interval))


async def claim(
    conn: Connection, busy: Collection[str], *, limit: int, lease: timedelta
) -> list[Due]:
    """Takes events that may go now, at most one of each endpoint that is not busy."""
    found = await conn.execute(_CLAIM, {"busy": list(busy), "limit": limit, "lease": lease})
    return [Due(**row) for row in found.mappings()]


async def mark_sent(conn: Connection, due: Due, status: int) -> None:
    """It has arrived: the endpoint answers again, and what waits behind it may go at once."""
    await conn.execute(
        update(deliveries)
        .where(_is(due))
        .values(
            state=SENT,
            sent_at=func.now(),
            attempts=deliveries.c.attempts + 1,
            failing_since=None,
            status=status,
            error=None,
        )
    )
    # Not by its own attempts: it may have waited behind one that was given up.
    behind = and_(_waits(due), deliveries.c.sequence > due.sequence)
    await conn.execute(
        update(deliveries)
        .where(behind, deliveries.c.failing_since.is_not(None))
        .values(failing_since=None, retry_at=func.now())
    )


async def mark_failed(
    conn: Connection,
    due: Due,
    *,
    status: int | None,
    error: str,
    retry_in: timedelta,
    give_up_after: timedelta,
) -> bool:
    """It has not arrived; returns whether it was given up.

    What waits behind it counts as failing, too: it would have failed as well.
    """
    since = func.coalesce(deliveries.c.failing_since, func.now())
    too_long = deliveries.c.failing_since <= func.now() - give_up_after
    state: str | None = await conn.scalar(
        update(deliveries)
        .where(_is(due), deliveries.c.state == PENDING)
        .values(
            attempts=deliveries.c.attempts + 1,
            failing_since=since,
            retry_at=func.now() + retry_in,
            state=case((too_long, DEAD), else_=PENDING),
            status=status,
            error=error,
        )
        .returning(deliveries.c.state)
    )
    waits = and_(_waits(due), deliveries.c.sequence > due.sequence)
    after = func.now() if state == DEAD else func.now() + retry_in
    await conn.execute(update(deliveries).where(waits).values(failing_since=since, retry_at=after))
    return state == DEAD


async def wait_for_enabling(conn: Connection, due: Due, *, status: int, error: str) -> None:
    """The endpoint is disabled: the event waits there until somebody enables it."""
    await conn.execute(
        update(deliveries)
        .where(_is(due), deliveries.c.state == PENDING)
        .values(attempts=deliveries.c.attempts + 1, status=status, error=error)
    )


async def claim_ping(conn: Connection) -> Ping | None:
    """Takes a ping that somebody wants; a crash afterwards loses it."""
    wanted = (
        select(endpoints.c.id)
        .where(endpoints.c.ping_state == "wanted")
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    found = await conn.execute(
        update(endpoints)
        .where(endpoints.c.id == wanted)
        .values(ping_state="sending")
        .returning(
            endpoints.c.id.label("endpoint"),
            endpoints.c.customer,
            endpoints.c.url,
            endpoints.c.generation,
            endpoints.c.rotated_at,
            func.now().label("now"),
        )
    )
    row = found.mappings().one_or_none()
    return None if row is None else Ping(**row)


async def answer_ping(conn: Connection, endpoint: str, *, arrived: bool, said: str) -> None:
    """What became of the ping."""
    await conn.execute(
        update(endpoints)
        .where(endpoints.c.id == endpoint)
        .values(ping_state="sent" if arrived else "failed", ping_said=said)
    )


def _is(due: Due) -> Any:
    return and_(
        deliveries.c.endpoint == due.endpoint,
        deliveries.c.order_id == due.order_id,
        deliveries.c.sequence == due.sequence,
    )


def _waits(due: Due) -> Any:
    return and_(
        deliveries.c.endpoint == due.endpoint,
        deliveries.c.order_id == due.order_id,
        deliveries.c.state == PENDING,
    )
