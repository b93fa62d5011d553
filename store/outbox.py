"""The outbox from the relay's side: take what is pending, say what became of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from domain.roles import Role
from store.engine import Connection
from store.tables import outbox


@dataclass(frozen=True)
class Notice:
    """A queued notice. `at` is the order's own time; `key` lets a receiver drop a repetition."""

    id: int
    key: str
    order_id: str
    to_role: Role
    kind: str
    text: str
    at: datetime
    attempts: int


async def take_pending(conn: Connection, limit: int) -> list[Notice]:
    """The oldest notices that may be tried now; locked, so that two relays never send one twice."""
    found = await conn.execute(
        select(
            outbox.c.id,
            outbox.c.key,
            outbox.c.order_id,
            outbox.c.to_role,
            outbox.c.kind,
            outbox.c.text,
            outbox.c.at,
            outbox.c.attempts,
        )
        .where(
            outbox.c.state == "pending",
            func.coalesce(outbox.c.retry_at, func.now()) <= func.now(),
        )
        .order_by(outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [Notice(**{**row, "to_role": Role(row["to_role"])}) for row in found.mappings().all()]


async def mark_sent(conn: Connection, ids: Collection[int]) -> None:
    """They have been sent."""
    await conn.execute(
        update(outbox)
        .where(outbox.c.id.in_(ids))
        .values(state="sent", sent_at=func.now(), attempts=outbox.c.attempts + 1)
    )


async def mark_failed(conn: Connection, notice_id: int, retry_in: timedelta) -> None:
    """It could not be sent; not before `retry_in` of real time it is tried again."""
    await conn.execute(
        update(outbox)
        .where(outbox.c.id == notice_id)
        .values(attempts=outbox.c.attempts + 1, retry_at=func.now() + retry_in)
    )
