"""What happened (the timeline) and who is told (the outbox). No personal data in either text."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from domain.roles import Role
from store.engine import Connection
from store.tables import outbox, timeline


async def note(
    conn: Connection,
    order_id: str,
    *,
    key: str,
    at: datetime,
    kind: str,
    text: str,
    step: str | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Adds a line to the order's story; the same key adds it once."""
    row = {"key": key, "order_id": order_id, "at": at, "kind": kind, "step": step, "text": text}
    await conn.execute(insert(timeline).values(**row, data=data or {}).on_conflict_do_nothing())


async def noted(conn: Connection, key: str) -> bool:
    """Whether the story has a line with this key."""
    found = await conn.scalar(select(timeline.c.id).where(timeline.c.key == key))
    return found is not None


async def tell(
    conn: Connection,
    order_id: str,
    *,
    key: str,
    role: Role,
    kind: str,
    text: str,
    at: datetime,
) -> None:
    """Queues a notice for a role; the same key queues it once. Sends nothing."""
    row = {"key": key, "order_id": order_id, "to_role": role.value, "kind": kind, "at": at}
    await conn.execute(insert(outbox).values(**row, text=text).on_conflict_do_nothing())
