"""What happened (the timeline) and who is told (outbox, webhooks). No personal data in any text."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Interval, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert

from domain.roles import Role
from domain.story_kinds import event_facts, event_type
from store.engine import Connection, execute_each
from store.tables import outbox, timeline


@dataclass(frozen=True)
class Line:
    """A line of an order's story."""

    key: str
    at: datetime
    kind: str
    text: str
    step: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Message:
    """A notice for a role, in English and in Chinese. `held_for` is how long it may not go yet."""

    key: str
    at: datetime
    kind: str
    text: str
    to_role: Role
    text_zh: str = ""
    held_for: timedelta | None = None


# `at` is the order's time, which tests and the demo skip; the relay lives in real time.
_queue = (
    insert(outbox)
    .values(retry_at=func.now() + bindparam("held_for", type_=Interval))
    .on_conflict_do_nothing()
)


# One statement, whether systems listen or not. Lines that are new become events where the
# customer has an endpoint, even a disabled one: what it misses can be replayed. Both counters are
# taken here, at the end of the transaction, and held until it commits.
_ADD = text("""
WITH given AS (
    SELECT * FROM ROWS FROM (
        jsonb_to_recordset(CAST(:lines AS jsonb)) AS (
            key text, at timestamptz, kind text, step text, "text" text, data jsonb,
            type text, facts jsonb
        )
    ) WITH ORDINALITY AS given (key, at, kind, step, "text", data, type, facts, place)
), added AS (
    INSERT INTO timeline (key, order_id, at, kind, step, "text", data)
    SELECT key, :order_id, at, kind, step, "text", data FROM given ORDER BY place
    ON CONFLICT DO NOTHING
    RETURNING key
), news AS (
    SELECT given.type, given.at, given.facts, orders.customer, orders.number,
           row_number() OVER (ORDER BY given.place) AS nth
      FROM added JOIN given USING (key) JOIN orders ON orders.id = :order_id
     WHERE given.facts IS NOT NULL
       AND EXISTS (SELECT 1 FROM webhook_endpoints AS e WHERE e.customer = orders.customer)
), feed AS (
    INSERT INTO webhook_feeds AS feed (customer, last)
    SELECT customer, count(*) FROM news GROUP BY customer
    ON CONFLICT (customer) DO UPDATE SET last = feed.last + excluded.last
    RETURNING last
), counter AS (
    INSERT INTO webhook_sequences AS counter (order_id, last)
    SELECT :order_id, count(*) FROM news HAVING count(*) > 0
    ON CONFLICT (order_id) DO UPDATE SET last = counter.last + excluded.last
    RETURNING last
), numbered AS (
    SELECT news.*, counter.last - total.lines + nth AS sequence,
           feed.last - total.lines + nth AS position
      FROM news, feed, counter, (SELECT count(*) AS lines FROM news) AS total
), events AS (
    INSERT INTO webhook_events (order_id, sequence, customer, position, type, body)
    SELECT :order_id, sequence, customer, position, type, jsonb_build_object(
               'type', type,
               'timestamp', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
               'data', facts || jsonb_build_object(
                   'order_id', CAST(:order_id AS text), 'order_number', number,
                   'sequence', sequence))
      FROM numbered
    RETURNING order_id, sequence, customer, type
)
INSERT INTO webhook_deliveries (endpoint, order_id, sequence)
SELECT e.id, events.order_id, events.sequence
  FROM events JOIN webhook_endpoints AS e USING (customer)
 WHERE e.state = 'enabled' AND (e.events = '[]' OR e.events @> to_jsonb(events.type))
""")


async def add_lines(conn: Connection, order_id: str, lines: Iterable[Line]) -> None:
    """Adds lines to the order's story, and numbers them as events for its customer's systems.

    The same key adds its line, and its event, once.
    """
    rows: dict[str, dict[str, Any]] = {}
    for line in lines:
        facts = event_facts(line.kind, line.step, line.data)
        rows.setdefault(line.key, {**line.__dict__, "type": event_type(line.kind), "facts": facts})
    if rows:
        # JSON has no instants; their offset comes along.
        said = json.dumps(list(rows.values()), default=datetime.isoformat)
        await conn.execute(_ADD, {"order_id": order_id, "lines": said})


async def noted(conn: Connection, key: str) -> bool:
    """Whether the story has a line with this key."""
    found = await conn.scalar(select(timeline.c.id).where(timeline.c.key == key))
    return found is not None


async def queue(conn: Connection, order_id: str | None, messages: Iterable[Message]) -> None:
    """Queues notices; the same key queues its notice once. Sends nothing.

    Without an order they concern none.
    """
    rows = [{**message.__dict__, "order_id": order_id} for message in messages]
    await execute_each(conn, _queue, rows)
