"""Cancellation at every step on the real server: terms, deposit, money, one winner."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.wish_teller import WishTeller
from store import tables
from store.cancellation_tables import cancellations
from store.follow_up_tables import follow_ups
from tests.workflow.floor import S08_STEPS, Floor, Placed, profile
from tests.workflow.operating import hold, release
from tests.workflow.paying import arrive, purse
from tests.workflow.terms import AMOUNT, DEARER, DEPOSIT, on_terms
from worker import tell_of_wish

STEPS = (*S08_STEPS, "ship")


@dataclass(frozen=True)
class Expected:
    """What a cancellation in a step comes to, with nothing paid and with the deposit paid.

    `cost` is kept as a cost and `forfeited` of the deposit; none of both is a refusal. `asked` is
    what sales decides to keep, whether anything was paid or not (C06).
    """

    cost: str | None
    forfeited: str = "0"
    unpaid_cost: str = "0"
    asked: str | None = None


EXPECTED = {
    "entry": Expected("0"),
    "confirm": Expected("0"),
    "review": Expected("0"),
    "plan": Expected("18.50", unpaid_cost="18.50"),
    "plan_approval": Expected("18.50", unpaid_cost="18.50"),
    "production": Expected("0", "55.50", unpaid_cost="37.00"),
    "qc": Expected("0", "40.00", unpaid_cost="40.00", asked="40.00"),
    "pack": Expected("0", "12.34", asked="12.34"),
    "ship": Expected(None),
}


async def nothing_is_held(floor: Floor, placed: Placed) -> None:
    assert not await placed.rows(tables.reservations, state="held")
    assert not await placed.rows(tables.slots, state="held")
    assert not await placed.rows(tables.shipments, state="released")
    assert not await placed.rows(tables.tasks, state="open")
    assert not await placed.rows(tables.windows, stopped_at=None)
    assert not await placed.rows(tables.changes, state="received")


async def cancelled_in(floor: Floor, step: str, *, paid: bool) -> None:
    """Brings an order to `step`, cancels it there, and compares with the table."""
    expected = EXPECTED[step]
    placed = await floor.place(policy=DEARER)
    if paid:
        await arrive(floor, placed.order_id, DEPOSIT)
    await placed.walk(STEPS[: STEPS.index(step)])
    await placed.at(step)

    wish = await placed.cancel(accept_cost="100")

    if expected.cost is None:
        refused = await placed.settled(wish)
        assert (refused["state"], refused["reason"]) == (
            "refused",
            "the goods are packed; sell them",
        )
        await placed.do("ship")
        return
    if expected.asked is not None:
        [task] = await placed.until(lambda: placed.open_tasks("cancellation"), "sales is asked")
        deposit = DEPOSIT if paid else Decimal(0)
        assert (task["role"], Decimal(task["facts"]["deposit"])) == ("sales", deposit)
        await placed.answer(task, "agreed", kept=expected.asked)
    await placed.handle.result()
    row, has = await placed.row(), await purse(floor, placed.order_id)
    assert (row["state"], (await placed.settled(wish))["state"]) == ("cancelled", "applied")
    cost, forfeited = Decimal(expected.cost), Decimal(expected.forfeited)
    if not paid:
        cost, forfeited = Decimal(0), Decimal(0)
    back = (DEPOSIT if paid else Decimal(0)) - cost - forfeited
    assert (has.cost, has.forfeited, has.refund_due) == (cost, forfeited, back), step
    assert has.balances
    assert has.goods == has.unapplied == 0
    owed = Decimal(0) if paid else Decimal(expected.unpaid_cost)
    [kept] = await placed.rows(cancellations)
    assert (kept["kept"], kept["given_back"], kept["owed"]) == (cost + forfeited, back, owed), step
    wanted = sorted(each["kind"] for each in await placed.rows(follow_ups))
    assert wanted == ["payment"] * (owed > 0) + ["refund"] * (back > 0)
    await nothing_is_held(floor, placed)
    told = {row["to_role"] for row in await placed.rows(tables.outbox, kind="order_cancelled")}
    assert told >= {"customer", *profile("S08").cancellation.told}


async def test_a_cancellation_at_every_step_comes_to_what_the_terms_of_the_step_say(
    floor: Floor,
) -> None:
    unpaid = (step for step in STEPS if EXPECTED[step].unpaid_cost != "0")
    await asyncio.gather(
        *(cancelled_in(floor, step, paid=True) for step in STEPS),
        *(cancelled_in(floor, step, paid=False) for step in unpaid),
    )

    reserved = sum((row["reserved"] for row in await floor.rows(tables.materials)), Decimal(0))
    assert reserved == 0


async def test_an_order_hears_of_wishes_whose_api_died_before_it_told_it(floor: Floor) -> None:
    placed = await floor.place()
    await placed.at("entry")
    change = await placed.store_wish("change", {"remarks": "ring twice"})
    teller = WishTeller(floor.engine, partial(tell_of_wish, floor.client), grace=timedelta())

    assert await teller.round() == 1
    assert (await placed.settled(change))["state"] == "applied"
    cancellation = await placed.store_wish("cancellation")
    assert await teller.round() == 1

    await placed.handle.result()
    assert (await placed.settled(cancellation))["state"] == "applied"


async def test_dearer_than_accepted_is_refused_with_the_cost_and_the_order_goes_on(
    floor: Floor,
) -> None:
    placed = await floor.place(policy=DEARER)
    await placed.walk(("entry", "confirm", "review"))
    await placed.at("plan")

    refused = await placed.settled(await placed.cancel(accept_cost="18.49"))
    behind = await placed.settled(await placed.cancel())

    for wish in (refused, behind):
        assert wish["state"] == "refused"
        assert "costs 18.50 CNY" in wish["reason"]
    [told, _] = await placed.rows(tables.outbox, kind="cancellation_refused", to_role="customer")
    assert "18.50 CNY" in told["text"]
    await placed.walk(("plan", "plan_approval"))
    assert (await placed.row())["state"] == "open"


async def test_while_sales_thinks_the_order_goes_on_and_whoever_is_first_wins(
    floor: Floor,
) -> None:
    policy = on_terms({"until": "ship", "terms": "free", "deposit": "by_contract"})
    shipped, refused, cancelled = [await floor.place(policy=policy) for _ in range(3)]

    async def ask(placed: Placed) -> tuple[str, dict[str, Any]]:
        await arrive(floor, placed.order_id, DEPOSIT)
        await placed.walk(S08_STEPS)
        await placed.at("ship")
        wish = await placed.cancel()
        [task] = await placed.until(lambda: placed.open_tasks("cancellation"), "sales is asked")
        return wish, task

    asked = await asyncio.gather(*(ask(each) for each in (shipped, refused, cancelled)))

    window = await shipped.window("GEN.cancel")
    assert (window["limit"], window["role"]) == ("4h", "sales")
    second = await shipped.settled(await shipped.cancel())
    assert "looked at already" in second["reason"]
    for kept in ("-1", "185.01", "1.001", "all of it"):
        with pytest.raises(WorkflowUpdateFailedError) as wrong:
            await refused.answer(asked[1][1], "agreed", kept=kept)
        assert isinstance(wrong.value.cause, ApplicationError)
        assert wrong.value.cause.details == ("data.kept",)

    # The goods leave first: the question is over, and the money stays what it was.
    await shipped.do("ship")
    lost = await shipped.settled(asked[0][0])
    assert (lost["state"], "dispatched" in lost["reason"]) == ("refused", True)
    [closed] = await shipped.rows(tables.tasks, step="cancellation")
    assert closed["state"] == "withdrawn"
    # Sales says no: the order goes on, too, with the reason.
    await refused.answer(asked[1][1], "refused", note="made to your drawing")
    no = await refused.settled(asked[1][0])
    assert (no["state"], no["reason"]) == ("refused", "made to your drawing")
    await refused.do("ship")
    # Sales agrees first: nothing leaves any more, and a late word of logistics changes nothing.
    [ship] = await cancelled.at("ship")
    await cancelled.answer(asked[2][1], "agreed", kept="5.50")
    await cancelled.handle.result()
    with pytest.raises(Exception, match=r"not open|not found|completed|failed"):
        await cancelled.answer(ship)
    assert (await cancelled.rows(tables.shipments))[0]["state"] == "void"
    assert (await cancelled.rows(tables.windows, rule="GEN.cancel"))[0]["state"] == "kept"
    has = await purse(floor, cancelled.order_id)
    assert (has.forfeited, has.refund_due) == (Decimal("5.50"), Decimal("50.00"))
    await nothing_is_held(floor, cancelled)


async def with_a_deposit_by_contract(floor: Floor) -> Placed:
    """At its entry with a paid deposit, of which sales says by the contract what is kept."""
    policy = on_terms({"until": "ship", "terms": "free", "deposit": "by_contract"})
    placed = await floor.place(policy=policy)
    await arrive(floor, placed.order_id, DEPOSIT)
    await placed.at("entry")
    return placed


async def test_a_question_about_a_held_order_waits_like_everything_else(floor: Floor) -> None:
    placed = await with_a_deposit_by_contract(floor)
    await hold(placed)

    await placed.cancel()

    async def stands_still() -> bool:
        return bool((await placed.window("GEN.cancel"))["paused_for"] == ["hold"])

    await placed.until(stands_still, "the window of the answer stands still")
    await release(placed)
    [task] = await placed.open_tasks("cancellation")
    await placed.answer(task, "agreed", kept="0")
    await placed.handle.result()


async def test_an_answer_that_is_late_opens_an_overdue_case_and_nothing_is_lost(
    floor: Floor,
) -> None:
    placed = await with_a_deposit_by_contract(floor)
    await placed.cancel()
    [task] = await placed.until(lambda: placed.open_tasks("cancellation"), "sales is asked")

    await placed.skip(timedelta(days=7))
    window = await placed.window("GEN.cancel")
    await placed.marked(window["key"], "breach")
    await placed.answer(task, "agreed", kept="0")
    await placed.handle.result()

    assert (await placed.row())["state"] == "cancelled"
    assert (await purse(floor, placed.order_id)).refund_due == DEPOSIT
    [case] = [row for row in await placed.rows(tables.overdue_cases) if "cancellation" in row["id"]]
    assert case["window"] == window["key"]


async def test_the_time_to_answer_counts_from_when_the_customer_cancelled(
    floor: Floor,
) -> None:
    placed = await with_a_deposit_by_contract(floor)
    wish = await placed.store_wish("cancellation")
    await placed.skip(timedelta(hours=1))

    await placed.signal("cancellation", wish)
    await placed.until(lambda: placed.open_tasks("cancellation"), "sales is asked")

    [asked] = await placed.rows(tables.changes, id=wish)
    assert (await placed.window("GEN.cancel"))["started_at"] == asked["requested_at"]


async def test_operations_that_cancel_the_workflow_give_the_money_back_too(floor: Floor) -> None:
    placed = await floor.place(policy=DEARER)
    await arrive(floor, placed.order_id, AMOUNT + 5)
    await placed.walk(("entry", "confirm", "review", "plan", "plan_approval"))
    await placed.at("production")

    await placed.handle.cancel()

    async def closed() -> bool:
        return bool((await placed.row())["state"] == "cancelled")

    await placed.until(closed, "the record closes")
    has = await purse(floor, placed.order_id)
    assert has.refund_due == AMOUNT + 5
    assert has.forfeited == has.cost == 0
    await nothing_is_held(floor, placed)
