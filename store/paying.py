"""Money that has arrived pays for what its order owes (L09)."""

from dataclasses import replace
from decimal import Decimal

from domain.money import Account, Purpose
from domain.payments import PaymentEnd
from store.engine import Connection
from store.ledger import NOTHING, MoneyStanding, Move, move, standing
from store.owing import Debtor

_REASONS = {
    Account.GOODS: "pays for the goods",
    Account.RUSH_FEE: "pays the rush fee",
    Account.COST: "pays what the cancellation cost",
}


async def apply(
    conn: Connection, entry: Move, order: Debtor, purpose: Purpose, *, key: str
) -> tuple[Decimal, MoneyStanding]:
    """Has unapplied money of an order pay for what it owes, at most `entry.amount`.

    Returns how much, and how the order's money stands then. Its lock is held by the caller.
    """
    had = await standing(conn, order.id, order.currency)
    used = min(entry.amount, order.open_for(purpose, had), had.of(Account.UNAPPLIED))
    if used <= 0:
        return NOTHING, had
    target = order.account_for(purpose)
    applied = replace(
        entry,
        key=key,
        amount=used,
        source=Account.UNAPPLIED,
        target=target,
        holder=order.id,
        to_holder=None,
        reason=_REASONS[target],
    )
    await move(conn, applied)
    return used, await standing(conn, order.id, order.currency)


def end_of(order: Debtor, purpose: Purpose, rest: Decimal, to_pay: Decimal) -> PaymentEnd:
    """How a payment ends of which `rest` was not used, on an order that has `to_pay` left."""
    if rest == 0:
        return PaymentEnd.PARTLY if to_pay > 0 else PaymentEnd.APPLIED
    if order.is_gone:
        return PaymentEnd.ORDER_ENDED
    if purpose is Purpose.RUSH_FEE and order.fee == 0:
        return PaymentEnd.NO_FEE
    return PaymentEnd.TOO_MUCH
