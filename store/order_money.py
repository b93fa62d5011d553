"""An order's deposit and rush fee, and what its customer may owe (S07, S26).

The order's row is locked by whoever writes here.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from domain.deposits import DepositState
from domain.money import Account
from domain.orders import OrderState
from store.engine import Connection
from store.gate_tables import order_money
from store.money_tables import balances
from store.owing import CANCELLING, CREDITED
from store.tables import customers, orders

NOTHING = Decimal(0)


@dataclass(frozen=True)
class OrderMoney:
    """What is known of an order's deposit and rush fee; nothing for most orders."""

    deposit: Decimal | None = None
    deposit_state: DepositState | None = None
    rush_wish: str | None = None
    rush_fee: Decimal | None = None
    rush_paid_at: datetime | None = None


@dataclass(frozen=True)
class Credit:
    """What a customer may owe; `limit` is none for one that pays in advance."""

    customer: str
    currency: str
    limit: Decimal | None
    blocked_at: datetime | None
    blocked_because: str | None


async def read_money(conn: Connection, order_id: str) -> OrderMoney:
    """The order's deposit and rush fee."""
    names = OrderMoney.__dataclass_fields__
    found = await conn.execute(
        select(*(order_money.c[name] for name in names)).where(order_money.c.order_id == order_id)
    )
    row = found.mappings().one_or_none()
    if row is None:
        return OrderMoney()
    state = row["deposit_state"]
    return OrderMoney(**{**row, "deposit_state": DepositState(state) if state else None})


async def keep_deposit(conn: Connection, order_id: str, amount: Decimal, at: datetime) -> bool:
    """So much of a deposit is paid; False when that was known already.

    A changed order may pass the gate again with another amount, until its deposit is settled.
    """
    columns = order_money.c
    held = DepositState.HELD.value
    values = {"deposit": amount, "deposit_state": held, "deposit_at": at}
    is_new = columns.deposit.is_(None)
    is_other = (columns.deposit_state == held) & (columns.deposit != amount)
    kept = await conn.execute(
        insert(order_money)
        .values(order_id=order_id, **values)
        .on_conflict_do_update(index_elements=["order_id"], set_=values, where=is_new | is_other)
    )
    return kept.rowcount == 1


async def change_deposit(
    conn: Connection, order_id: str, state: DepositState, at: datetime
) -> None:
    """The deposit comes into another state."""
    await conn.execute(
        order_money.update()
        .where(order_money.c.order_id == order_id)
        .values(deposit_state=state.value, deposit_at=at)
    )


async def agree_rush(
    conn: Connection, order_id: str, wish: str, fee: Decimal, at: datetime
) -> None:
    """The order is to come first once this fee is paid."""
    values = {"rush_wish": wish, "rush_fee": fee, "rush_agreed_at": at}
    await conn.execute(
        insert(order_money)
        .values(order_id=order_id, **values)
        .on_conflict_do_update(index_elements=["order_id"], set_=values)
    )


async def end_rush(conn: Connection, order_id: str) -> None:
    """No rush fee is agreed any more; one that is asked for later is another one."""
    await conn.execute(
        order_money.update().where(order_money.c.order_id == order_id).values(rush_fee=None)
    )


async def note_rush_paid(conn: Connection, order_id: str, at: datetime) -> bool:
    """The rush fee is paid; False when that was known already."""
    done = await conn.execute(
        order_money.update()
        .where(order_money.c.order_id == order_id, order_money.c.rush_paid_at.is_(None))
        .values(rush_paid_at=at)
    )
    return done.rowcount == 1


async def read_credit(conn: Connection, customer: str, *, lock: bool = False) -> Credit | None:
    """What this customer may owe; none for a customer that nobody knows.

    With `lock` whoever tells the customer's waiting orders waits for this transaction.
    """
    query = _credit(customer)
    return await _only(conn, query.with_for_update(read=True) if lock else query)


async def credit_to_change(conn: Connection, customer: str) -> Credit | None:
    """The same for whoever changes it: nobody else does meanwhile, and no gate looks."""
    return await _only(conn, _credit(customer).with_for_update(key_share=True))


def _credit(customer: str) -> Select[Any]:
    columns = customers.c
    return select(
        columns.code.label("customer"),
        columns.currency,
        columns.credit_limit.label("limit"),
        columns.blocked_at,
        columns.blocked_because,
    ).where(columns.code == customer)


async def _only(conn: Connection, query: Select[Any]) -> Credit | None:
    row = (await conn.execute(query)).mappings().one_or_none()
    return None if row is None else Credit(**row)


async def set_credit(
    conn: Connection,
    customer: str,
    *,
    limit: Decimal | None,
    blocked_at: datetime | None,
    blocked_because: str | None,
) -> None:
    """What this customer may owe from now on."""
    await conn.execute(
        customers.update()
        .where(customers.c.code == customer)
        .values(credit_limit=limit, blocked_at=blocked_at, blocked_because=blocked_because)
    )


async def unpaid(conn: Connection, customer: str, currency: str, order_id: str | None) -> Decimal:
    """What the customer's orders in this currency still cost, delivered and cancelled ones, too.

    For the gate of `order_id` neither that order counts nor an open one that was received after it:
    two that wait would keep each other waiting.
    """
    columns = orders.c
    delivered = columns.amount - CREDITED
    goods = case((columns.state == OrderState.COMPLETED.value, delivered), else_=columns.amount)
    still = case(
        (columns.state.in_(_ALIVE), func.greatest(goods - _paid(Account.GOODS), 0)),
        else_=func.greatest(CANCELLING - _paid(Account.COST), 0),
    )
    query = select(func.coalesce(func.sum(still), 0)).where(
        columns.customer == customer, columns.currency == currency
    )
    if order_id is not None:
        this = orders.alias()
        came = select(this.c.received_at, this.c.id).where(this.c.id == order_id)
        first = tuple_(columns.received_at, columns.id) < came.scalar_subquery()
        is_open = columns.state == OrderState.OPEN.value
        query = query.where(columns.id != order_id, or_(~is_open, first))
    found: Decimal | None = await conn.scalar(query)
    return found or NOTHING


_ALIVE = (OrderState.OPEN.value, OrderState.COMPLETED.value)


def _paid(account: Account) -> ColumnElement[Decimal]:
    here = (
        balances.c.holder == orders.c.id,
        balances.c.currency == orders.c.currency,
        balances.c.account == account.value,
    )
    return func.coalesce(select(func.sum(balances.c.amount)).where(*here).scalar_subquery(), 0)
