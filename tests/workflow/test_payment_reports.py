"""A payment is reported: the gate's time begins then, whatever else happens to the order (S07)."""

from datetime import datetime, timedelta
from typing import Any

from activities.money_teller import MoneyTeller
from domain.money import PaymentRoute
from domain.windows import LedgerKind
from ops.repair.finding import find_order
from ops.repair.points import point_of_step
from ops.repair.resetting import reset_order
from ops.repair.runs import fetch_chain
from store import tables
from store.gate_tables import payment_reports
from store.money_news import MoneyNews
from store.money_tables import money_news
from tests.workflow.changing import SPECIFIED, ask
from tests.workflow.conftest import staffed
from tests.workflow.floor import Floor, Placed
from tests.workflow.money import news, pay, say_paid
from tests.workflow.operating import agrees, hold, release, site_of

TO_CREDIT = ("entry", "check", "confirm")
ADVANCE = "55.50"
"""30 % of 185.00 CNY; customer C-0002 has no credit."""


async def waits_for_its_advance(floor: Floor) -> Placed:
    placed = await floor.place(profile="S07", customer="C-0002", payment_route="account")
    await placed.walk(TO_CREDIT)
    await placed.at("credit")
    return placed


async def confirming(placed: Placed) -> list[dict[str, Any]]:
    """The windows in which finance confirms an arrival; market's own is another."""
    return await placed.rows(tables.windows, step="credit")


async def began(placed: Placed) -> dict[str, Any]:
    [window] = await placed.until(lambda: confirming(placed), "the time to confirm it begins")
    return dict(window)


async def due(placed: Placed) -> set[datetime | None]:
    """When the order, its task, and the Web UI say that it is due."""
    [task] = await placed.at("credit")
    view = await placed.handle.query("view")
    shown = datetime.fromisoformat(view["due_at"]) if view.get("due_at") else None
    return {(await placed.row())["due_at"], task["due_at"], shown}


async def test_market_is_late_with_an_advance_that_nobody_pays_and_finance_only_with_a_reported_one(
    floor: Floor,
) -> None:
    placed = await waits_for_its_advance(floor)
    chase = await placed.window("S07.chase_advance")
    assert (chase["role"], await confirming(placed)) == ("sales", [])
    await placed.skip(timedelta(days=16))
    assert "warning" in await placed.marks(chase["key"])
    await placed.marked(chase["key"], "breach")
    assert await confirming(placed) == []

    # A minute ago: the order's own clock is behind by what skipping has taken.
    said = await say_paid(placed, ADVANCE, at=placed.now - timedelta(minutes=1))
    window = await began(placed)

    assert (window["rule"], window["started_at"]) == ("S07.W15", said.reported_at)
    assert window["due_at"] in await due(placed)
    await agrees(placed)
    await say_paid(placed, ADVANCE, route=PaymentRoute.CARD)
    await news(placed)
    await placed.settled_events()
    assert await confirming(placed) == [window], "the second word begins nothing"

    await pay(placed, ADVANCE)
    await placed.at("place_order")
    assert [row["state"] for row in await confirming(placed)] == ["kept"]
    assert all(row["settled_at"] for row in await placed.rows(payment_reports))
    await agrees(placed)


async def test_a_breach_of_a_reported_payment_falls_by_its_own_clock(floor: Floor) -> None:
    placed = await waits_for_its_advance(floor)
    await say_paid(placed, ADVANCE, route=PaymentRoute.CARD)

    window = await began(placed)
    await placed.skip(timedelta(days=4))

    assert window["rule"] == "S07.W14"
    assert (await placed.marked(window["key"], "breach"))["due_at"] == window["due_at"]
    assert (await placed.row())["slack"] == "breached"


async def test_a_report_while_the_order_stands_still_counts_from_when_it_goes_on(
    floor: Floor,
) -> None:
    placed = await waits_for_its_advance(floor)
    await hold(placed)
    held = await say_paid(placed, ADVANCE)
    await placed.settled_events()
    assert await confirming(placed) == []

    await placed.skip(timedelta(days=2))
    await release(placed)
    window = await began(placed)

    assert window["started_at"] >= held.reported_at + timedelta(days=2)
    assert await due(placed) == {window["due_at"]}
    await hold(placed)

    async def paused() -> bool:
        return (await confirming(placed))[0]["paused_at"] is not None

    await placed.until(paused, "its time stands still as every other")
    await release(placed)
    await agrees(placed)


async def test_a_report_during_a_change_that_freezes_counts_from_when_it_is_decided(
    floor: Floor,
) -> None:
    placed = await waits_for_its_advance(floor)
    change = await ask(placed, SPECIFIED, evidence=True)

    async def asked() -> list[dict[str, Any]]:
        open_tasks = await placed.open_tasks()
        return [task for task in open_tasks if task["facts"].get("change") == change]

    [question, *_] = await placed.until(asked, "the change is asked about")
    said = await say_paid(placed, ADVANCE)
    await placed.settled_events()
    assert await confirming(placed) == [], "a frozen order looks at nothing"
    await placed.skip(timedelta(hours=6))

    await placed.answer(question, "refused", note="not possible any more")
    assert (await placed.settled(change))["state"] == "refused"
    window = await began(placed)

    assert window["started_at"] >= said.reported_at + timedelta(hours=6)
    assert [line["kind"] for line in await placed.ledger() if line["window"] == window["key"]] == [
        LedgerKind.OPENED
    ]
    await agrees(placed)


async def test_a_report_that_no_worker_heard_of_is_told_later_and_counts_from_then(
    idle_floor: Floor,
) -> None:
    floor = idle_floor
    async with staffed(floor):
        placed = await waits_for_its_advance(floor)
    said = await say_paid(placed, ADVANCE, tell=False)

    async def tell(untold: MoneyNews) -> None:
        await news(placed, untold.entry)

    await MoneyTeller(floor.engine, tell, grace=timedelta()).round()
    async with staffed(floor):
        window = await began(placed)

    assert window["started_at"] == said.reported_at
    assert await placed.rows(money_news) == []


async def test_a_reset_order_lives_through_its_reports_again_and_opens_nothing_twice(
    floor: Floor,
) -> None:
    placed = await waits_for_its_advance(floor)
    await say_paid(placed, ADVANCE)
    await began(placed)
    await say_paid(placed, ADVANCE)
    await pay(placed, "20.00")
    await pay(placed, "35.50")
    await placed.at("place_order")
    await placed.settled_events()
    before = await confirming(placed)
    site = site_of(floor)

    for step in ("confirm", "credit"):
        order = await find_order(site, placed.order_id)
        chain = await fetch_chain(site.client, order.workflow_id)
        point = await point_of_step(site.client, chain, step, None)
        result = await reset_order(site, order, point, "a test takes it back")
        placed.handle = floor.skipper.client.get_workflow_handle(placed.handle.id)

        assert result.not_repeated == (), step
        assert (await placed.handle.query("view")).get("step") == "place_order"
        assert await confirming(placed) == before
        await agrees(placed)
