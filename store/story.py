"""What happened (the timeline) and who is told (the outbox). No personal data in either text."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Interval, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from domain.roles import Role
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


async def add_lines(conn: Connection, order_id: str, lines: Iterable[Line]) -> None:
    """Adds lines to the order's story; the same key adds its line once."""
    rows = [{**line.__dict__, "order_id": order_id} for line in lines]
    await execute_each(conn, insert(timeline).on_conflict_do_nothing(), rows)


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
