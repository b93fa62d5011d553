"""A payment is stored once, booked once, and applied to what its order owes (L09, L25)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import insert

from domain.errors import InvalidField, PaymentKnown, UnknownThing
from domain.money import Account, Currency, PaymentRoute, Purpose, rounded
from domain.payments import PaymentEnd, PaymentOutcome, PaymentState
from domain.roles import Role
from store.engine import Connection
from store.follow_ups import Wanted, want
from store.ledger import Move, move
from store.owing import Debtor, debtor
from store.paying import apply, end_of
from store.payment_rows import PaymentRow, known_payment, reported_under, take_reference
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
    """Why a payment is not applied. `first` is the one that another source has reported."""

    end: PaymentEnd
    why: str
    why_zh: str
    error: Exception
    first: str | None = None


async def book(conn: Connection, said: Arrived, now: datetime) -> Booked:
    """Stores a payment and moves its money, once for its reference.

    Raises PaymentKnown for a reference that came with other content, and for what another source
    has told alike; and PaymentKnown, UnknownThing or InvalidField for what fits no order, or
    differs from what another source has told, and is not held.
    """
    await take_reference(conn, said.reference)
    order = await debtor(conn, said.order, lock=True)
    under = await reported_under(conn, said.reference)
    if (earlier := _earlier(said, order, under)) is not None:
        return earlier
    unfit = _differs(said, under[0]) if under else _unfit(said, order)
    if unfit is not None and not said.held_unfit:
        raise unfit.error
    customer = await _customer(conn, said, None if unfit else order, unfit)
    await _store(conn, said, None if unfit else order, customer, unfit, now)
    if order is None or unfit is not None:
        assert unfit is not None, "without an order it fits none"
        await _hold(conn, said, order, customer, unfit, now)
        return Booked(await known_payment(conn, said.payment_id), is_new=True)
    await _apply_arrived(conn, said, order, now)
    payment = await known_payment(conn, said.payment_id)
    return Booked(payment, is_new=True, moved=(order.id,))


def _earlier(said: Arrived, order: Debtor | None, under: Sequence[PaymentRow]) -> Booked | None:
    """What the same transfer led to before. Raises PaymentKnown."""
    for payment in under:
        if payment.source == said.source:
            if payment.digest != said.digest:
                raise PaymentKnown(said.reference, payment.id, "came before with another content")
            return Booked(payment, is_new=False, moved=tuple(filter(None, [payment.order_id])))
    names = {said.order, order.id, order.number} if order else {said.order}
    for payment in under:
        named = {payment.named_order, payment.order_id}
        same = (payment.amount, payment.currency) == (said.amount, said.currency)
        if same and not named.isdisjoint(names):
            # Finance had it by telephone before the bank's notice came, or the other way round.
            raise PaymentKnown(said.reference, payment.id, f"was reported by {payment.source}")
    return None


def _differs(said: Arrived, first: PaymentRow) -> _Unfit:
    """Two sources tell one reference differently: one transfer, or two by chance.

    Finance knows, so it is never applied by itself.
    """
    assert first.amount is not None, "a payment that counts has an amount"
    assert first.currency is not None, "a payment that counts has a currency"
    sum_ = f"{rounded(first.amount, first.currency)} {first.currency}"
    named = first.named_order
    why = f"{first.source} has told this reference with {sum_} for order {named}"
    zh = f"{first.source} 已登记该流水号：{sum_}，订单 {named}"
    how = f"was told otherwise by {first.source} ({sum_})"
    cure = "place that one, or enter another transfer under a reference of its own"
    error = PaymentKnown(said.reference, first.id, f"{how}; {cure}")
    return _Unfit(PaymentEnd.TOLD_OTHERWISE, why, zh, error, first.id)


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


async def _customer(
    conn: Connection, said: Arrived, order: Debtor | None, unfit: _Unfit | None
) -> str | None:
    if order is not None:
        return order.customer
    if unfit is not None and unfit.first is not None:
        return None  # the customer's ledger has the first one
    known = said.customer is not None and await customer_exists(conn, said.customer)
    return said.customer if known else None


async def _store(
    conn: Connection,
    said: Arrived,
    order: Debtor | None,
    customer: str | None,
    unfit: _Unfit | None,
    now: datetime,
) -> None:
    state = PaymentState.UNMATCHED if unfit else PaymentState.MATCHED
    await conn.execute(
        insert(payments).values(
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
    )


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
    follow_up = None
    if order is not None:
        follow_up = await _ask_finance(conn, said, order, unfit.end, said.amount, now, unfit.first)
    sum_ = f"{rounded(said.amount, said.currency)} {said.currency}"
    first = f" (payment {unfit.first})" if unfit.first else ""
    told = Message(
        key=f"payment/{said.payment_id}/unmatched",
        at=now,
        kind="payment_unmatched",
        text=f"{sum_} under reference {said.reference} is held: {unfit.why}{first}",
        text_zh=f"款项 {sum_}（流水号 {said.reference}）无法入账：{unfit.why_zh}{first}",
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


async def _ask_finance(
    conn: Connection,
    said: Arrived,
    order: Debtor,
    end: PaymentEnd,
    rest: Decimal,
    now: datetime,
    first: str | None = None,
) -> str:
    facts = {
        "payment": said.payment_id,
        "reference": said.reference,
        "amount": str(rounded(said.amount, said.currency)),
        "not_used": str(rounded(rest, said.currency)),
        "currency": said.currency.value,
        "because": end.value,
    }
    if first is not None:
        facts["first"] = first
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
