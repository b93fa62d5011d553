"""Random notices, transfers and refunds: received = applied + unapplied + refunded, always.

What should have come and gone is added up beside the store, from the notices themselves.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from domain.errors import FourEyes, InvalidField, PaymentKnown, RefundNotOpen, UnknownThing
from domain.money import Currency, PaymentRoute, Purpose
from store.engine import Engine, create_engine
from store.money_tables import balances
from store.payment_rows import known_payment
from store.payments import Arrived, book
from store.placing import Placing, assign
from store.refunds import Proposal, approve, pay, propose, reject
from store.statements import MoneySum, of_customer, of_order, sums
from store.tables import customers, orders, profile_versions

EXAMPLES = 25
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
NOWHERE = "SO-2026-999999"
DIGEST = "0" * 64

# Customer, currency and price of the three orders of an example.
ORDERS = (("C-1", Currency.CNY, 100), ("C-1", Currency.CNY, 50), ("C-2", Currency.USD, 80))

small = st.integers(0, 3)
amounts = st.integers(1, 160)
notices = st.tuples(
    st.just("notice"),
    st.sampled_from(["finance", "bank"]),
    st.integers(0, 5),
    st.integers(0, 3),
    st.sampled_from([20, 50, 100, 130]),
    st.sampled_from([Currency.CNY, Currency.USD]),
    st.sampled_from(list(Purpose)),
)
steps = st.one_of(
    notices,
    notices,
    st.tuples(st.just("close"), st.integers(0, 2), st.sampled_from(["completed", "cancelled"])),
    st.tuples(st.just("assign"), small, st.integers(0, 2), st.none() | amounts),
    st.tuples(st.just("propose"), st.integers(0, 5), st.none() | amounts),
    st.tuples(st.just("propose"), st.integers(0, 5), st.none() | amounts),
    st.tuples(st.just("approve"), small, st.sampled_from("ab")),
    st.tuples(st.just("reject"), small),
    st.tuples(st.just("pay"), small),
    st.tuples(st.just("go_back"), small),
)


@dataclass
class Book:
    """What an accountant would write down beside the store, and the store."""

    engine: Engine
    orders: list[str] = field(default_factory=lambda: [str(uuid4()) for _ in ORDERS])
    tag: str = field(default_factory=lambda: uuid4().hex[:8])
    payments: list[str] = field(default_factory=list)
    refunds: list[str] = field(default_factory=list)
    came: dict[tuple[str, Currency], int] = field(default_factory=lambda: defaultdict(int))
    back: dict[tuple[str, Currency], int] = field(default_factory=lambda: defaultdict(int))
    said: dict[tuple[str, int], tuple[object, ...]] = field(default_factory=dict)
    count: int = 0

    async def open(self) -> None:
        async with self.engine.begin() as conn:
            for order_id, (customer, currency, price) in zip(self.orders, ORDERS, strict=True):
                row: dict[str, Any] = {
                    "id": order_id,
                    "profile_digest": DIGEST,
                    "profile": "S08",
                    "body": {},
                }
                row |= {"customer": f"{customer}-{self.tag}", "amount": price, "rush": False}
                known = {"code": row["customer"], "name": "x", "currency": currency}
                if await conn.scalar(
                    select(func.count()).where(customers.c.code == known["code"])
                ) in (0, None):
                    await conn.execute(insert(customers).values(known))
                instants = dict.fromkeys(("promised_at", "received_at", "updated_at"), NOW)
                await conn.execute(insert(orders).values(**row, **instants, currency=currency))

    async def take(self, step: tuple[object, ...]) -> None:
        """Does one step; what is refused moves nothing."""
        self.count += 1
        name, *rest = step
        with suppress(PaymentKnown, InvalidField, UnknownThing, RefundNotOpen, FourEyes):
            await getattr(self, str(name))(*rest)
            event(f"{name} done")  # pytest --hypothesis-show-statistics says how often

    async def notice(
        self,
        source: str,
        number: int,
        order: int,
        amount: int,
        currency: Currency,
        purpose: Purpose,
    ) -> None:
        named = self.orders[order] if order < len(ORDERS) else NOWHERE
        words = (named, amount, currency, purpose)
        said = Arrived(
            source=source,
            reference=f"{self.tag}-{number}",
            digest=str(hash(words) % 10**12),
            order=named,
            amount=Decimal(amount),
            currency=currency,
            route=PaymentRoute.ACCOUNT,
            purpose=purpose,
            arrived_at=NOW,
            reported_by=source,
            held_unfit=source == "bank",
        )
        async with self.engine.begin() as conn:
            booked = await book(conn, said, NOW)
        assert booked.is_new is ((source, number) not in self.said)
        if booked.is_new:
            fits = order < len(ORDERS) and ORDERS[order][1] is currency
            self.came[named if fits else booked.payment.id, currency] += amount
            self.payments.append(booked.payment.id)
        assert self.said.setdefault((source, number), words) == words

    async def close(self, order: int, state: str) -> None:
        async with self.engine.begin() as conn:
            closing = update(orders).where(orders.c.id == self.orders[order])
            await conn.execute(closing.values(state=state, closed_at=NOW))

    async def assign(self, payment: int, order: int, amount: int | None) -> None:
        if payment >= len(self.payments):
            return
        async with self.engine.connect() as conn:
            was = await known_payment(conn, self.payments[payment])
        wanted = Placing(
            key=f"{self.tag}/placing/{self.count}",
            payment=self.payments[payment],
            order=self.orders[order],
            by="a",
            at=NOW,
            amount=None if amount is None else Decimal(amount),
        )
        async with self.engine.begin() as conn:
            placed = await assign(conn, wanted)
        async with self.engine.begin() as conn:
            again = await assign(conn, wanted)
        assert again.amount == placed.amount
        moved, target = int(placed.amount), self.orders[order]
        left = was.order_id or was.id
        self.came[left, ORDERS[order][1]] -= moved
        self.came[target, ORDERS[order][1]] += moved

    async def propose(self, holder: int, amount: int | None) -> None:
        holders = [*self.orders, *self.payments]
        if holder >= len(holders):
            return
        key = f"{self.tag}/{self.count}"
        whole = None if amount is None else Decimal(amount)
        wanted = Proposal(key, holders[holder], "x", by="a", at=NOW, amount=whole)
        for _ in range(2):
            async with self.engine.begin() as conn:
                refund = await propose(conn, wanted)
        self.refunds.append(refund.id)

    async def approve(self, refund: int, by: str) -> None:
        if refund < len(self.refunds):
            async with self.engine.begin() as conn:
                await approve(conn, self.refunds[refund], by=by, at=NOW)

    async def reject(self, refund: int) -> None:
        if refund < len(self.refunds):
            async with self.engine.begin() as conn:
                await reject(conn, self.refunds[refund], by="b", at=NOW, because="no")

    async def go_back(self, refund: int) -> None:
        await self.approve(refund, "b")
        await self.pay(refund)

    async def pay(self, refund: int) -> None:
        if refund >= len(self.refunds):
            return
        for count in range(2):
            async with self.engine.begin() as conn:
                was = await pay(conn, self.refunds[refund], by="b", at=NOW, reference="OUT-1")
                if count == 0 and (was.id, was.currency) not in self.back:
                    self.back[was.id, was.currency] += int(was.amount)
                    self.back[was.holder, was.currency] += int(was.amount)

    async def balance(self) -> None:
        """Every order, every held payment, every customer, and all of it together."""
        async with self.engine.connect() as conn:
            for holder in [*self.orders, *self.payments]:
                self.compare(await sums(conn, of_order(holder)), {holder})
            by_customer: dict[str, set[str]] = defaultdict(set)
            for order_id, (customer, _, _) in zip(self.orders, ORDERS, strict=True):
                by_customer[f"{customer}-{self.tag}"].add(order_id)
            for customer, theirs in by_customer.items():
                self.compare(await sums(conn, of_customer(customer)), theirs)
            everybody = {*self.orders, *self.payments}
            held = await conn.scalar(
                select(func.sum(balances.c.amount)).where(balances.c.holder.in_(everybody))
            )
        came = sum(self.came.values())
        back = sum(amount for (owner, _), amount in self.back.items() if owner in everybody)
        assert (held or 0) == came - back

    def compare(self, found: Sequence[MoneySum], holders: set[str]) -> None:
        seen = {}
        for of in found:
            assert of.balances, of
            assert all(lies >= 0 for lies in of.accounts.values())
            seen[of.currency] = (of.received, of.refunded)
        for currency in Currency:
            came = sum(self.came.get((holder, currency), 0) for holder in holders)
            back = sum(self.back.get((holder, currency), 0) for holder in holders)
            assert seen.get(currency, (0, 0)) == (came, back)


@pytest.fixture
def runner(database_url: str) -> Iterator[tuple[asyncio.Runner, Engine]]:
    engine = create_engine(database_url)

    async def begin() -> None:
        pinned = {"digest": DIGEST, "profile": "S08", "version": 1, "body": {}}
        async with engine.begin() as conn:
            await conn.execute(insert(profile_versions).values(pinned))

    with asyncio.Runner() as runner:
        runner.run(begin())
        yield runner, engine
        runner.run(engine.dispose())


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    story=st.tuples(
        st.lists(notices, min_size=2, max_size=6), st.lists(steps, min_size=3, max_size=10)
    ).map(lambda parts: [*parts[0], *parts[1]])
)
def test_money_that_came_is_applied_unapplied_or_refunded(
    runner: tuple[asyncio.Runner, Engine], story: list[tuple[object, ...]]
) -> None:
    loop, engine = runner

    async def told() -> None:
        book_ = Book(engine)
        await book_.open()
        for step in story:
            await book_.take(step)
        await book_.balance()

    loop.run(told())
