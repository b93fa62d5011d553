"""Money goes back: proposed by one, approved by another, and never more than there is (L32)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from domain.errors import FourEyes, InvalidField, RefundNotOpen, UnknownThing
from domain.money import Account, Currency, rounded
from domain.payments import PaymentState, RefundState
from store.engine import Connection
from store.follow_ups import Wanted, want
from store.ledger import NOTHING, Move, move, standing
from store.money_tables import balances
from store.owing import Debtor, debtor
from store.payment_rows import PaymentRow, RefundRow, find_payment, known_payment, known_refund
from store.payment_tables import payments, refunds


@dataclass(frozen=True)
class Proposal:
    """Money that shall go back. `holder` is an order's id, or an unmatched payment's.

    Without `amount` it is all that is not applied. `key` says what about: it is proposed once.
    `payment` is the one that it came with, where that is known; `reason` is not shown to customers.
    """

    key: str
    holder: str
    reason: str
    by: str
    at: datetime
    amount: Decimal | None = None
    payment: str | None = None

    @property
    def refund_id(self) -> str:
        """The same for the same key."""
        return str(uuid5(NAMESPACE_URL, f"dueline:refund:{self.key}"))


@dataclass(frozen=True)
class _Holder:
    """Where the money lies, and whose follow-up decides about it."""

    id: str
    currency: Currency
    customer: str | None
    order: Debtor | None
    asks: str | None
    payment: str | None


async def propose(conn: Connection, wanted: Proposal) -> RefundRow:
    """Sets money aside that shall go back, and wants a follow-up for it where there is an order.

    Takes what is not applied first, then what was paid for the goods. The same key proposes once.
    Raises UnknownThing, and InvalidField for more than there is.
    """
    holder = await _holder(conn, wanted.holder)
    taken = await conn.scalar(select(refunds.c.id).where(refunds.c.key == wanted.key))
    if taken is not None:
        return await known_refund(conn, taken)
    had = await standing(conn, holder.id, holder.currency)
    free, goods = had.of(Account.UNAPPLIED), had.of(Account.GOODS)
    amount = free if wanted.amount is None else wanted.amount
    _must_be_there(amount, free, goods, holder.currency)
    row = {
        "id": wanted.refund_id,
        "key": wanted.key,
        "holder": holder.id,
        "order_id": holder.asks,
        "payment": wanted.payment or holder.payment,
        "customer": holder.customer,
        "amount": amount,
        "currency": holder.currency.value,
        "from_goods": max(amount - free, NOTHING),
        "reason": wanted.reason,
        "proposed_by": wanted.by,
        "proposed_at": wanted.at,
    }
    if holder.asks is not None:
        row["follow_up"] = await _ask(conn, wanted, holder.asks, amount, holder.currency)
    await conn.execute(insert(refunds).values(row))
    refund = await known_refund(conn, wanted.refund_id)
    for source, part in ((Account.UNAPPLIED, min(amount, free)), (Account.GOODS, amount - free)):
        key = f"refund/{refund.id}/proposed/{source}"
        await _move(conn, refund, source, Account.REFUND_DUE, part, key, wanted.by, wanted.at)
    return refund


async def approve(conn: Connection, refund_id: str, *, by: str, at: datetime) -> RefundRow:
    """Another key than the proposer's approves. The same key approving again changes nothing.

    Raises UnknownThing, FourEyes, and RefundNotOpen when it was rejected or paid.
    """
    refund = await _locked(conn, refund_id)
    if refund.state is RefundState.APPROVED and refund.approved_by == by:
        return refund
    _must_be(refund, RefundState.PROPOSED)
    if refund.proposed_by == by:
        raise FourEyes("a refund is approved by another key than the one that proposed it")
    return await _write(
        conn, refund, state=RefundState.APPROVED.value, approved_by=by, approved_at=at
    )


async def reject(
    conn: Connection, refund_id: str, *, by: str, at: datetime, because: str
) -> RefundRow:
    """The money goes back to where it was. Who has approved it may still find that it cannot be.

    Raises UnknownThing, and RefundNotOpen when it was paid.
    """
    refund = await _locked(conn, refund_id)
    if refund.state is RefundState.REJECTED:
        return refund
    _must_be(refund, RefundState.PROPOSED, RefundState.APPROVED)
    rejected = await _write(
        conn,
        refund,
        state=RefundState.REJECTED.value,
        rejected_by=by,
        rejected_at=at,
        rejected_because=because,
    )
    order = await debtor(conn, refund.holder)
    goods = min(refund.from_goods, await _missing(conn, order)) if order else NOTHING
    for target, part in ((Account.GOODS, goods), (Account.UNAPPLIED, refund.amount - goods)):
        key = f"refund/{refund.id}/rejected/{target}"
        await _move(conn, refund, Account.REFUND_DUE, target, part, key, by, at)
    return rejected


async def pay(
    conn: Connection, refund_id: str, *, by: str, at: datetime, reference: str
) -> RefundRow:
    """The money has left for the customer under the bank's `reference`.

    The same reference again changes nothing. Raises UnknownThing, and RefundNotOpen when it is not
    approved, or was paid under another reference.
    """
    refund = await _locked(conn, refund_id)
    if refund.state is RefundState.PAID and refund.paid_reference == reference:
        return refund
    _must_be(refund, RefundState.APPROVED)
    key = f"refund/{refund.id}/paid"
    await _move(conn, refund, Account.REFUND_DUE, Account.OUTSIDE, refund.amount, key, by, at)
    await _note_returned(conn, refund)
    return await _write(
        conn,
        refund,
        state=RefundState.PAID.value,
        paid_by=by,
        paid_at=at,
        paid_reference=reference,
    )


async def _note_returned(conn: Connection, refund: RefundRow) -> None:
    """A payment that fitted no order waits for nobody once all of it has gone back."""
    lies = select(balances.c.holder).where(
        balances.c.holder == payments.c.id, balances.c.amount > 0
    )
    is_it = payments.c.id == refund.holder, payments.c.state == PaymentState.UNMATCHED.value
    query = payments.update().where(*is_it, ~lies.exists())
    await conn.execute(query.values(state=PaymentState.RETURNED.value))


async def _holder(conn: Connection, named: str) -> _Holder:
    order = await debtor(conn, named, lock=True)
    if order is not None:
        return _Holder(order.id, order.currency, order.customer, order, order.id, None)
    found = await find_payment(conn, named)
    if found is None:
        raise UnknownThing("order or unmatched payment", named)
    asks = await debtor(conn, found.named_order, lock=True) if found.named_order else None
    payment = await known_payment(conn, named, lock=True)
    return _of_payment(payment, asks)


def _of_payment(payment: PaymentRow, asks: Debtor | None) -> _Holder:
    if payment.currency is None:
        raise UnknownThing("unmatched payment", payment.id)
    asking = asks.id if asks else None
    return _Holder(payment.id, payment.currency, payment.customer, None, asking, payment.id)


async def _missing(conn: Connection, order: Debtor) -> Decimal:
    had = await standing(conn, order.id, order.currency)
    return max(order.goods - had.of(Account.GOODS), NOTHING)


def _must_be_there(amount: Decimal, free: Decimal, goods: Decimal, currency: Currency) -> None:
    if amount <= 0:
        raise InvalidField("amount", "is nothing: all that was paid is applied; name an amount")
    if amount > free + goods:
        most = f"{rounded(free + goods, currency)} {currency}"
        raise InvalidField("amount", f"is more than there is; at most {most} can go back")


async def _ask(
    conn: Connection, wanted: Proposal, order_id: str, amount: Decimal, currency: Currency
) -> str:
    facts = {
        "refund": wanted.refund_id,
        "amount": str(rounded(amount, currency)),
        "currency": currency.value,
        "proposed_by": wanted.by,
    }
    follow_up = Wanted(
        key=f"refund/{wanted.refund_id}",
        kind="refund",
        order_id=order_id,
        requested_by=wanted.by,
        requested_at=wanted.at,
        subject=wanted.refund_id,
        text=wanted.reason,
        facts=facts,
    )
    return await want(conn, follow_up)


async def _locked(conn: Connection, refund_id: str) -> RefundRow:
    """The refund, with the lock of its order first: every way to money takes them in this order."""
    refund = await known_refund(conn, refund_id)
    await debtor(conn, refund.holder, lock=True)
    return await known_refund(conn, refund_id, lock=True)


def _must_be(refund: RefundRow, *states: RefundState) -> None:
    if refund.state not in states:
        raise RefundNotOpen(refund.id, refund.state.value)


async def _move(
    conn: Connection,
    refund: RefundRow,
    source: Account,
    target: Account,
    amount: Decimal,
    key: str,
    by: str,
    at: datetime,
) -> None:
    if amount <= 0:
        return
    is_order = refund.holder == refund.order_id
    await move(
        conn,
        Move(
            key=key,
            currency=refund.currency,
            amount=amount,
            source=source,
            target=target,
            holder=refund.holder,
            reason=_REASONS[target],
            by=by,
            at=at,
            order_id=refund.order_id if is_order else None,
            customer=refund.customer,
            payment=refund.payment,
        ),
    )


_REASONS = {
    Account.REFUND_DUE: "shall go back",
    Account.OUTSIDE: "was paid back",
    Account.UNAPPLIED: "does not go back",
    Account.GOODS: "does not go back",
}


async def _write(conn: Connection, refund: RefundRow, **columns: Any) -> RefundRow:
    await conn.execute(refunds.update().where(refunds.c.id == refund.id).values(**columns))
    return await known_refund(conn, refund.id)
