"""What an order owes: goods, the fee that lifts it, or what its cancellation cost (S07, C06)."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, or_, select

from domain.money import Account, Currency, Purpose
from domain.orders import OrderState
from domain.payments import RefundState
from store.cancellation_tables import cancellations
from store.engine import Connection
from store.gate_tables import order_money
from store.ledger import NOTHING, MoneyStanding
from store.money_tables import ledger
from store.payment_tables import refunds
from store.tables import orders

_COLUMNS = ("id", "number", "customer", "currency", "amount", "state")
CREDITED = (
    select(func.coalesce(func.sum(refunds.c.from_goods), 0))
    .where(refunds.c.order_id == orders.c.id, refunds.c.state != RefundState.REJECTED.value)
    .scalar_subquery()
    .label("credited")
)
"""What went back, or shall go back, of what was paid for an order's goods."""

_OWED = (
    select(func.coalesce(func.sum(cancellations.c.owed), 0))
    .where(cancellations.c.order_id == orders.c.id)
    .scalar_subquery()
)
# What the end itself kept: a payment that covers the rest names itself.
_KEPT = (
    select(func.coalesce(func.sum(ledger.c.amount), 0))
    .where(
        ledger.c.target_holder == orders.c.id,
        ledger.c.target == Account.COST.value,
        ledger.c.payment.is_(None),
    )
    .scalar_subquery()
)
CANCELLING = (_OWED + _KEPT).label("cancelling")
"""What an order's cancellation cost, paid or not."""

_RUSH_FEE = func.coalesce(
    select(order_money.c.rush_fee).where(order_money.c.order_id == orders.c.id).scalar_subquery(),
    0,
).label("rush_fee")


@dataclass(frozen=True)
class Debtor:
    """An order as money sees it."""

    id: str
    number: str | None
    customer: str
    currency: Currency
    amount: Decimal
    state: OrderState
    credited: Decimal = NOTHING
    rush_fee: Decimal = NOTHING
    cancelling: Decimal = NOTHING

    @property
    def is_gone(self) -> bool:
        """Whether it was cancelled or refused: it owes nothing but what that cost."""
        return self.state in {OrderState.CANCELLED, OrderState.REFUSED}

    @property
    def fee(self) -> Decimal:
        """The rush fee that was agreed (S07); nothing once the order was cancelled or refused."""
        return NOTHING if self.is_gone else self.rush_fee

    @property
    def goods(self) -> Decimal:
        """What its goods cost; nothing once it was cancelled or refused.

        What goes back after the completion, for returned goods, is not owed any more.
        """
        return NOTHING if self.is_gone else self.amount - self.gone_back

    @property
    def gone_back(self) -> Decimal:
        """What was credited of it after its completion, or is about to be."""
        return self.credited if self.state is OrderState.COMPLETED else NOTHING

    @property
    def cost(self) -> Decimal:
        """What its cancellation cost, without a deposit that was lost."""
        return self.cancelling if self.is_gone else NOTHING

    @property
    def name(self) -> str:
        """What people call it."""
        return self.number or self.id

    @property
    def owed(self) -> dict[Account, Decimal]:
        """What it owes in all, by the account where it is paid."""
        return {Account.GOODS: self.goods, Account.RUSH_FEE: self.fee, Account.COST: self.cost}

    def account_for(self, purpose: Purpose) -> Account:
        """Where money pays; what was meant for the goods of a cancelled order pays that cost."""
        if purpose is Purpose.RUSH_FEE:
            return Account.RUSH_FEE
        return Account.COST if self.is_gone else Account.GOODS

    def open_for(self, purpose: Purpose, had: MoneyStanding) -> Decimal:
        """What is still to be paid for this purpose."""
        account = self.account_for(purpose)
        return max(self.owed[account] - had.of(account), NOTHING)

    def to_pay(self, had: MoneyStanding) -> Decimal:
        """All that is still to be paid."""
        missing = (max(sum_ - had.of(account), NOTHING) for account, sum_ in self.owed.items())
        return sum(missing, NOTHING)


async def debtor(conn: Connection, named: str, *, lock: bool = False) -> Debtor | None:
    """The order of this id or number; with `lock` nobody else moves its money meanwhile."""
    is_it = or_(orders.c.id == named, orders.c.number == named)
    query = select(*(orders.c[name] for name in _COLUMNS), CREDITED, _RUSH_FEE, CANCELLING).where(
        is_it
    )
    if lock:
        # By itself: whoever waits for a lock reads the other tables as they were before.
        await conn.execute(select(orders.c.id).where(is_it).with_for_update())
    row = (await conn.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    known = {"currency": Currency(row["currency"]), "state": OrderState(row["state"])}
    return Debtor(**{**row, **known})
