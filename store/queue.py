"""Orders that compete for production slots, with what each has to show (catalogue 6.3)."""

from datetime import datetime

from sqlalchemy import func, select

from domain.money import Account
from domain.orders import OrderState
from domain.priorities import Priority, Rival
from domain.stages import Stage
from store.engine import Connection
from store.money_tables import balances, ledger
from store.tables import orders

QUEUE_MAX = 500


class Queued(Rival):
    """A rival with what a list shows of it."""

    number: str | None
    customer: str
    step: str | None
    promised_at: datetime


async def planning_queue(conn: Connection) -> list[Queued]:
    """Open orders that are being planned, the longest known first, unsorted otherwise."""
    goods = (
        balances.c.holder == orders.c.id,
        balances.c.currency == orders.c.currency,
        balances.c.account == Account.GOODS.value,
    )
    paid = func.coalesce(select(func.sum(balances.c.amount)).where(*goods).scalar_subquery(), 0)
    came = ledger.c.target_holder == orders.c.id, ledger.c.source == Account.OUTSIDE.value
    first = select(func.min(ledger.c.at)).where(*came).scalar_subquery()
    found = await conn.execute(
        select(
            orders.c.id.label("order_id"),
            orders.c.number,
            orders.c.customer,
            orders.c.step,
            orders.c.promised_at,
            orders.c.priority,
            (paid >= orders.c.amount).label("paid_in_full"),
            first.label("paid_at"),
            orders.c.received_at,
        )
        .where(orders.c.state == OrderState.OPEN.value, orders.c.stage == Stage.PLANNING.value)
        .order_by(orders.c.received_at, orders.c.id)
        .limit(QUEUE_MAX)
    )
    return [Queued(**{**row, "priority": Priority(row["priority"])}) for row in found.mappings()]
