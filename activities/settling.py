"""The settlement of a completed order (L32): finance collects what it still owes."""

from dataclasses import replace

from activities.order_file import OrderFile
from domain.orders import OrderState
from domain.roles import PLATFORM
from policy.steps import GateStep
from store.follow_ups import Wanted, want
from store.ledger import standing
from store.owing import debtor

SETTLEMENT = "settlement"
"""The follow-up in which finance collects what a completed order owes."""


async def want_settlement(file: OrderFile) -> None:
    """Wants the settlement of an order that is completed with money owed, once.

    Only where the regulation asks this order for money: the others nobody pays through the
    platform.
    """
    if not _asked_for_money(file):
        return
    order = await debtor(file.conn, file.id)
    assert order is not None, "an order is never deleted"
    had = await standing(file.conn, file.id, file.currency)
    owed = replace(order, state=OrderState.COMPLETED).to_pay(had)
    if owed <= 0:
        return
    wanted = Wanted(
        key=f"{file.id}/{SETTLEMENT}",
        kind=SETTLEMENT,
        order_id=file.id,
        requested_by=PLATFORM,
        requested_at=file.now,
        facts={"owed": f"{owed.normalize():f}", "currency": file.currency.value},
    )
    await want(file.conn, wanted)


def _asked_for_money(file: OrderFile) -> bool:
    """Whether one of its gates has waited for money."""
    return any(
        isinstance(step, GateStep) and step.asks_for_money and step.is_for(file.request.traits)
        for step in file.profile.steps
    )
