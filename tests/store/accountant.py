"""An accountant beside the store: what came, went and was paid back, and what that comes to."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from hypothesis import event
from sqlalchemy import func, insert, or_, select, update

from activities.follow_up_models import FollowUpMove
from activities.follow_up_works import CannotBeDone, do_work
from activities.models import Decision, StepVisit
from activities.order_file import Department, Keyed
from domain.errors import FourEyes, InvalidField, PaymentKnown, RefundNotOpen, UnknownThing
from domain.money import Account, Currency, PaymentRoute, Purpose
from store.cancellation_tables import cancellations
from store.engine import Engine
from store.ledger import Move, fit_goods, lock_money
from store.money_tables import balances, ledger
from store.order_money import agree_rush
from store.payment_rows import known_payment
from store.payment_tables import refunds
from store.payments import Arrived, book
from store.placing import Placing, assign
from store.refunds import Proposal, approve, pay, propose, reject
from store.statements import MoneySum, of_customer, of_order, sums
from store.tables import changes, customers, orders
from tests.workflow.floor import profile

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
NOWHERE = "SO-2026-999999"
DIGEST = "0" * 64
PAYMENT = profile("GEN").follow_up("payment")
PLACE = PAYMENT.step("place")
CANCELLING = Decimal("30")
"""What a cancellation of an example costs."""

CNY, JPY = Currency.CNY, Currency.JPY
ORDERS = (("C-1", CNY, "100.10"), ("C-1", CNY, "50.05"), ("C-2", JPY, "8000"))
"""Customer, currency and price of the three orders of an example."""

SUMS = {
    CNY: [Decimal(text) for text in ("0.01", "19.99", "50.05", "100.10", "130.33")],
    JPY: [Decimal(text) for text in ("1", "999", "5005", "8000", "13033")],
}


@dataclass
class Book:
    """What an accountant would write down beside the store, and the store."""

    engine: Engine
    orders: list[str] = field(default_factory=lambda: [str(uuid4()) for _ in ORDERS])
    tag: str = field(default_factory=lambda: uuid4().hex[:8])
    payments: list[str] = field(default_factory=list)
    refunds: list[str] = field(default_factory=list)
    price: list[Decimal] = field(default_factory=lambda: [Decimal(of) for *_, of in ORDERS])
    agreed: list[Decimal] = field(default_factory=lambda: [Decimal(0) for _ in ORDERS])
    ended: set[int] = field(default_factory=set)
    came: dict[tuple[str, Currency], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    back: dict[tuple[str, Currency], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    paid: set[str] = field(default_factory=set)
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
                row |= {"customer": f"{customer}-{self.tag}", "rush": False}
                row["amount"] = Decimal(price)
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
        refused = (PaymentKnown, InvalidField, UnknownThing, RefundNotOpen, FourEyes, CannotBeDone)
        with suppress(*refused):
            await getattr(self, str(name))(*rest)
            event(f"{name} done")  # pytest --hypothesis-show-statistics says how often

    async def notice(
        self, source: str, number: int, order: int, size: int, fits: bool, purpose: Purpose
    ) -> None:
        named = self.orders[order] if order < len(ORDERS) else NOWHERE
        own = ORDERS[order][1] if order < len(ORDERS) else CNY
        currency = own if fits else {CNY: JPY, JPY: CNY}[own]
        amount = SUMS[currency][size]
        words = (named, amount, currency, purpose)
        said = Arrived(
            source=source,
            reference=f"{self.tag}-{number}",
            digest=str(hash(words) % 10**12),
            order=named,
            amount=amount,
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
            told = any(other == number for _, other in self.said)
            taken = order < len(ORDERS) and fits and not told
            assert booked.payment.order_id == (named if taken else None)
            self.came[named if taken else booked.payment.id, currency] += amount
            self.payments.append(booked.payment.id)
        assert self.said.setdefault((source, number), words) == words

    async def close(self, order: int, state: str) -> None:
        if order in self.ended:
            return
        self.ended.add(order)
        this = {"order_id": self.orders[order]}
        wish = {"id": str(uuid4()), "kind": "cancellation", "requested_by": "c", **this}
        async with self.engine.begin() as conn:
            closing = update(orders).where(orders.c.id == self.orders[order])
            await conn.execute(closing.values(state=state, closed_at=NOW))
            if state == "cancelled":
                await conn.execute(insert(changes).values(**wish, requested_at=NOW, patch={}))
                owed = {"change_id": wish["id"], "currency": ORDERS[order][1], "owed": CANCELLING}
                await conn.execute(insert(cancellations).values(**this, **owed))

    async def costs(self, order: int, size: int) -> None:
        """An open order becomes dearer or cheaper."""
        if order in self.ended:
            return
        self.price[order] = price = SUMS[ORDERS[order][1]][size]
        entry = Move(
            key=f"{self.tag}/{self.count}/costs",
            currency=ORDERS[order][1],
            amount=Decimal(0),
            source=Account.UNAPPLIED,
            target=Account.GOODS,
            holder=self.orders[order],
            reason="x",
            by="platform",
            at=NOW,
        )
        async with self.engine.begin() as conn:
            await lock_money(conn, self.orders[order])
            dearer = update(orders).where(orders.c.id == self.orders[order])
            await conn.execute(dearer.values(amount=price))
            await fit_goods(conn, entry, price)

    async def fee(self, order: int, size: int) -> None:
        """A fee is agreed, once."""
        if order in self.ended or self.agreed[order]:
            return
        self.agreed[order] = SUMS[ORDERS[order][1]][size]
        async with self.engine.begin() as conn:
            await agree_rush(conn, self.orders[order], "wish", self.agreed[order], NOW)

    async def assign(self, payment: int, order: int, size: int | None) -> None:
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
            amount=None if size is None else SUMS[ORDERS[order][1]][size],
        )
        async with self.engine.begin() as conn:
            placed = await assign(conn, wanted)
        async with self.engine.begin() as conn:
            again = await assign(conn, wanted)
        assert again.amount == placed.amount
        self._moved(was.order_id or was.id, order, placed.amount)

    def _moved(self, left: str, order: int, amount: Decimal) -> None:
        self.came[left, ORDERS[order][1]] -= amount
        self.came[self.orders[order], ORDERS[order][1]] += amount

    async def answer(self, payment: int, order: int, outcome: str) -> None:
        """Finance answers the task about a payment, under the lock of the order that asks."""
        if payment >= len(self.payments):
            return
        async with self.engine.connect() as conn:
            was = await known_payment(conn, self.payments[payment])
        if was.outcome.follow_up is None or was.named_order is None:
            return
        visit = StepVisit(step="place", visit=self.count)
        move = FollowUpMove(
            order_id=was.named_order,
            follow_up=was.outcome.follow_up,
            kind="payment",
            title="x",
            title_zh="x",
            now=NOW,
            left=visit,
        )
        said = {"task_id": "x", "role": PLACE.role, "by": "a", "at": NOW, "outcome": outcome}
        decision = Decision(**said, data={"order": self.orders[order]})
        goods = await self._goods()
        async with Department(self.engine).open_file(Keyed(was.named_order, "x", NOW)) as file:
            await do_work(file, move, PLACE, decision)
            keys = ledger.c.key.startswith(f"{move.key}/assigned/from/", autoescape=True)
            query = select(func.coalesce(func.sum(ledger.c.amount), 0)).where(keys)
            moved = await file.conn.scalar(query) or Decimal(0)
            found = select(refunds.c.id).where(refunds.c.key == f"{move.key}/refund")
            self.refunds += await file.conn.scalars(found)
        self._moved(was.order_id or was.id, order, moved)
        if outcome == "refund":
            assert await self._goods() == goods, "what pays for goods stays where it is"

    async def _goods(self) -> Sequence[Any]:
        async with self.engine.connect() as conn:
            here = balances.c.holder.in_(self.orders), balances.c.account == Account.GOODS
            query = select(balances.c.holder, balances.c.amount).where(*here)
            return (await conn.execute(query.order_by(balances.c.holder))).all()

    async def propose(self, holder: int, size: int | None) -> None:
        holders = [*self.orders, *self.payments]
        if holder >= len(holders):
            return
        key = f"{self.tag}/{self.count}"
        currency = ORDERS[holder][1] if holder < len(ORDERS) else CNY
        whole = None if size is None else SUMS[currency][size]
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
        for _ in range(2):
            async with self.engine.begin() as conn:
                was = await pay(conn, self.refunds[refund], by="b", at=NOW, reference="OUT-1")
        if was.id not in self.paid:
            self.paid.add(was.id)
            self.back[was.holder, was.currency] += was.amount

    async def look(self) -> None:
        """Every entry and every balance as they are, with nothing of the store's own sums."""
        held: dict[tuple[str, Currency, Account], Decimal] = defaultdict(Decimal)
        everybody = [*self.orders, *self.payments]
        theirs = or_(ledger.c.source_holder.in_(everybody), ledger.c.target_holder.in_(everybody))
        async with self.engine.connect() as conn:
            moves = (await conn.execute(select(ledger).where(theirs))).all()
            query = select(balances).where(balances.c.holder.in_(everybody))
            lies = (await conn.execute(query)).all()
        for move in moves:
            currency = Currency(move.currency)
            held[move.source_holder, currency, Account(move.source)] -= move.amount
            held[move.target_holder, currency, Account(move.target)] += move.amount
        outside = {of: -sum_ for of, sum_ in held.items() if of[2] is Account.OUTSIDE}
        inside = {of: sum_ for of, sum_ in held.items() if of[2] is not Account.OUTSIDE and sum_}
        stored = {
            (of.holder, Currency(of.currency), Account(of.account)): of.amount
            for of in lies
            if of.amount
        }
        assert stored == inside
        assert min(inside.values(), default=1) > 0
        assert sum(outside.values()) == sum(self.came.values()) - sum(self.back.values())
        for holder in everybody:
            for currency in (CNY, JPY):
                of = holder, currency
                here = sum(sum_ for (*at, _), sum_ in inside.items() if tuple(at) == of)
                assert here == self.came.get(of, 0) - self.back.get(of, 0)
        self.look_at_orders(inside)

    def look_at_orders(self, inside: dict[tuple[str, Currency, Account], Decimal]) -> None:
        """No order takes more than it costs."""
        for order, (order_id, (_, currency, _)) in enumerate(zip(self.orders, ORDERS, strict=True)):
            most = {Account.GOODS: self.price, Account.RUSH_FEE: self.agreed}
            for account, sums_ in most.items():
                assert inside.get((order_id, currency, account), 0) <= sums_[order]
            assert inside.get((order_id, currency, Account.COST), 0) <= CANCELLING

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
        assert (held or 0) == sum(self.came.values()) - sum(self.back.values())

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
