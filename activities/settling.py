"""The settlement of a completed order (L32): finance collects what it still owes."""

from dataclasses import replace

from activities.order_file import OrderFile
from domain.orders import OrderState
from domain.roles import PLATFORM
from policy.model import Profile
from policy.steps import GateStep
from store.follow_ups import Wanted, want
from store.ledger import standing
from store.owing import debtor

SETTLEMENT = "settlement"
"""The follow-up in which finance collects what a completed order owes."""


async def want_settlement(file: OrderFile) -> None:
    """Wants the settlement of an order that is completed with money owed, once.

    Only where the regulation asks for money: by the others nobody pays through the platform.
    """
    if not _asks_for_money(file.profile):
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


def _asks_for_money(profile: Profile) -> bool:
    """Whether one of its gates waits for money."""
    return any(isinstance(step, GateStep) and step.asks_for_money for step in profile.steps)
