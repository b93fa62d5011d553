"""Tells the orders whose money has moved: a gate that waits for it looks again."""

from collections.abc import Iterable

from api.intake import ensure_started
from api.problems import AWAY, Problem, away
from api.services import Services
from api.temporal import WorkflowGone
from store.reading import read_order
from workflows.contract import MONEY_MOVED, MoneyMoved


async def tell_money(services: Services, order_ids: Iterable[str], entry: str) -> None:
    """Signals each order that has not ended. Raises Problem 503; the money is booked by then."""
    for order_id in order_ids:
        async with services.reading() as conn:
            order = await read_order(conn, order_id)
        if order is None or order.closed_at is not None:
            continue
        try:
            await ensure_started(services, order)
            await services.temporal.signal(order_id, MONEY_MOVED, MoneyMoved(entry=entry))
        except WorkflowGone:
            continue  # it has just ended; its money is finance's business
        except Problem as problem:
            if problem.kind is not AWAY:
                raise
            raise away(
                "it is booked, but the order could not be told; send the same again"
            ) from problem
