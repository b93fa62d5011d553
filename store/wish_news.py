"""Wishes that are stored, and of which nobody knows that the engine took them."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import func, select, update

from domain.changes import ChangeState
from store.engine import Connection
from store.rows import WishRow
from store.tables import changes


async def untold_wishes(
    conn: Connection, age: timedelta, but: Collection[str], limit: int
) -> list[WishRow]:
    """Wishes without a verdict that nobody has told for at least `age`, the oldest first.

    Those in `but` are left out.
    """
    columns = (changes.c[name] for name in WishRow.model_fields)
    found = await conn.execute(
        select(*columns)
        .where(
            changes.c.state == ChangeState.RECEIVED.value,
            changes.c.told_at.is_(None),
            changes.c.requested_at <= func.now() - age,
            changes.c.id.not_in(but),
        )
        .order_by(changes.c.requested_at, changes.c.id)
        .limit(limit)
    )
    return [WishRow(**row) for row in found.mappings()]


async def wish_told(conn: Connection, wish_id: str) -> None:
    """The engine has taken it: the order hears of it, also when no worker lives just now."""
    await conn.execute(update(changes).where(changes.c.id == wish_id).values(told_at=func.now()))
