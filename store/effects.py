"""Effects: what was done under a key, so that it is never done twice."""

from typing import Any

from sqlalchemy import func, insert, select

from store.engine import Connection
from store.tables import effects


async def stored_effect(conn: Connection, key: str) -> dict[str, Any] | None:
    """The result that was stored under `key`; none when the caller is the first.

    Whoever else works under the same key waits here until this transaction ends.
    """
    await conn.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))
    found: dict[str, Any] | None = await conn.scalar(
        select(effects.c.result).where(effects.c.key == key)
    )
    return found


async def store_effect(
    conn: Connection, key: str, *, order_id: str, activity: str, result: dict[str, Any]
) -> None:
    """Stores the result; it commits together with what was done."""
    await conn.execute(
        insert(effects).values(key=key, order_id=order_id, activity=activity, result=result)
    )
