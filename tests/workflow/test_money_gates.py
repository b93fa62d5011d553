"""Gates of money on the real engine: they wake by themselves, under a hold and after a reset."""

from decimal import Decimal
from typing import Any

from domain.money import Account, Currency
from ops.repair.finding import find_order
from ops.repair.points import point_of_step
from ops.repair.resetting import reset_order
from ops.repair.runs import fetch_chain
from policy.money_rules import MoneyRules, RushRules
from policy.steps import Fact
from store import tables
from tests.workflow.floor import Floor, Placed
from tests.workflow.money import news, pay
from tests.workflow.operating import hold, release, site_of
from tests.workflow.policies import changed
from workflows.contract import REQUEST_RUSH, RushNotice

BEFORE_PACKING = ("entry", "confirm", "review", "plan", "plan_approval", "production", "qc")
RUSH = RushRules(percent=Decimal(10), at_least={Currency.CNY: Decimal(20)})
PAY_FIRST = changed(
    release={"facts": (Fact.GOODS_MATCH_ORDER, Fact.INSPECTION_PASSED, Fact.BALANCE_PAID)}
).model_copy(update={"money": MoneyRules(rush=RUSH)})
"""S08 with its price before shipping (G18) and a rush fee; the order costs 185.00 CNY."""


async def rush(placed: Placed) -> str:
    wish = await placed.store_wish("rush")
    await placed.handle.signal(REQUEST_RUSH, RushNotice(change_id=wish))
    return wish


async def outbox(placed: Placed, kind: str) -> list[dict[str, Any]]:
    return await placed.rows(tables.outbox, kind=kind)


async def test_a_gate_that_waits_for_money_opens_by_itself_and_stays_where_it_was_after_a_reset(
    floor: Floor,
) -> None:
    placed = await floor.place(policy=PAY_FIRST)
    wish = await rush(placed)
    assert (await placed.settled(wish))["state"] == "applied"
    second = await rush(placed)
    assert "20.00 CNY is agreed already" in (await placed.settled(second))["reason"]
    await pay(placed, "20.00", into=Account.RUSH_FEE)
    await news(placed)

    async def lifted() -> bool:
        return bool((await placed.row())["priority"] == "rush")

    await placed.until(lifted, "the order comes first")
    await pay(placed, "85.00")  # news that comes long before the gate
    await placed.walk((*BEFORE_PACKING, "pack"))
    [task] = await placed.at("release")
    assert task["facts"]["missing"] == ["100.00 CNY of the full price of 185.00 CNY"]
    late = await rush(placed)
    assert "agreed" in (await placed.settled(late))["reason"]

    await hold(placed)
    await pay(placed, "100.00")
    await placed.settled_events()
    assert (await placed.row())["step"] == "release"
    await release(placed)
    await placed.at("ship")

    assert [row["visit"] for row in await placed.rows(tables.tasks, step="release")] == [1]
    assert {row["to_role"] for row in await outbox(placed, "rush_paid")} == {
        "planning",
        "production",
        "sales",
        "customer",
    }
    await stands_after_a_reset(placed)


async def stands_after_a_reset(placed: Placed) -> None:
    """Everything is lived through again, and nothing has happened twice."""
    await placed.settled_events()
    before = await placed.rows(tables.outbox)
    floor, site = placed.floor, site_of(placed.floor)
    for step in ("confirm", "release"):
        order = await find_order(site, placed.order_id)
        chain = await fetch_chain(site.client, order.workflow_id)
        point = await point_of_step(site.client, chain, step, None)
        result = await reset_order(site, order, point, "a test takes it back")
        assert result.not_repeated == (), step
        placed.handle = floor.skipper.client.get_workflow_handle(placed.handle.id)
        assert (await placed.handle.query("view")).get("step") == "ship"
    after = await placed.rows(tables.outbox)
    assert sorted(row["key"] for row in after) == sorted(row["key"] for row in before)
    assert (await placed.row())["priority"] == "rush"


async def test_by_s23_nothing_is_taken_or_made_before_the_customer_has_paid(floor: Floor) -> None:
    paid, never = [await floor.place(profile="S23") for _ in range(2)]
    for placed in (paid, never):
        await placed.walk(("entry", "check", "confirm", "review"))
        [task] = await placed.at("activation")
        assert task["facts"]["missing"] == ["185.00 CNY of the activating payment of 185.00 CNY"]
        assert (await placed.window("S23.activation"))["limit"] == "2wd"

    await pay(paid, "100.00")
    await paid.settled_events()
    [task] = await paid.at("activation")
    assert task["facts"]["missing"] == ["85.00 CNY of the activating payment of 185.00 CNY"]
    assert [task["visit"]] == [1], "a part of it begins no time anew"
    assert not await paid.rows(tables.reservations)
    await pay(paid, "85.00")
    await paid.at("plan")
    assert {row["state"] for row in await paid.rows(tables.reservations)} == {"held"}

    await never.do("activation", "refused")
    await never.handle.result()
    assert (await never.row())["state"] == "refused"
    assert not await never.rows(tables.reservations)
