"""Money that came to the wrong place is moved to the order it belongs to (L32)."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Select, and_, func, or_, select

from domain.errors import InvalidField, UnknownThing
from domain.money import Account, Purpose, rounded
from domain.payments import PaymentState
from store.engine import Connection
from store.ledger import NOTHING, Move, move, standing
from store.money_tables import ledger
from store.owing import Debtor, debtor
from store.paying import apply
from store.payment_rows import PaymentRow, known_payment
from store.payment_tables import payments
from store.story import Line, add_lines


@dataclass(frozen=True)
class Placing:
    """A payment shall go to `order`, by its id or number.

    Without `amount` it is what is left of an unmatched payment, what a payment was too much, or all
    of one that named the wrong order. On the order that has it already it pays for what is owed by
    now. `key` names the request: it moves once.
    """

    key: str
    payment: str
    order: str
    by: str
    at: datetime
    amount: Decimal | None = None


@dataclass(frozen=True)
class Placed:
    """The payment as it stands now. `moved` are the orders whose money has moved."""

    payment: PaymentRow
    amount: Decimal
    applied: Decimal
    moved: tuple[str, ...]


async def assign(conn: Connection, wanted: Placing) -> Placed:
    """Moves a payment's money to an order and applies it there by the payment's purpose.

    Raises UnknownThing, and InvalidField for another currency, more than is left of it, and its own
    order when that owes nothing.
    """
    seen = await known_payment(conn, wanted.payment)
    target = await debtor(conn, wanted.order)
    if target is None:
        raise UnknownThing("order", wanted.order, field="order")
    # Always in the same order, so that two never wait for each other.
    for order_id in sorted(filter(None, {seen.order_id, target.id})):
        await debtor(conn, order_id, lock=True)
    payment = await known_payment(conn, wanted.payment, lock=True)
    _must_fit(payment, target)
    moved = tuple(sorted(filter(None, {payment.order_id, target.id})))
    done = await conn.scalar(_moved_by(wanted.key))
    if done:
        return Placed(payment, done, NOTHING, moved)
    if payment.order_id == target.id:
        return await _apply_here(conn, payment, target, wanted)
    amount = await _amount(conn, payment, wanted.amount)
    last, all_gone = await _hand_over(conn, payment, target, amount, wanted)
    applied, _ = await apply(
        conn, last, target, Purpose(payment.purpose or Purpose.GOODS), key=f"{wanted.key}/applied"
    )
    if all_gone:
        await conn.execute(
            payments.update()
            .where(payments.c.id == payment.id)
            .values(
                order_id=target.id,
                customer=target.customer,
                state=PaymentState.MATCHED.value,
                why=None,
            )
        )
    await _note(conn, payment, target, amount, wanted)
    return Placed(await known_payment(conn, payment.id), amount, applied, moved)


def _must_fit(payment: PaymentRow, target: Debtor) -> None:
    if payment.state is PaymentState.REFUSED:
        raise InvalidField("payment", "was refused and moved no money; enter what really arrived")
    if payment.currency is not target.currency:
        rule = f"is priced in {target.currency}, and {payment.currency} is not converted"
        raise InvalidField("order", f"{rule}; name another order, or send the money back")


async def _amount(conn: Connection, payment: PaymentRow, asked: Decimal | None) -> Decimal:
    """How much moves. Raises InvalidField for more than is left of the payment where it is."""
    assert payment.amount is not None, "a payment that counts has an amount"
    assert payment.currency is not None, "a payment that counts has a currency"
    holder = payment.order_id or payment.id
    had = await standing(conn, holder, payment.currency)
    free = had.of(Account.UNAPPLIED)
    here = free
    if payment.order_id is not None:
        left = await _brought(conn, payment)
        fee, cost = _fee(payment, had.of(Account.RUSH_FEE)), await _covered(conn, payment)
        here = min(left, free + had.of(Account.GOODS) + fee + cost)
    amount = asked
    if amount is None:
        too_much = min(payment.outcome.unapplied, free, here)
        amount = too_much if payment.order_id and too_much > 0 else here
        if payment.order_id and too_much <= 0:
            amount = payment.amount
    if amount <= 0 or amount > here:
        most = f"{rounded(here, payment.currency)} {payment.currency}"
        rule = f"is more than is left of it; at most {most} can be moved"
        raise InvalidField("amount", rule)
    return amount


def _fee(payment: PaymentRow, paid: Decimal) -> Decimal:
    return paid if payment.purpose == Purpose.RUSH_FEE else NOTHING


async def _apply_here(
    conn: Connection, payment: PaymentRow, order: Debtor, wanted: Placing
) -> Placed:
    """What was too early or too much pays for what its own order owes by now."""
    assert payment.currency is not None, "a payment that counts has a currency"
    had = await standing(conn, order.id, order.currency)
    left = min(await _brought(conn, payment), had.of(Account.UNAPPLIED))
    entry = Move(
        key=wanted.key,
        currency=payment.currency,
        amount=left if wanted.amount is None else min(left, wanted.amount),
        source=Account.UNAPPLIED,
        target=Account.GOODS,
        holder=order.id,
        reason="",
        by=wanted.by,
        at=wanted.at,
        order_id=order.id,
        customer=order.customer,
        payment=payment.id,
    )
    applied, _ = await apply(
        conn,
        entry,
        order,
        Purpose(payment.purpose or Purpose.GOODS),
        key=f"{wanted.key}/from/here",
    )
    if applied == 0:
        raise InvalidField("order", "has this payment already, and owes nothing it could pay")
    return Placed(payment, applied, applied, (order.id,))


async def _brought(conn: Connection, payment: PaymentRow) -> Decimal:
    """How much of a payment has come to its order, less what has gone on to others."""
    here, amount = payment.order_id, func.sum(ledger.c.amount)
    from_elsewhere = or_(ledger.c.source == Account.OUTSIDE, ledger.c.source_holder != here)
    came = amount.filter(and_(ledger.c.target_holder == here, from_elsewhere))
    went = amount.filter(and_(ledger.c.source_holder == here, ledger.c.target_holder != here))
    query = select(func.coalesce(came, 0) - func.coalesce(went, 0))
    found = await conn.scalar(query.where(ledger.c.payment == payment.id))
    return found or NOTHING


async def _covered(conn: Connection, payment: PaymentRow) -> Decimal:
    """How much of a payment pays what the cancellation of its order cost."""
    here, amount = payment.order_id, func.sum(ledger.c.amount)
    came = amount.filter(ledger.c.target_holder == here, ledger.c.target == Account.COST)
    went = amount.filter(ledger.c.source_holder == here, ledger.c.source == Account.COST)
    query = select(func.coalesce(came, 0) - func.coalesce(went, 0))
    found = await conn.scalar(query.where(ledger.c.payment == payment.id))
    return found or NOTHING


async def _hand_over(
    conn: Connection, payment: PaymentRow, target: Debtor, amount: Decimal, wanted: Placing
) -> tuple[Move, bool]:
    """What is not applied goes first, then what pays for something.

    Returns an entry of it all, and whether nothing of the payment stays where it was.
    """
    assert payment.currency is not None, "a payment that counts has a currency"
    holder = payment.order_id or payment.id
    had = await standing(conn, holder, payment.currency)
    entry = Move(
        key=wanted.key,
        currency=payment.currency,
        amount=amount,
        source=Account.UNAPPLIED,
        target=Account.UNAPPLIED,
        holder=holder,
        to_holder=target.id,
        reason="belongs to another order" if payment.order_id else "belongs to this order",
        by=wanted.by,
        at=wanted.at,
        order_id=target.id,
        customer=target.customer,
        payment=payment.id,
    )
    rest = amount
    for source in (Account.UNAPPLIED, Account.RUSH_FEE, Account.GOODS, Account.COST):
        if source is Account.RUSH_FEE and payment.purpose != Purpose.RUSH_FEE:
            continue
        part = min(rest, had.of(source))
        if part > 0:
            key = f"{wanted.key}/from/{source}"
            await move(conn, replace(entry, key=key, source=source, amount=part))
            rest -= part
    assert rest == 0, "more was to be moved than there is"
    all_gone = amount == (payment.amount if payment.order_id else had.of(Account.UNAPPLIED))
    return entry, all_gone


def _moved_by(key: str) -> Select[Decimal | None]:
    own = ledger.c.key.startswith(f"{key}/from/", autoescape=True)
    return select(func.sum(ledger.c.amount)).where(own)


async def _note(
    conn: Connection, payment: PaymentRow, target: Debtor, amount: Decimal, wanted: Placing
) -> None:
    sum_ = f"{rounded(amount, target.currency)} {target.currency}"
    lines = [(target.customer, target.id, f"{sum_} of an earlier payment belong to this order")]
    if payment.order_id is not None:
        away = f"{sum_} of a payment belong to another order"
        lines.append((payment.customer or "", payment.order_id, away))
    # A customer's events are numbered one after the other: always in the same order, like the
    # orders themselves, so that two that cross never wait for each other.
    for _, order_id, text in sorted(lines):
        line = Line(key=f"{wanted.key}/{order_id}", at=wanted.at, kind="payment_moved", text=text)
        await add_lines(conn, order_id, [line])
