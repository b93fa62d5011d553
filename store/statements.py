"""The ledger as it is read: of an order or a customer, with sums that have to balance."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, tuple_, union

from domain.base import Record
from domain.money import Account, Currency
from store.engine import Connection
from store.ledger import NOTHING
from store.money_tables import balances, ledger
from store.payment_tables import payments
from store.tables import orders

ENTRIES_MAX = 1_000
"""More entries than an order ever has; a customer's come page by page."""

Place = tuple[datetime, str]
Holders = Select[str]


class Entry(Record):
    """One move of money as its reader sees it. `comes` and `goes` cross the reader's border."""

    key: str
    at: datetime
    order_id: str | None
    payment: str | None
    currency: Currency
    amount: Decimal
    source: Account
    target: Account
    comes: bool
    goes: bool
    reason: str
    by: str


class MoneySum(Record):
    """Money in one currency: received = applied + unapplied + refunded.

    `received` is without what was booked here and belongs elsewhere.
    """

    currency: Currency
    received: Decimal
    applied: Decimal
    unapplied: Decimal
    refunded: Decimal
    accounts: dict[Account, Decimal]

    @property
    def balances(self) -> bool:
        """Whether nothing was lost and nothing doubled."""
        return self.received == self.applied + self.unapplied + self.refunded


def of_order(order_id: str) -> Holders:
    """The order alone."""
    return select(literal(order_id))


def of_customer(code: str) -> Holders:
    """All orders of a customer, and its payments that fit none."""
    own = select(orders.c.id).where(orders.c.customer == code)
    held = select(payments.c.id).where(payments.c.customer == code)
    return select(union(own, held).subquery().c[0])


async def entries(
    conn: Connection, of: Holders, after: Place | None, limit: int
) -> Sequence[Entry]:
    """The moves of these holders' money, the oldest first."""
    came, went = _came(of), _went(of)
    names = [name for name in Entry.model_fields if name in ledger.c]
    query = select(*(ledger.c[name] for name in names), came.label("comes"), went.label("goes"))
    query = query.where(or_(ledger.c.source_holder.in_(of), ledger.c.target_holder.in_(of)))
    if after is not None:
        query = query.where(tuple_(ledger.c.at, ledger.c.key) > tuple_(*after))
    query = query.order_by(ledger.c.at, ledger.c.key).limit(limit)
    return [Entry(**row) for row in (await conn.execute(query)).mappings()]


async def sums(conn: Connection, of: Holders) -> Sequence[MoneySum]:
    """How these holders' money stands, in every currency that there is, side by side."""
    amount = func.sum(ledger.c.amount)
    back = and_(ledger.c.source_holder.in_(of), ledger.c.target == Account.OUTSIDE)
    came = func.coalesce(amount.filter(_came(of)), 0)
    went = func.coalesce(amount.filter(and_(_went(of), ~back)), 0)
    refunded = func.coalesce(amount.filter(back), 0)
    query = (
        select(ledger.c.currency, (came - went).label("received"), refunded.label("refunded"))
        .where(or_(ledger.c.source_holder.in_(of), ledger.c.target_holder.in_(of)))
        .group_by(ledger.c.currency)
        .order_by(ledger.c.currency)
    )
    totals = (await conn.execute(query)).all()
    held = await conn.execute(
        select(balances.c.currency, balances.c.account, func.sum(balances.c.amount))
        .where(balances.c.holder.in_(of))
        .group_by(balances.c.currency, balances.c.account)
    )
    accounts: dict[str, dict[Account, Decimal]] = {}
    for currency, account, lies in held:
        accounts.setdefault(currency, {})[Account(account)] = lies
    return [
        _sum(currency, received, refunded, accounts.get(currency, {}))
        for currency, received, refunded in totals
    ]


def _sum(
    currency: str, received: Decimal, refunded: Decimal, accounts: dict[Account, Decimal]
) -> MoneySum:
    applied = sum((lies for account, lies in accounts.items() if account.applied), NOTHING)
    return MoneySum(
        currency=Currency(currency),
        received=received,
        applied=applied,
        unapplied=sum(accounts.values(), NOTHING) - applied,
        refunded=refunded,
        accounts=accounts,
    )


def _came(of: Holders) -> ColumnElement[bool]:
    outside = or_(ledger.c.source == Account.OUTSIDE, ledger.c.source_holder.not_in(of))
    return and_(ledger.c.target_holder.in_(of), outside)


def _went(of: Holders) -> ColumnElement[bool]:
    outside = or_(ledger.c.target == Account.OUTSIDE, ledger.c.target_holder.not_in(of))
    return and_(ledger.c.source_holder.in_(of), outside)
