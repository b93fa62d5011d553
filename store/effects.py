"""Effects: what was done under a key, so that it is never done twice."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from store.engine import Connection
from store.tables import effects


async def store_effect(
    conn: Connection, key: str, *, order_id: str, activity: str, result: dict[str, Any]
) -> None:
    """Stores the result; it commits together with what was done.

    Raises Conflict when somebody else was first.
    """
    await conn.execute(
        insert(effects).values(key=key, order_id=order_id, activity=activity, result=result)
    )


def repeats_key(order_id: str) -> str:
    """Where it stands how often an order was reset."""
    return f"{order_id}/repeats"


async def resets(conn: Connection, order_id: str) -> int:
    """How often an order was reset."""
    found = await conn.scalar(
        select(effects.c.result).where(effects.c.key == repeats_key(order_id))
    )
    return int(found["count"]) if found else 0


async def count_reset(conn: Connection, order_id: str, count: int, origin: str) -> None:
    """The order is reset for the `count`th time, from the run `origin`.

    From now on only that run, and one that knows of the reset, may let marks fall.
    """
    result = {"count": count, "origin": origin}
    await conn.execute(
        insert(effects)
        .values(key=repeats_key(order_id), order_id=order_id, activity="reset", result=result)
        .on_conflict_do_update(index_elements=["key"], set_={"result": result})
    )


async def known_effects(conn: Connection, keys: Iterable[str]) -> set[str]:
    """Which of these effects are there."""
    found = await conn.scalars(select(effects.c.key).where(effects.c.key.in_(list(keys))))
    return set(found)
