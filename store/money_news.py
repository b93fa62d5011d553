"""Orders that have to hear that their money has moved: written with the move, gone once told."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from store.engine import Connection
from store.money_tables import money_news


@dataclass(frozen=True)
class MoneyNews:
    """An order that has not heard yet, and the latest move that it has to hear of."""

    order_id: str
    entry: str


async def note_news(conn: Connection, order_ids: Iterable[str], entry: str) -> None:
    """Keeps in the transaction of the move that these orders have to be told."""
    for order_id in order_ids:
        row = insert(money_news).values(order_id=order_id, entry=entry)
        latest = {"entry": row.excluded.entry, "created_at": func.now()}
        await conn.execute(row.on_conflict_do_update(index_elements=["order_id"], set_=latest))


async def told(conn: Connection, news: MoneyNews) -> None:
    """The order has heard, or has ended. News that came meanwhile stay."""
    await conn.execute(
        delete(money_news).where(
            money_news.c.order_id == news.order_id, money_news.c.entry == news.entry
        )
    )


async def untold(conn: Connection, age: timedelta, limit: int) -> list[MoneyNews]:
    """News that nobody has told for at least `age`, the oldest first."""
    found = await conn.execute(
        select(money_news.c.order_id, money_news.c.entry)
        .where(money_news.c.created_at <= func.now() - age)
        .order_by(money_news.c.created_at)
        .limit(limit)
    )
    return [MoneyNews(row.order_id, row.entry) for row in found]
