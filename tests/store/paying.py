"""Money on the bench: as the books move it, and as the bank reports it."""

from decimal import Decimal

from domain.money import Account, Currency, PaymentRoute, Purpose
from store.ledger import Move, move
from store.payments import Arrived, Booked, book
from tests.store.bench import Worked


def entry(
    order: Worked,
    amount: str | int,
    source: Account = Account.OUTSIDE,
    target: Account = Account.GOODS,
    *,
    key: str = "paid",
) -> Move:
    """A line of the order's ledger, of customer C-0001; `key` is its own within the order."""
    return Move(
        key=f"{order.id}/{key}",
        currency=Currency.CNY.value,
        amount=Decimal(amount),
        source=source,
        target=target,
        holder=order.id,
        reason=key,
        by="finance",
        at=order.bench.now,
        order_id=order.id,
        customer="C-0001",
    )


async def transfer(
    order: Worked,
    amount: str | int = 100,
    source: Account = Account.OUTSIDE,
    target: Account = Account.GOODS,
    *,
    key: str = "paid",
) -> None:
    """Writes such a line down."""
    async with order.bench.engine.begin() as conn:
        await move(conn, entry(order, amount, source, target, key=key))


async def arrives(order: Worked, amount: str | int) -> Booked:
    """The bank reports a payment for the order's goods, under a reference of its own."""
    said = Arrived(
        source="bank",
        reference=f"T{order.id[:12]}.{amount}",
        digest=str(amount),
        order=order.id,
        amount=Decimal(amount),
        currency=Currency.CNY,
        route=PaymentRoute.ACCOUNT,
        purpose=Purpose.GOODS,
        arrived_at=order.bench.now,
        reported_by="bank",
        held_unfit=True,
    )
    async with order.bench.engine.begin() as conn:
        return await book(conn, said, order.bench.now)
