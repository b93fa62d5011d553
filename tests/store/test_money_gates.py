"""Money on the bench: credit, a suspended deposit and its balance, a rush fee."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from activities.deposits import settle_deposit
from activities.money_facts import missing_money
from activities.money_models import RushLook
from activities.order_file import Department, Keyed
from activities.rush import Rush
from domain.deposits import DepositState
from domain.money import Account
from domain.orders import OrderState
from policy.money_rules import DepositRules, MoneyRules
from policy.steps import Fact
from store import ledger, order_money, tables
from store.cancellation_tables import cancellations
from store.money_tables import ledger as entries
from store.payment_tables import refunds
from tests.store.bench import PROFILE, Bench, Worked, wish
from tests.store.paying import entry

DEPOSIT = DepositRules(
    percent=Decimal(30),
    suspends="S08.W09",
    late_percent=Decimal(10),
    forfeits="S08.W10",
    lost_percent=Decimal(30),
)
MONEY = PROFILE.model_copy(update={"money": MoneyRules(deposit=DEPOSIT)})


async def pay(bench: Bench, order: Worked, amount: str, into: Account = Account.GOODS) -> None:
    """Money comes in; what goes beyond the price stays unapplied."""
    row = await order.row()
    count = len(await bench.rows(entries, order_id=order.id))
    to = Account.UNAPPLIED if into is Account.GOODS else into
    paid = entry(order, amount, target=to, key=f"payment/{count}")
    async with bench.engine.begin() as conn:
        await ledger.move(conn, paid)
        if into is Account.GOODS:
            await ledger.fit_goods(conn, replace(paid, key=f"{paid.key}/goods"), row["amount"])


async def missing(bench: Bench, order: Worked, fact: Fact) -> str | None:
    keyed = Keyed(order.id, "looks", bench.now)
    async with Department(bench.engine).open_file(keyed) as file:
        return await missing_money(file, fact)


async def customer(bench: Bench, **columns: Any) -> None:
    async with bench.engine.begin() as conn:
        this = tables.customers.c.code == "C-0001"
        await conn.execute(update(tables.customers).where(this).values(columns))


async def held(bench: Bench, order: Worked) -> dict[Account, Decimal]:
    async with bench.engine.connect() as conn:
        stands = await ledger.standing(conn, order.id, "CNY")
    assert stands.received == stands.applied + stands.unapplied + stands.refunded
    return {account: amount for account, amount in stands.by_account.items() if amount}


async def test_what_a_customer_may_owe_counts_all_its_open_orders(bench: Bench) -> None:
    await customer(bench, credit_limit=Decimal(150))
    first = await bench.order(profile=MONEY)
    assert await missing(bench, first, Fact.CREDIT_GOOD) is None

    bench.now += timedelta(minutes=1)
    second = await bench.order(profile=MONEY)

    said = "200.00 CNY would be unpaid with a credit of 150.00 CNY"
    advance = "30.00 CNY of the advance payment of 30.00 CNY"
    assert await missing(bench, second, Fact.CREDIT_GOOD) == f"{said}, and {advance} is not paid"
    await pay(bench, first, "50")
    assert await missing(bench, second, Fact.CREDIT_GOOD) is None


async def test_of_two_that_wait_the_one_that_came_first_has_the_credit(bench: Bench) -> None:
    await customer(bench, credit_limit=Decimal(150))
    first = await bench.order(profile=MONEY)
    bench.now += timedelta(minutes=1)
    second = await bench.order(profile=MONEY)

    assert "would be unpaid" in (await missing(bench, second, Fact.CREDIT_GOOD) or "")
    assert await missing(bench, first, Fact.CREDIT_GOOD) is None


async def test_what_was_delivered_or_cancelled_at_a_cost_counts_until_it_is_paid(
    bench: Bench,
) -> None:
    await customer(bench, credit_limit=Decimal(250))
    waits, delivered, cancelled = [await bench.order(profile=MONEY) for _ in range(3)]
    await wish(bench, cancelled, "c1", kind="cancellation")
    await bench.add(cancellations, change_id="c1", order_id=cancelled.id, currency="CNY", terms="x")
    await cancelled.end(OrderState.CANCELLED, change_id="c1", kept=Decimal(60))
    await ends(bench, delivered, OrderState.COMPLETED)

    said = await missing(bench, waits, Fact.CREDIT_GOOD)
    await pay(bench, delivered, "10")

    assert (said or "").startswith("260.00 CNY would be unpaid with a credit of 250.00 CNY")
    assert await missing(bench, waits, Fact.CREDIT_GOOD) is None
    async with bench.engine.connect() as conn:
        assert await order_money.unpaid(conn, "C-0001", "CNY", None) == 250


async def ends(bench: Bench, order: Worked, state: OrderState) -> None:
    async with bench.engine.begin() as conn:
        ended = {"state": state.value, "closed_at": bench.now}
        this = tables.orders.c.id == order.id
        await conn.execute(update(tables.orders).where(this).values(ended))


async def test_an_advance_makes_good_for_missing_credit_and_for_a_block(bench: Bench) -> None:
    await customer(bench, credit_limit=None)
    order = await bench.order(profile=MONEY)
    assert (await missing(bench, order, Fact.CREDIT_GOOD) or "").startswith("the customer has no")

    await pay(bench, order, "30")

    assert await missing(bench, order, Fact.CREDIT_GOOD) is None
    await customer(bench, blocked_at=bench.now, blocked_because="an invoice is overdue")
    assert await missing(bench, order, Fact.CREDIT_GOOD) is None
    strict = PROFILE.model_copy(update={"money": MoneyRules(blocked_refused=True)})
    refused = await bench.order(profile=strict)
    await pay(bench, refused, "100")
    assert "refused" in (await missing(bench, refused, Fact.CREDIT_GOOD) or "")


@pytest.mark.parametrize("column", ["credit_limit"])
async def test_another_currency_has_no_credit(bench: Bench, column: str) -> None:
    await customer(bench, **{column: Decimal(1000)}, currency="USD")
    order = await bench.order(profile=MONEY)

    assert "no credit in CNY" in (await missing(bench, order, Fact.CREDIT_GOOD) or "")


async def test_a_suspended_deposit_counts_for_nothing_until_the_goods_are_picked_up(
    bench: Bench,
) -> None:
    order = await bench.order(profile=MONEY)
    await pay(bench, order, "30")
    async with bench.engine.begin() as conn:
        await order_money.keep_deposit(conn, order.id, Decimal(30), bench.now)
        await order_money.change_deposit(conn, order.id, DepositState.SUSPENDED, bench.now)
    await pay(bench, order, "70")
    suspended = "; the deposit of 30.00 CNY does not count for now"
    words = f"30.00 CNY of the full price of 100.00 CNY{suspended}"
    assert await missing(bench, order, Fact.BALANCE_PAID) == words
    await pay(bench, order, "30")
    assert await missing(bench, order, Fact.BALANCE_PAID) is None

    for _ in range(2):
        keyed = Keyed(order.id, "dispatch", bench.now)
        async with Department(bench.engine).open_file(keyed) as file:
            await settle_deposit(file)

    # Ten per cent of the order are kept; what was paid beyond the price is the customer's.
    assert await held(bench, order) == {
        Account.GOODS: Decimal(100),
        Account.FORFEITED: Decimal(10),
        Account.UNAPPLIED: Decimal(20),
    }


async def test_a_rush_fee_that_is_paid_lifts_an_order_exactly_once(bench: Bench) -> None:
    order = await bench.order(profile=MONEY)
    async with bench.engine.begin() as conn:
        await order_money.agree_rush(conn, order.id, "wish", Decimal(20), bench.now)
    desk = Rush(bench.engine)

    async def look(number: int) -> bool:
        key = f"{order.id}/rush/look/{number}"
        return (await desk.look_at_rush(RushLook(order_id=order.id, key=key, now=bench.now))).paid

    await pay(bench, order, "15", Account.RUSH_FEE)
    assert not await look(1)
    assert (await order.row())["priority"] == "normal"
    await pay(bench, order, "5", Account.RUSH_FEE)
    assert [await look(2), await look(2), await look(3)] == [True, True, True]

    assert (await order.row())["priority"] == "rush"
    told = [row["to_role"] for row in await bench.rows(tables.outbox, kind="rush_paid")]
    assert sorted(told) == ["customer", "planning", "production", "sales"]


async def test_a_rush_fee_that_comes_after_planning_lifts_nothing_and_is_to_be_given_back(
    bench: Bench,
) -> None:
    order = await (await bench.order()).advance_to("plan_approval")
    async with bench.engine.begin() as conn:
        await order_money.agree_rush(conn, order.id, "wish", Decimal(20), bench.now)
    await pay(bench, order, "20", Account.RUSH_FEE)
    desk = Rush(bench.engine)

    for number in (1, 1, 2):
        key = f"{order.id}/rush/look/{number}"
        await desk.look_at_rush(RushLook(order_id=order.id, key=key, now=bench.now))

    assert (await order.row())["priority"] == "normal"
    assert await held(bench, order) == {Account.REFUND_DUE: Decimal(20)}
    [refund] = await bench.rows(refunds, order_id=order.id)
    assert (refund["state"], refund["amount"]) == ("proposed", Decimal(20))
    told = await bench.rows(tables.outbox, kind="rush_late", to_role="customer")
    assert ["the order keeps its place" in row["text"] for row in told] == [True]
