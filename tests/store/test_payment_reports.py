"""Reports of payments on the bench: from when the time of a gate counts, on the bank's calendar."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from activities.models import Entered, Transition
from activities.money_gates import MoneyGates
from activities.money_models import GateLook, GateSeen
from domain.money import Currency, PaymentRoute
from store import tables
from store.gate_tables import payment_reports
from store.money_tables import ledger
from store.payment_reports import ReportRow, add_report, count_outstanding
from tests.store.bench import PROFILES, Bench, Worked
from tests.store.test_money_gates import customer, pay

S07 = PROFILES["S07"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


EVE = at("2026-09-30 17:30")
"""The last half hour before National Day; banks work again on Thursday 8 October."""


@pytest.fixture
async def order(bench: Bench) -> Worked:
    """An order of S07 over 100 CNY whose customer pays in advance, on the eve of the holidays."""
    bench.now = EVE
    await customer(bench, credit_limit=None)
    bench.work["check_money"] = MoneyGates(bench.engine).check_money
    return await bench.order(profile=S07)


async def reported(order: Worked, **fields: Any) -> ReportRow:
    row = ReportRow(
        id=str(uuid4()),
        order_id=order.id,
        amount=Decimal(30),
        currency=Currency.CNY,
        reported_by="customer",
        reported_at=order.bench.now,
    ).model_copy(update=fields)
    async with order.bench.engine.begin() as conn:
        await add_report(conn, row)
    return row


async def comes_to_credit(order: Worked) -> Entered:
    return await order.move("check_money", None, "credit", "place_order", beside=("chase_advance",))


async def look(order: Worked, name: str = "1", not_before: datetime | None = None) -> GateSeen:
    visit = order.at("credit")
    key, now = f"{visit.key(order.id)}/look/{name}", order.bench.now
    asked = GateLook(order_id=order.id, key=key, now=now, at=visit, not_before=not_before)
    seen = await MoneyGates(order.bench.engine).look_again(asked)
    assert await MoneyGates(order.bench.engine).look_again(asked) == seen, "a retry sees the same"
    return seen


async def outstanding(order: Worked) -> int:
    async with order.bench.engine.connect() as conn:
        return await count_outstanding(conn, order.id)


async def dues(order: Worked) -> set[datetime | None]:
    """When the order and the task at its gate are due."""
    found = await order.bench.rows(tables.tasks, order_id=order.id, state="open")
    return {(await order.row())["due_at"], *(task["due_at"] for task in found)}


async def test_nobody_is_late_with_a_payment_that_nobody_has_reported(order: Worked) -> None:
    entered = await comes_to_credit(order)
    order.bench.now += timedelta(days=3)
    seen = await look(order)

    assert [window.rule for window in entered.windows] == ["S07.chase_advance"]
    assert seen.windows == ()
    assert await dues(order) == {None}


@pytest.mark.parametrize(
    ("way", "rule", "due"),
    [
        (None, "S07.W15", "2026-10-09 17:00"),
        (PaymentRoute.ACCOUNT, "S07.W15", "2026-10-09 17:00"),
        (PaymentRoute.FOREIGN, "S07.W16", "2026-10-12 17:00"),
        (PaymentRoute.CARD, "S07.W14", "2026-09-30 17:35"),
    ],
)
async def test_the_time_counts_from_the_report_by_the_way_of_the_money_over_bank_holidays(
    order: Worked, way: PaymentRoute | None, rule: str, due: str
) -> None:
    order.bench.now -= timedelta(hours=1)
    await comes_to_credit(order)
    order.bench.now = EVE
    await reported(order, route=way)
    order.bench.now += timedelta(minutes=2)

    [window] = (await look(order)).windows

    assert (window.rule, window.started_at, window.due_at) == (rule, EVE, at(due))
    assert await dues(order) == {at(due)}
    [told] = [
        row
        for row in await order.bench.rows(tables.outbox, order_id=order.id)
        if row["kind"] == "payment_reported"
    ]
    assert told["to_role"] == "finance"
    assert "30.00 CNY" in told["text"]
    assert await order.bench.rows(ledger, order_id=order.id) == [], "a word books nothing"


async def test_a_second_report_opens_no_second_window_and_restarts_none(order: Worked) -> None:
    await comes_to_credit(order)
    await reported(order)
    [first] = (await look(order)).windows
    order.bench.now += timedelta(hours=20)
    await reported(order, route=PaymentRoute.FOREIGN)

    again = await look(order, "2")

    assert again.windows == (first,)
    assert len(await order.bench.rows(tables.windows, step="credit")) == 1
    assert await dues(order) == {first.due_at}


async def test_a_report_before_the_gate_begins_the_time_with_the_gate(order: Worked) -> None:
    await reported(order, reported_at=EVE - timedelta(days=10), route=PaymentRoute.FOREIGN)

    entered = await comes_to_credit(order)

    assert {window.rule: window.started_at for window in entered.windows} == {
        "S07.W16": EVE,
        "S07.chase_advance": EVE,
    }
    assert await dues(order) == {at("2026-10-12 17:00")}
    assert (await look(order)).windows == entered.windows[:1], "it is watched already"


async def test_the_time_begins_neither_before_the_gate_nor_in_a_standstill_nor_in_the_future(
    order: Worked,
) -> None:
    await comes_to_credit(order)
    await reported(order, reported_at=EVE - timedelta(seconds=1))
    order.bench.now += timedelta(hours=3)
    went_on = EVE + timedelta(hours=2)

    [window] = (await look(order, not_before=went_on)).windows

    assert window.started_at == went_on
    ahead = await order.bench.order(profile=S07)
    await comes_to_credit(ahead)
    await reported(ahead, reported_at=ahead.bench.now + timedelta(minutes=1))
    [began] = (await look(ahead)).windows
    assert began.started_at == ahead.bench.now, "the clock of another machine is ahead"


async def test_passing_the_gate_settles_what_was_reported(order: Worked) -> None:
    await comes_to_credit(order)
    await reported(order)
    await reported(order)
    assert await outstanding(order) == 2
    await pay(order.bench, order, "30")

    assert await look(order) == GateSeen()
    entered = await comes_to_credit(order)

    assert entered.at is not None
    assert entered.at.step == "place_order"
    assert [window.rule for window in entered.windows] == ["S07.W08"], "market need not ask"
    assert await outstanding(order) == 0
    rows = await order.bench.rows(payment_reports, order_id=order.id)
    assert {row["settled_at"] for row in rows} == {order.bench.now}


def leaving_payment_check(order: Worked, outcome: str, *, skipped: bool) -> Transition:
    order.visits["payment_check"] = 1
    request = order.transition("check_money", "payment_check", "arrival", "open_box")
    assert request.leave is not None
    decisions = tuple(
        decision.model_copy(update={"outcome": outcome, "skipped": skipped})
        for decision in request.leave.decisions
    )
    left = request.leave.model_copy(update={"outcome": outcome, "decisions": decisions})
    return request.model_copy(update={"leave": left})


@pytest.mark.parametrize(
    ("outcome", "skipped", "amounts"),
    [("paid", False, [Decimal(70)]), ("not_paid", False, []), ("paid", True, [])],
)
async def test_market_reports_what_is_missing_of_the_price_and_only_when_it_says_paid(
    order: Worked, outcome: str, skipped: bool, amounts: list[Decimal]
) -> None:
    await pay(order.bench, order, "30")
    await order.move("open_step", None, "payment_check")
    request = leaving_payment_check(order, outcome, skipped=skipped)

    entered = await order.bench.work["check_money"](request)
    again = await order.bench.work["check_money"](request)

    assert entered == again
    assert entered.blocked == "missing: 70.00 CNY of the full price of 100.00 CNY"
    reports = await order.bench.rows(payment_reports, order_id=order.id)
    assert [row["amount"] for row in reports] == amounts
    due = {window.rule: window.due_at for window in entered.windows}
    assert due == ({"S07.W35": at("2026-10-12 17:00")} if amounts else {})
    story = await order.bench.rows(tables.timeline, order_id=order.id, kind="payment_reported")
    assert [line["text"] for line in story] == ["A payment of 70.00 CNY is reported"] * len(amounts)
