"""Where the database disagrees with itself on an order: its money, its goods, its refunds."""

from collections import Counter
from decimal import Decimal

from sqlalchemy import func, literal, select, union_all

from domain.base import Record
from domain.money import Account
from domain.payments import RefundState
from domain.priorities import Priority
from store.engine import Connection
from store.follow_up_tables import follow_ups
from store.gate_tables import order_money
from store.money_tables import balances, ledger
from store.payment_tables import refunds
from store.tables import goods, orders, shipments

UNDECIDED = (RefundState.PROPOSED.value, RefundState.APPROVED.value)


class Unequal(Record):
    """Two records that should say the same of one thing: what each of them says."""

    subject: str
    one: str
    other: str


class Within(Record):
    """All such of an order. `rush_paid` is none where priority and rush fee fit together.

    `unattended` are refunds that nobody is asked about.
    """

    rush_paid: bool | None = None
    balances: tuple[Unequal, ...] = ()
    shipped: tuple[Unequal, ...] = ()
    refunds: tuple[Unequal, ...] = ()
    unattended: tuple[str, ...] = ()


async def read_within(conn: Connection, order_id: str) -> Within:
    """Reads both sides of each; changes nothing."""
    return Within(
        rush_paid=await _rush(conn, order_id),
        balances=await _balances(conn, order_id),
        shipped=await _shipped(conn, order_id),
        refunds=await _refunds(conn, order_id),
        unattended=await _unattended(conn, order_id),
    )


async def _rush(conn: Connection, order_id: str) -> bool | None:
    paid = order_money.c.rush_paid_at.is_not(None)
    first = orders.c.priority == Priority.RUSH.value
    found: bool | None = await conn.scalar(
        select(paid)
        .select_from(orders)
        .outerjoin(order_money, order_money.c.order_id == orders.c.id)
        .where(orders.c.id == order_id, orders.c.state == "open", paid != first)
    )
    return found


async def _balances(conn: Connection, order_id: str) -> tuple[Unequal, ...]:
    nothing = literal(Decimal(0))
    came = select(
        ledger.c.currency,
        ledger.c.target.label("account"),
        ledger.c.amount.label("booked"),
        nothing.label("stands"),
    ).where(ledger.c.target_holder == order_id)
    went = select(ledger.c.currency, ledger.c.source, -ledger.c.amount, nothing).where(
        ledger.c.source_holder == order_id
    )
    here = select(balances.c.currency, balances.c.account, nothing, balances.c.amount).where(
        balances.c.holder == order_id
    )
    both = union_all(came, went, here).subquery()
    booked, stands = func.sum(both.c.booked), func.sum(both.c.stands)
    found = await conn.execute(
        select(both.c.currency, both.c.account, booked.label("booked"), stands.label("stands"))
        .where(both.c.account != Account.OUTSIDE.value)
        .group_by(both.c.currency, both.c.account)
        .having(booked != stands)
        .order_by(both.c.currency, both.c.account)
    )
    return tuple(
        Unequal(
            subject=f"{row.account} in {row.currency}", one=str(row.booked), other=str(row.stands)
        )
        for row in found
    )


async def _shipped(conn: Connection, order_id: str) -> tuple[Unequal, ...]:
    found = await conn.scalars(
        select(shipments.c.quantities).where(
            shipments.c.order_id == order_id, shipments.c.state == "shipped"
        )
    )
    left: Counter[str] = Counter()
    for quantities in found:
        left.update(quantities)
    if not left:
        return ()  # shipments of before there were parts do not say what was in them
    counted = await conn.execute(
        select(goods.c.product, goods.c.shipped).where(goods.c.order_id == order_id)
    )
    there = {row.product: row.shipped for row in counted}
    return tuple(
        Unequal(subject=product, one=str(left[product]), other=str(there.get(product, 0)))
        for product in sorted(left.keys() | there.keys())
        if left[product] != there.get(product, 0)
    )


async def _refunds(conn: Connection, order_id: str) -> tuple[Unequal, ...]:
    nothing = literal(Decimal(0))
    wanted = select(
        refunds.c.currency, refunds.c.amount.label("wanted"), nothing.label("aside")
    ).where(refunds.c.holder == order_id, refunds.c.state.in_(UNDECIDED))
    here = balances.c.holder == order_id, balances.c.account == Account.REFUND_DUE.value
    aside = select(balances.c.currency, nothing, balances.c.amount).where(*here)
    both = union_all(wanted, aside).subquery()
    sums = func.sum(both.c.wanted), func.sum(both.c.aside)
    found = await conn.execute(
        select(both.c.currency, sums[0].label("wanted"), sums[1].label("aside"))
        .group_by(both.c.currency)
        .having(sums[0] != sums[1])
        .order_by(both.c.currency)
    )
    return tuple(
        Unequal(subject=row.currency, one=str(row.wanted), other=str(row.aside)) for row in found
    )


async def _unattended(conn: Connection, order_id: str) -> tuple[str, ...]:
    asked = select(follow_ups.c.id).where(
        follow_ups.c.id == refunds.c.follow_up, follow_ups.c.state != "closed"
    )
    found = await conn.scalars(
        select(refunds.c.id)
        .where(refunds.c.order_id == order_id, refunds.c.state.in_(UNDECIDED), ~asked.exists())
        .order_by(refunds.c.id)
    )
    return tuple(found)
