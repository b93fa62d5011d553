"""The deposit clock of S26 over Spring Festival: exact instants and amounts, to the second."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.deposits import DepositState
from domain.money import Account
from store import tables
from store.gate_tables import order_money
from tests.workflow.changing import SIGNED, ask, say
from tests.workflow.floor import Floor, Placed
from tests.workflow.money import held, moves, news, pay
from tests.workflow.operating import hold, release
from tests.workflow.reference import SHANGHAI

STOCKED_AT = datetime(2027, 2, 3, 15, 0, tzinfo=SHANGHAI)
"""Three days before Spring Festival 2027; its holidays stop no deposit clock."""
WEEK, LAST = timedelta(days=7), timedelta(days=15)
PRICE = [{"product": "EL-A4", "quantity": 100, "unit_price": "100.00"}]
MINUTE = timedelta(minutes=1)


async def stocked(floor: Floor) -> Placed:
    """A special order of 10,000.00 CNY whose deposit is paid and whose goods are in stock."""
    promised_at = (STOCKED_AT + timedelta(days=90)).isoformat()
    placed = await floor.place(profile="S26", special=True, lines=PRICE, promised_at=promised_at)
    await placed.walk(("entry", "check", "confirm", "signatures"))
    await placed.at("deposit")
    await hold(placed)  # otherwise months without a deposit are a breach
    await placed.skip_to(STOCKED_AT)
    await release(placed)
    await pay(placed, "3000.00")
    await placed.walk(("review", "plan", "production", "qc", "pack"))
    await placed.at("ship")
    return placed


async def windows(placed: Placed) -> tuple[dict[str, Any], dict[str, Any]]:
    """The week and the last day, which run from the same instant, elapsed."""
    week, last = await placed.window("S26.W03"), await placed.window("S26.W04")
    assert week["started_at"] == last["started_at"]
    assert timedelta() < week["started_at"] - STOCKED_AT < timedelta(minutes=10)
    assert (week["due_at"], last["due_at"]) == (
        week["started_at"] + WEEK,
        week["started_at"] + LAST,
    )
    return week, last


async def state(placed: Placed) -> DepositState:
    [row] = await placed.rows(order_money)
    return DepositState(row["deposit_state"])


async def told(placed: Placed, kind: str) -> set[str]:
    return {row["to_role"] for row in await placed.rows(tables.outbox, kind=kind)}


async def test_picked_up_within_a_week_the_whole_deposit_counts_towards_the_price(
    floor: Floor,
) -> None:
    placed = await stocked(floor)
    week, _ = await windows(placed)

    await placed.skip_to(week["due_at"] - timedelta(hours=1))
    await placed.do("ship")
    await placed.at("notify")

    assert await state(placed) is DepositState.OFFSET
    assert await held(placed) == {Account.GOODS: Decimal("3000.00")}
    assert (await placed.window("S26.W03"))["state"] == "kept"
    assert (await placed.window("S26.W04"))["state"] == "kept"


async def test_picked_up_after_a_week_ten_percent_of_the_order_are_kept_and_the_rest_counts(
    floor: Floor,
) -> None:
    placed = await stocked(floor)
    week, _ = await windows(placed)

    await placed.skip_to(week["due_at"] + MINUTE)
    await placed.marked(week["key"], "breach")
    suspended = await placed.rows(order_money)
    await placed.skip_to(week["due_at"] + timedelta(days=3))
    await placed.do("ship")
    await placed.at("notify")

    [before] = suspended
    assert (before["deposit_state"], before["deposit_at"]) == ("suspended", week["due_at"])
    assert await told(placed, "deposit_suspended") == {"customer", "sales"}
    assert await state(placed) is DepositState.KEPT_IN_PART
    [(kept, _)] = await moves(placed, "deposit: picked up late")
    assert kept == Decimal("1000.00")
    assert await held(placed) == {
        Account.GOODS: Decimal("2000.00"),
        Account.FORFEITED: Decimal("1000.00"),
    }
    assert await told(placed, "deposit_kept_in_part") == {"customer", "sales"}


async def test_not_picked_up_within_fifteen_days_the_deposit_is_forfeited_at_that_instant(
    floor: Floor,
) -> None:
    placed = await stocked(floor)
    _, last = await windows(placed)

    await placed.skip_to(last["due_at"] + MINUTE)
    await placed.marked(last["key"], "breach")

    assert await state(placed) is DepositState.FORFEITED
    assert await moves(placed, "deposit: not picked up") == [(Decimal("3000.00"), last["due_at"])]
    assert await held(placed) == {Account.FORFEITED: Decimal("3000.00")}
    assert await told(placed, "deposit_forfeited") == {"customer", "sales"}
    await fined(placed, last["key"])
    assert await held(placed) == {Account.FORFEITED: Decimal("3000.00")}


async def fined(placed: Placed, window: str) -> None:
    """The case of the last day closes with the customer as its cause, and the fine stands."""

    async def task(step: str) -> dict[str, Any] | None:
        opened = await placed.rows(tables.overdue_cases, window=window)
        cases = {case["id"] for case in opened}
        found = await placed.open_tasks(step)
        return next((row for row in found if row["workflow_id"] in cases), None)

    cause = await placed.until(lambda: task("cause"), "the cause is asked for")
    await placed.answer(cause, "CUSTOMER_PICKUP_LATE")
    await placed.do("ship")
    closing = await placed.until(lambda: task("closing"), "closing is asked for")
    await placed.answer(closing, "closed", responsible="customer")
    [fine] = await placed.until(
        lambda: placed.rows(tables.performance_ledger), "the fine is written down"
    )
    assert (fine["rule"], fine["role"]) == ("S26.pick_up", "sales_manager")
    assert (fine["amount"], fine["currency"]) == (Decimal(200), "CNY")


async def test_a_deposit_that_comes_in_parts_opens_its_gate_when_the_last_part_is_there(
    floor: Floor,
) -> None:
    placed = await floor.place(profile="S26", special=True, lines=PRICE)
    await placed.walk(("entry", "check", "confirm", "signatures"))
    [task] = await placed.at("deposit")
    assert task["facts"] == {"missing": ["3,000.00 CNY of the deposit of 3,000.00 CNY"]}

    await pay(placed, "1000.00")

    async def looked() -> bool:
        [now] = await placed.open_tasks("deposit")
        return bool(now["facts"] == {"missing": ["2,000.00 CNY of the deposit of 3,000.00 CNY"]})

    await placed.until(looked, "the gate has looked again")
    assert (await placed.open_tasks("deposit"))[0]["id"] == task["id"]
    assert (await placed.window("S26.deposit"))["paused_for"] == []
    await pay(placed, "2000.00")
    await placed.at("review")
    await news(placed)
    assert len(await placed.rows(tables.windows, rule="S26.deposit")) == 1


async def more(placed: Placed, quantity: int) -> None:
    """The customer wants so many; everybody who has to agree does."""
    change = await ask(placed, {"lines": [{"line": 1, "quantity": quantity}]})
    await say(placed, "change_review")
    await say(placed, "supplement", **SIGNED)
    assert (await placed.settled(change))["state"] == "applied"


async def test_a_larger_order_is_signed_anew_and_its_deposit_is_filled_up(floor: Floor) -> None:
    placed = await floor.place(profile="S26", special=True, lines=PRICE)
    await placed.walk(("entry", "check", "confirm", "signatures"))
    await placed.at("deposit")

    await more(placed, 150)
    signed = await placed.at("signatures")
    assert {task["role"] for task in signed} == {"sales_manager", "leadership"}
    await placed.walk(("signatures",))
    await placed.at("deposit")
    await pay(placed, "4500.00")
    await placed.at("review")
    assert [row["deposit"] for row in await placed.rows(order_money)] == [Decimal("4500.00")]

    await more(placed, 200)
    await placed.walk(("signatures",))
    [task] = await placed.at("deposit")
    assert task["facts"] == {"missing": ["1,500.00 CNY of the deposit of 6,000.00 CNY"]}
    await pay(placed, "1500.00")
    await placed.at("review")

    assert await state(placed) is DepositState.HELD
    assert [row["deposit"] for row in await placed.rows(order_money)] == [Decimal("6000.00")]
    assert await held(placed) == {Account.GOODS: Decimal("6000.00")}


async def test_a_special_order_that_is_cancelled_costs_its_deposit_once_that_is_kept(
    floor: Floor,
) -> None:
    unpaid = await floor.place(profile="S26", special=True, lines=PRICE)
    kept = await floor.place(profile="S26", special=True, lines=PRICE)
    for placed, amount in ((unpaid, "2000.00"), (kept, "5000.00")):
        await placed.walk(("entry", "check", "confirm", "signatures"))
        await placed.at("deposit")
        await pay(placed, amount)

    await kept.at("review")
    refused = await kept.settled(await kept.cancel())
    assert "costs 3,000.00 CNY" in refused["reason"]
    await kept.cancel(accept_cost="3000.00")
    await unpaid.cancel()
    await asyncio.gather(kept.handle.result(), unpaid.handle.result())

    assert (await held(kept))[Account.FORFEITED] == Decimal("3000.00")
    assert (await held(kept))[Account.REFUND_DUE] == Decimal("2000.00")
    assert await held(unpaid) == {Account.REFUND_DUE: Decimal("2000.00")}


async def test_a_special_order_whose_deposit_never_comes_is_void_and_a_normal_one_needs_none(
    floor: Floor,
) -> None:
    special = await floor.place(profile="S26", special=True, lines=PRICE)
    normal = await floor.place(profile="S26", lines=PRICE)

    await special.walk(("entry", "check", "confirm", "signatures"))
    await special.at("deposit")
    due = await special.window("S26.deposit")
    await special.skip_to(due["due_at"] + MINUTE)
    await special.marked(due["key"], "breach")  # an order that nobody pays is not forgotten
    await special.do("deposit", "refused")
    await special.handle.result()
    await normal.walk(("entry", "check", "confirm"))
    await normal.at("review")

    promised = await special.rows(tables.windows, rule="GEN.promise")
    assert len(promised) == 1, "the promised date is watched from entry on, without a break"
    assert (await special.row())["state"] == "refused"
    assert not await normal.rows(tables.windows, rule="S26.signatures")
