"""Who has to hear that money has moved or is reported: written with it, gone once told."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from store.engine import Connection
from store.gate_tables import credit_news
from store.money_tables import money_news
from store.tables import customers, orders


@dataclass(frozen=True)
class MoneyNews:
    """An order that has not heard yet, and the latest move that it has to hear of."""

    order_id: str
    entry: str


@dataclass(frozen=True)
class CreditNews:
    """A customer who may owe more than before, and the latest reason."""

    customer: str
    entry: str
    rows: tuple[int, ...]


async def note_news(conn: Connection, order_ids: Iterable[str], entry: str) -> None:
    """Keeps in the transaction of the move that these orders have to be told.

    What they are paid also eases the credit of their customers.
    """
    ids = list(order_ids)
    for order_id in ids:
        await note_untold(conn, order_id, entry)
    await note_eased(conn, ids, entry)


async def note_untold(conn: Connection, order_id: str, entry: str) -> None:
    """Keeps that one order has to be told. A report needs no more: it eases nobody's credit."""
    row = insert(money_news).values(order_id=order_id, entry=entry)
    latest = {"entry": row.excluded.entry, "created_at": func.now()}
    await conn.execute(row.on_conflict_do_update(index_elements=["order_id"], set_=latest))


async def note_eased(conn: Connection, order_ids: Iterable[str], entry: str) -> None:
    """Keeps in the transaction of the move that the customers of these orders may owe more."""
    if ids := list(order_ids):
        whose = select(orders.c.customer, literal(entry)).where(orders.c.id.in_(ids)).distinct()
        await conn.execute(insert(credit_news).from_select(["customer", "entry"], whose))


async def note_credit(conn: Connection, customer: str, entry: str) -> None:
    """Keeps in the transaction that eases it that this customer may owe more than before."""
    await conn.execute(insert(credit_news).values(customer=customer, entry=entry))


async def eased(conn: Connection, limit: int) -> list[CreditNews]:
    """Customers whose waiting orders have not been told, the longest waiting first."""
    found = await conn.execute(select(credit_news).order_by(credit_news.c.id).limit(limit))
    by_customer: dict[str, CreditNews] = {}
    for row in found:
        before = by_customer.get(row.customer)
        rows = (*before.rows, row.id) if before else (row.id,)
        by_customer[row.customer] = CreditNews(row.customer, row.entry, rows)
    return list(by_customer.values())


async def waiting_for_credit(conn: Connection, customer: str) -> list[str]:
    """The customer's open orders that stand still for a reason; its credit may be it.

    Waits for a gate that looks just now: it reads the customer's row `FOR SHARE`.
    """
    its = select(customers.c.code).where(customers.c.code == customer)
    await conn.execute(its.with_for_update(key_share=True))
    found = await conn.scalars(
        select(orders.c.id)
        .where(
            orders.c.customer == customer,
            orders.c.state == "open",
            orders.c.blocked.is_not(None),
        )
        .order_by(orders.c.id)
    )
    return list(found)


async def credit_told(conn: Connection, news: CreditNews) -> None:
    """The customer's waiting orders have heard. News that came meanwhile stay."""
    await conn.execute(delete(credit_news).where(credit_news.c.id.in_(news.rows)))


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
