"""Money of an order that the platform moves by itself, as its regulation says."""

from datetime import datetime
from decimal import Decimal

from activities.order_file import OrderFile
from domain.money import Account
from domain.roles import PLATFORM
from store.ledger import Move


def own_move(
    file: OrderFile,
    source: Account,
    target: Account,
    amount: Decimal,
    *,
    key: str,
    reason: str,
    at: datetime | None = None,
) -> Move:
    """An entry of the order's ledger, in its currency; without `at` it is of now."""
    return Move(
        key=key,
        currency=file.currency.value,
        amount=amount,
        source=source,
        target=target,
        holder=file.id,
        reason=reason,
        by=PLATFORM,
        at=at or file.now,
        order_id=file.id,
        customer=file.request.customer,
    )
