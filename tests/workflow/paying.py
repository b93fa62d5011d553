"""Money that arrives for an order on the floor, and what its ledger has to say."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from domain.money import Account, Currency, PaymentRoute, Purpose
from store.ledger import MoneyStanding, standing
from store.payments import Arrived, Booked, book
from tests.workflow.floor import Floor
from workflows.contract import MONEY_MOVED, MoneyMoved


async def arrive(floor: Floor, order_id: str, amount: Decimal, reference: str = "") -> Booked:
    """Books a payment in CNY as finance does; the same reference books once."""
    said = Arrived(
        source="bank",
        reference=reference or f"T{uuid4().hex[:20]}",
        digest=f"{order_id}/{amount}",
        order=order_id,
        amount=amount,
        currency=Currency.CNY,
        route=PaymentRoute.ACCOUNT,
        purpose=Purpose.GOODS,
        arrived_at=datetime.now(UTC),
        reported_by="key-of-finance",
        held_unfit=True,
    )
    async with floor.engine.begin() as conn:
        return await book(conn, said, datetime.now(UTC))


async def tell(handle: Any, booked: Booked) -> None:
    """Tells the order's workflow that its money has moved."""
    await handle.signal(MONEY_MOVED, MoneyMoved(entry=booked.payment.id))


@dataclass(frozen=True)
class Purse:
    """Where an order's money is."""

    goods: Decimal
    unapplied: Decimal
    forfeited: Decimal
    cost: Decimal
    refund_due: Decimal
    stands: MoneyStanding

    @property
    def balances(self) -> bool:
        """Whether received = applied + unapplied + refunded."""
        stands = self.stands
        return stands.received == stands.applied + stands.unapplied + stands.refunded


async def purse(floor: Floor, order_id: str) -> Purse:
    """How the order's money stands."""
    async with floor.engine.connect() as conn:
        stands = await standing(conn, order_id, Currency.CNY.value)
    return Purse(
        stands.of(Account.GOODS),
        stands.of(Account.UNAPPLIED),
        stands.of(Account.FORFEITED),
        stands.of(Account.COST),
        stands.of(Account.REFUND_DUE),
        stands,
    )
