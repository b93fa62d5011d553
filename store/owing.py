"""What an order owes: the amount that goods money may fill, and the fee that lifts it (S07)."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, or_, select

from domain.money import Account, Currency, Purpose
from domain.orders import OrderState
from domain.payments import RefundState
from store.engine import Connection
from store.gate_tables import order_money
from store.ledger import NOTHING, MoneyStanding
from store.payment_tables import refunds
from store.tables import orders

_COLUMNS = ("id", "number", "customer", "currency", "amount", "state")
_CREDITED = (
    select(func.coalesce(func.sum(refunds.c.from_goods), 0))
    .where(refunds.c.order_id == orders.c.id, refunds.c.state != RefundState.REJECTED.value)
    .scalar_subquery()
    .label("credited")
)
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

    @property
    def is_gone(self) -> bool:
        """Whether it was cancelled or refused: it owes nothing any more."""
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
    def name(self) -> str:
        """What people call it."""
        return self.number or self.id

    def open_for(self, purpose: Purpose, had: MoneyStanding) -> Decimal:
        """What is still to be paid for this purpose."""
        if purpose is Purpose.RUSH_FEE:
            return max(self.fee - had.of(Account.RUSH_FEE), NOTHING)
        return max(self.goods - had.of(Account.GOODS), NOTHING)

    def to_pay(self, had: MoneyStanding) -> Decimal:
        """All that is still to be paid."""
        return sum((self.open_for(purpose, had) for purpose in Purpose), NOTHING)


async def debtor(conn: Connection, named: str, *, lock: bool = False) -> Debtor | None:
    """The order of this id or number; with `lock` nobody else moves its money meanwhile."""
    is_it = or_(orders.c.id == named, orders.c.number == named)
    query = select(*(orders.c[name] for name in _COLUMNS), _CREDITED, _RUSH_FEE).where(is_it)
    if lock:
        # By itself: whoever waits for a lock reads the other tables as they were before.
        await conn.execute(select(orders.c.id).where(is_it).with_for_update())
    row = (await conn.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    known = {"currency": Currency(row["currency"]), "state": OrderState(row["state"])}
    return Debtor(**{**row, **known})
