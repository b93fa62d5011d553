"""Effects: what was done under a key, so that it is never done twice."""

from typing import Any

from sqlalchemy import insert

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
