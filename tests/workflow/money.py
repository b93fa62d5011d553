"""Money on the floor: booked as finance books it, and told to the order."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import uuid4

from domain.money import Account, Currency, PaymentRoute
from store import ledger
from store.ledger import Move
from store.money_news import note_untold
from store.money_tables import ledger as entries
from store.payment_reports import ReportRow, add_report
from tests.workflow.floor import Placed
from workflows.contract import MONEY_MOVED, MoneyMoved


async def pay(
    placed: Placed, amount: str, *, into: Account = Account.GOODS, tell: bool = True
) -> str:
    """Money comes from outside; what goes beyond the price stays unapplied."""
    key = f"test/{uuid4()}"
    row = await placed.row()
    entry = Move(
        key=key,
        currency=Currency.CNY.value,
        amount=Decimal(amount),
        source=Account.OUTSIDE,
        target=Account.UNAPPLIED if into is Account.GOODS else into,
        holder=placed.order_id,
        reason="a payment",
        by="key-of-finance",
        at=placed.now,
        order_id=placed.order_id,
        customer=row["customer"],
    )
    async with placed.floor.engine.begin() as conn:
        await ledger.lock_money(conn, placed.order_id)
        await ledger.move(conn, entry)
        if into is Account.GOODS:
            await ledger.fit_goods(conn, replace(entry, key=f"{key}/goods"), row["amount"])
    if tell:
        await news(placed, key)
    return key


async def say_paid(
    placed: Placed,
    amount: str,
    *,
    route: PaymentRoute | None = None,
    at: datetime | None = None,
    tell: bool = True,
) -> ReportRow:
    """Somebody says that the customer has paid, as the API keeps it; the order hears of it."""
    row = ReportRow(
        id=str(uuid4()),
        order_id=placed.order_id,
        amount=Decimal(amount),
        currency=Currency.CNY,
        route=route,
        reported_by="key-of-customer",
        reported_at=at or placed.now,
    )
    async with placed.floor.engine.begin() as conn:
        await add_report(conn, row)
        await note_untold(conn, placed.order_id, row.id)
    if tell:
        await news(placed, row.id)
    return row


async def news(placed: Placed, key: str = "again") -> None:
    """The order hears that money has moved."""
    await placed.handle.signal(MONEY_MOVED, MoneyMoved(entry=key))


async def held(placed: Placed) -> dict[Account, Decimal]:
    """What lies on each account of the order, without the empty ones."""
    async with placed.floor.engine.connect() as conn:
        stands = await ledger.standing(conn, placed.order_id, Currency.CNY.value)
    assert stands.received == stands.applied + stands.unapplied + stands.refunded
    return {account: amount for account, amount in stands.by_account.items() if amount}


async def moves(placed: Placed, reason: str) -> list[tuple[Decimal, object]]:
    """Amount and instant of the order's moves with this reason."""
    rows = await placed.rows(entries, reason=reason)
    return [(row["amount"], row["at"]) for row in rows]
