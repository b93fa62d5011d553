"""Tells the orders whose money has moved or is reported: a gate that waits looks again."""

from collections.abc import Iterable

from api.intake import ensure_started
from api.problems import AWAY, Problem, away
from api.services import Services
from api.temporal import WorkflowGone
from store.money_news import MoneyNews, told
from store.reading import read_order
from workflows.contract import MONEY_MOVED, MoneyMoved


async def tell_money(
    services: Services, order_ids: Iterable[str], entry: str, done: str = "booked"
) -> None:
    """Signals each order that has not ended. Raises Problem 503: what is `done` stays, and the
    worker tells the order later.
    """
    for order_id in order_ids:
        async with services.reading() as conn:
            order = await read_order(conn, order_id)
        try:
            if order is not None and order.closed_at is None:
                await ensure_started(services, order)
                await services.temporal.signal(order_id, MONEY_MOVED, MoneyMoved(entry=entry))
        except WorkflowGone:
            pass  # it has just ended; its money is finance's business
        except Problem as problem:
            if problem.kind is not AWAY:
                raise
            raise away(
                f"it is {done}; the order hears of it as soon as the engine is back"
            ) from problem
        async with services.writing() as conn:
            await told(conn, MoneyNews(order_id, entry))
