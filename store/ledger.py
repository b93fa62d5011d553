"""Money moves: from one account to another, once for each key, and never more than is there."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.money import Account
from store.engine import Connection
from store.money_tables import balances, ledger
from store.tables import orders

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Move:
    """One entry. A holder is an order or an unmatched payment, by its id.

    `key` names the move; `by` is the key of whoever did it, or `platform`.
    """

    key: str
    currency: str
    amount: Decimal
    source: Account
    target: Account
    holder: str
    reason: str
    by: str
    at: datetime
    order_id: str | None = None
    customer: str | None = None
    payment: str | None = None
    to_holder: str | None = None


@dataclass(frozen=True)
class MoneyStanding:
    """An order's money in its currency: received = applied + unapplied + refunded, always.

    `moved_away` went to another holder: a payment that was booked on the wrong order.
    """

    currency: str
    received: Decimal
    refunded: Decimal
    moved_away: Decimal
    by_account: dict[Account, Decimal]

    def of(self, account: Account) -> Decimal:
        """What lies on an account; 0 when nothing ever did."""
        return self.by_account.get(account, NOTHING)

    @property
    def applied(self) -> Decimal:
        """What pays for something."""
        return sum((held for at, held in self.by_account.items() if at.applied), NOTHING)

    @property
    def unapplied(self) -> Decimal:
        """What is the customer's: not used yet, or on its way back."""
        return self.of(Account.UNAPPLIED) + self.of(Account.REFUND_DUE)


async def move(conn: Connection, entry: Move) -> bool:
    """Moves money; False when this key has moved it before, and then nothing changes.

    Raises IntegrityError when the source has less than that.
    """
    to_holder = entry.to_holder or entry.holder
    done = await conn.execute(
        insert(ledger)
        .values(
            key=entry.key,
            order_id=entry.order_id,
            customer=entry.customer,
            payment=entry.payment,
            currency=entry.currency,
            amount=entry.amount,
            source_holder=entry.holder,
            source=entry.source.value,
            target_holder=to_holder,
            target=entry.target.value,
            reason=entry.reason,
            by=entry.by,
            at=entry.at,
        )
        .on_conflict_do_nothing()
    )
    if done.rowcount == 0:
        return False
    await _change(conn, entry.holder, entry.currency, entry.source, -entry.amount)
    await _change(conn, to_holder, entry.currency, entry.target, entry.amount)
    return True


async def _change(
    conn: Connection, holder: str, currency: str, account: Account, amount: Decimal
) -> None:
    if account is Account.OUTSIDE:
        return
    is_here = (
        (balances.c.holder == holder)
        & (balances.c.currency == currency)
        & (balances.c.account == account.value)
    )
    if amount < 0:
        # An upsert would check the constraint on the row it proposes, not on the sum.
        less = update(balances).where(is_here).values(amount=balances.c.amount + amount)
        if (await conn.execute(less)).rowcount == 1:
            return
    added = insert(balances).values(
        holder=holder, currency=currency, account=account.value, amount=amount
    )
    await conn.execute(
        added.on_conflict_do_update(
            index_elements=["holder", "currency", "account"],
            set_={"amount": balances.c.amount + added.excluded.amount},
        )
    )


async def standing(conn: Connection, holder: str, currency: str) -> MoneyStanding:
    """How the money of an order, or of an unmatched payment, stands in one currency."""
    here, there = ledger.c.source_holder == holder, ledger.c.target_holder == holder
    outside = Account.OUTSIDE.value
    came = there & ((ledger.c.source == outside) | (ledger.c.source_holder != holder))
    went_back = here & (ledger.c.target == outside)
    went_away = here & (ledger.c.target_holder != holder)
    total = func.coalesce(func.sum(ledger.c.amount).filter(came), 0)
    back = func.coalesce(func.sum(ledger.c.amount).filter(went_back), 0)
    away = func.coalesce(func.sum(ledger.c.amount).filter(went_away), 0)
    sums = (
        await conn.execute(
            select(total, back, away).where(ledger.c.currency == currency, here | there)
        )
    ).one()
    held = await conn.execute(
        select(balances.c.account, balances.c.amount).where(
            balances.c.holder == holder, balances.c.currency == currency
        )
    )
    by_account = {Account(row.account): row.amount for row in held}
    return MoneyStanding(currency, sums[0], sums[1], sums[2], by_account)


async def lock_money(conn: Connection, order_id: str) -> None:
    """Nobody else moves this order's money until the transaction ends: the order's own lock."""
    await conn.execute(select(orders.c.id).where(orders.c.id == order_id).with_for_update())


async def fit_goods(conn: Connection, entry: Move, owed: Decimal) -> Decimal:
    """Has money for the goods be what is owed, as far as there is any.

    Too little is filled from what is unapplied, too much becomes unapplied. `entry` carries key,
    holder and reason; its amount and accounts do not count. Returns what is left to be paid.
    """
    had = await standing(conn, entry.holder, entry.currency)
    goods, free = had.of(Account.GOODS), had.of(Account.UNAPPLIED)
    if goods > owed:
        await move(conn, _between(entry, Account.GOODS, Account.UNAPPLIED, goods - owed))
        return NOTHING
    filled = min(owed - goods, free)
    if filled > 0:
        await move(conn, _between(entry, Account.UNAPPLIED, Account.GOODS, filled))
    return owed - goods - filled


def _between(entry: Move, source: Account, target: Account, amount: Decimal) -> Move:
    return replace(entry, source=source, target=target, amount=amount)
