"""What an order owes: the amount that goods money may fill, and the fee that lifts it (S07)."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, or_, select

from domain.money import Account, Currency, Purpose
from domain.orders import OrderState
from domain.payments import RefundState
from store.engine import Connection
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
    def goods(self) -> Decimal:
        """What its goods cost; nothing once it was cancelled or refused.

        What goes back after the completion, for returned goods, is not owed any more.
        """
        if self.state in {OrderState.CANCELLED, OrderState.REFUSED}:
            return NOTHING
        credited = self.credited if self.state is OrderState.COMPLETED else NOTHING
        return self.amount - credited

    @property
    def name(self) -> str:
        """What people call it."""
        return self.number or self.id

    def open_for(self, purpose: Purpose, had: MoneyStanding) -> Decimal:
        """What is still to be paid for this purpose."""
        if purpose is Purpose.RUSH_FEE:
            return max(self.rush_fee - had.of(Account.RUSH_FEE), NOTHING)
        return max(self.goods - had.of(Account.GOODS), NOTHING)

    def to_pay(self, had: MoneyStanding) -> Decimal:
        """All that is still to be paid."""
        return sum((self.open_for(purpose, had) for purpose in Purpose), NOTHING)


async def debtor(conn: Connection, named: str, *, lock: bool = False) -> Debtor | None:
    """The order of this id or number; with `lock` nobody else moves its money meanwhile."""
    query = select(*(orders.c[name] for name in _COLUMNS), _CREDITED).where(
        or_(orders.c.id == named, orders.c.number == named)
    )
    if lock:
        query = query.with_for_update(of=orders)
    row = (await conn.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    fee = await agreed_rush_fee(conn, row["id"])
    known = {"currency": Currency(row["currency"]), "state": OrderState(row["state"])}
    return Debtor(**{**row, **known}, rush_fee=fee)


async def agreed_rush_fee(conn: Connection, order_id: str) -> Decimal:
    """The rush fee that was agreed for an order (S07); 0 without one."""
    return NOTHING
