"""A payment is stored once, booked once, and applied to what its order owes (L09, L25)."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy.dialects.postgresql import insert

from domain.errors import InvalidField, PaymentKnown, UnknownThing
from domain.money import Account, Currency, PaymentRoute, Purpose, rounded
from domain.payments import PaymentEnd, PaymentOutcome, PaymentState
from domain.roles import Role
from store.engine import Connection
from store.follow_ups import Wanted, want
from store.ledger import NOTHING, MoneyStanding, Move, move, standing
from store.owing import Debtor, debtor
from store.payment_rows import PaymentRow, known_payment, reported_elsewhere
from store.payment_tables import payments
from store.reading import customer_exists
from store.story import Line, Message, add_lines, queue

_ENDED = {PaymentEnd.TOO_MUCH, PaymentEnd.ORDER_ENDED, PaymentEnd.NO_FEE}


@dataclass(frozen=True)
class Arrived:
    """Money that somebody says has arrived. `digest` is of all that was said.

    `held_unfit`: what fits no order is kept by the payment's own id. Without it that is refused
    and nothing is stored, because whoever entered it is there to correct it.
    """

    source: str
    reference: str
    digest: str
    order: str
    amount: Decimal
    currency: Currency
    route: PaymentRoute
    purpose: Purpose
    arrived_at: datetime
    reported_by: str
    held_unfit: bool
    customer: str | None = None
    notice: str | None = None

    @property
    def payment_id(self) -> str:
        """The same for the same transfer."""
        return str(uuid5(NAMESPACE_URL, f"dueline:payment:{self.source}:{self.reference}"))


@dataclass(frozen=True)
class Booked:
    """A payment and whether it was new. `moved` are the orders whose money has moved."""

    payment: PaymentRow
    is_new: bool
    moved: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Unfit:
    end: PaymentEnd
    why: str
    why_zh: str
    error: Exception


async def book(conn: Connection, said: Arrived, now: datetime) -> Booked:
    """Stores a payment and moves its money, once for its reference.

    Raises PaymentKnown for a reference that came with other content, or from another source; and
    UnknownThing or InvalidField for what fits no order and is not held.
    """
    order = await debtor(conn, said.order, lock=True)
    if (earlier := await _earlier(conn, said, order)) is not None:
        return earlier
    unfit = _unfit(said, order)
    if unfit is not None and not said.held_unfit:
        raise unfit.error
    customer = await _customer(conn, said, None if unfit else order)
    if not await _store(conn, said, None if unfit else order, customer, unfit, now):
        found = await _earlier(conn, said, order)
        assert found is not None, "a reference that is taken names a payment"
        return found
    if order is None or unfit is not None:
        assert unfit is not None, "without an order it fits none"
        await _hold(conn, said, order, customer, unfit, now)
        return Booked(await known_payment(conn, said.payment_id), is_new=True)
    await _apply_arrived(conn, said, order, now)
    payment = await known_payment(conn, said.payment_id)
    return Booked(payment, is_new=True, moved=(order.id,))


async def _earlier(conn: Connection, said: Arrived, order: Debtor | None) -> Booked | None:
    """What the same transfer led to before. Raises PaymentKnown."""
    found = await reported_elsewhere(conn, said.reference)
    for payment in found:
        if payment.source == said.source:
            if payment.digest != said.digest:
                raise PaymentKnown(said.reference, payment.id, "came before with another content")
            return Booked(payment, is_new=False, moved=tuple(filter(None, [payment.order_id])))
    names = {said.order, order.id, order.number} if order else {said.order}
    for payment in found:
        named = {payment.named_order, payment.order_id}
        same = (payment.amount, payment.currency) == (said.amount, said.currency)
        if same and not named.isdisjoint(names):
            # Finance had it by telephone before the bank's notice came, or the other way round.
            raise PaymentKnown(said.reference, payment.id, f"was reported by {payment.source}")
    return None


def _unfit(said: Arrived, order: Debtor | None) -> _Unfit | None:
    if order is None:
        why = f"there is no order {said.order}"
        error: Exception = UnknownThing("order", said.order, field="order")
        return _Unfit(PaymentEnd.UNKNOWN_ORDER, why, f"没有订单 {said.order}", error)
    if said.customer not in (None, order.customer):
        why = f"order {order.name} is not of customer {said.customer}"
        zh = f"订单 {order.name} 不属于客户 {said.customer}"
        error = InvalidField("customer", "is not the order's; check the order's number")
        return _Unfit(PaymentEnd.OTHER_CUSTOMER, why, zh, error)
    if said.currency is not order.currency:
        why = f"order {order.name} is priced in {order.currency}, and nothing is converted"
        zh = f"订单 {order.name} 以 {order.currency} 计价，不作换算"
        error = InvalidField(
            "currency", f"should be {order.currency}, in which the order is priced"
        )
        return _Unfit(PaymentEnd.OTHER_CURRENCY, why, zh, error)
    return None


async def _customer(conn: Connection, said: Arrived, order: Debtor | None) -> str | None:
    if order is not None:
        return order.customer
    known = said.customer is not None and await customer_exists(conn, said.customer)
    return said.customer if known else None


async def _store(
    conn: Connection,
    said: Arrived,
    order: Debtor | None,
    customer: str | None,
    unfit: _Unfit | None,
    now: datetime,
) -> bool:
    state = PaymentState.UNMATCHED if unfit else PaymentState.MATCHED
    done = await conn.execute(
        insert(payments)
        .values(
            id=said.payment_id,
            source=said.source,
            reference=said.reference,
            notice=said.notice,
            digest=said.digest,
            named_order=said.order,
            order_id=order.id if order else None,
            customer=customer,
            amount=said.amount,
            currency=said.currency.value,
            route=said.route.value,
            purpose=said.purpose.value,
            state=state.value,
            why=unfit.why if unfit else None,
            outcome={},
            reported_by=said.reported_by,
            arrived_at=said.arrived_at,
            created_at=now,
        )
        .on_conflict_do_nothing()
    )
    return done.rowcount == 1


async def _hold(
    conn: Connection,
    said: Arrived,
    order: Debtor | None,
    customer: str | None,
    unfit: _Unfit,
    now: datetime,
) -> None:
    """Keeps money by the payment's own id and tells finance: by a task where there is an order."""
    await move(
        conn,
        Move(
            key=f"payment/{said.payment_id}/arrived",
            currency=said.currency,
            amount=said.amount,
            source=Account.OUTSIDE,
            target=Account.UNAPPLIED,
            holder=said.payment_id,
            reason="a payment that fits no order",
            by=said.reported_by,
            at=now,
            customer=customer,
            payment=said.payment_id,
        ),
    )
    follow_up = (
        await _ask_finance(conn, said, order, unfit.end, said.amount, now) if order else None
    )
    sum_ = f"{rounded(said.amount, said.currency)} {said.currency}"
    told = Message(
        key=f"payment/{said.payment_id}/unmatched",
        at=now,
        kind="payment_unmatched",
        text=f"{sum_} under reference {said.reference} fits no order: {unfit.why}",
        text_zh=f"款项 {sum_}（流水号 {said.reference}）无法入账：{unfit.why_zh}",
        to_role=Role.FINANCE,
    )
    await queue(conn, None, [told])
    outcome = PaymentOutcome(end=unfit.end, unapplied=said.amount, follow_up=follow_up)
    await _answer(conn, said.payment_id, outcome)


async def _apply_arrived(conn: Connection, said: Arrived, order: Debtor, now: datetime) -> None:
    arrival = Move(
        key=f"payment/{said.payment_id}/arrived",
        currency=said.currency,
        amount=said.amount,
        source=Account.OUTSIDE,
        target=Account.UNAPPLIED,
        holder=order.id,
        reason="a payment arrived",
        by=said.reported_by,
        at=now,
        order_id=order.id,
        customer=order.customer,
        payment=said.payment_id,
    )
    await move(conn, arrival)
    applied, had = await apply(
        conn, arrival, order, said.purpose, key=f"payment/{said.payment_id}/applied"
    )
    rest = rounded(said.amount - applied, order.currency)
    applied = rounded(applied, order.currency)
    end = end_of(order, said.purpose, rest, order.to_pay(had))
    follow_up = await _ask_finance(conn, said, order, end, rest, now) if end in _ENDED else None
    outcome = PaymentOutcome(
        end=end, applied=applied, unapplied=rest, to_pay=order.to_pay(had), follow_up=follow_up
    )
    await _answer(conn, said.payment_id, outcome)
    left = f", {rest} not used" if rest else ""
    sum_ = f"{rounded(said.amount, order.currency)} {order.currency}"
    text = f"A payment of {sum_} has arrived: {applied} applied{left}"
    key = f"payment/{said.payment_id}"
    await add_lines(conn, order.id, [Line(key=key, at=now, kind="payment_arrived", text=text)])


async def apply(
    conn: Connection, entry: Move, order: Debtor, purpose: Purpose, *, key: str
) -> tuple[Decimal, MoneyStanding]:
    """Has unapplied money of an order pay for what it owes, at most `entry.amount`.

    Returns how much, and how the order's money stands then. Its lock is held by the caller.
    """
    had = await standing(conn, order.id, order.currency)
    used = min(entry.amount, order.open_for(purpose, had), had.of(Account.UNAPPLIED))
    if used <= 0:
        return NOTHING, had
    fee = purpose is Purpose.RUSH_FEE
    applied = replace(
        entry,
        key=key,
        amount=used,
        source=Account.UNAPPLIED,
        target=Account.RUSH_FEE if fee else Account.GOODS,
        holder=order.id,
        to_holder=None,
        reason="pays the rush fee" if fee else "pays for the goods",
    )
    await move(conn, applied)
    return used, await standing(conn, order.id, order.currency)


def end_of(order: Debtor, purpose: Purpose, rest: Decimal, to_pay: Decimal) -> PaymentEnd:
    """How a payment ends of which `rest` was not used, on an order that has `to_pay` left."""
    if rest == 0:
        return PaymentEnd.PARTLY if to_pay > 0 else PaymentEnd.APPLIED
    if order.is_gone:
        return PaymentEnd.ORDER_ENDED
    if purpose is Purpose.RUSH_FEE and order.fee == 0:
        return PaymentEnd.NO_FEE
    return PaymentEnd.TOO_MUCH


async def _ask_finance(
    conn: Connection, said: Arrived, order: Debtor, end: PaymentEnd, rest: Decimal, now: datetime
) -> str:
    facts = {
        "payment": said.payment_id,
        "reference": said.reference,
        "amount": str(rounded(said.amount, said.currency)),
        "not_used": str(rounded(rest, said.currency)),
        "currency": said.currency.value,
        "because": end.value,
    }
    wanted = Wanted(
        key=f"payment/{said.payment_id}",
        kind="payment",
        order_id=order.id,
        requested_by=said.reported_by,
        requested_at=now,
        subject=said.payment_id,
        facts=facts,
    )
    return await want(conn, wanted)


async def _answer(conn: Connection, payment_id: str, outcome: PaymentOutcome) -> None:
    await conn.execute(
        payments.update()
        .where(payments.c.id == payment_id)
        .values(outcome=outcome.model_dump(mode="json"))
    )
