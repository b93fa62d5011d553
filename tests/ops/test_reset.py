"""An order that is taken back to a step ends as if nothing had been: nothing twice, no new date."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from domain.errors import DuelineError, InvalidField
from domain.windows import LedgerKind, PauseReason
from ops.repair.finding import find_order
from ops.repair.points import point_of_step
from ops.repair.resetting import ResetResult, reset_order
from ops.repair.runs import fetch_chain
from ops.repair.site import Site
from store import tables
from tests.ops.conftest import Dueline
from tests.workflow.conftest import staffed
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed
from tests.workflow.operating import hold, release
from tests.workflow.test_killed import belongings, story

VISITS = (
    *((step, 1) for step in S08_STEPS[:5]),
    ("material", 1),
    ("slot", 1),
    ("production", 1),
    ("qc", 1),
    ("rework", 1),
    ("qc", 2),
    ("pack", 1),
    ("release", 1),
    ("ship", 1),
    ("notify", 1),
    ("receipt", 1),
)


async def full_life(floor: Floor) -> Placed:
    """An order at its receipt: paused, changed, late, held, reworked, handed on to fresh runs."""
    placed = await floor.place(events_max=90)
    await placed.walk(("entry",))
    await placed.at("confirm")
    await placed.settled(await placed.wish("change", {"remarks": "ring the bell"}))
    await placed.adjust(LedgerKind.PAUSED, reason=PauseReason.CUSTOMER)
    await placed.skip(timedelta(days=5))
    await placed.adjust(LedgerKind.RESUMED, reason=PauseReason.CUSTOMER)
    await placed.walk(("confirm",))
    tasks = await placed.at("review")
    await placed.skip(timedelta(days=10))
    for part in ("cause", "analysis", "decision"):
        await placed.until(partial(placed.open_tasks, part), f"the case asks for {part}")
    for task in tasks:
        await placed.answer(task)
    await placed.at("plan")
    await hold(placed)
    await placed.skip(timedelta(days=2))
    await release(placed)
    await placed.walk(("plan", "plan_approval"))
    await placed.at("production")
    for report in await placed.open_tasks("tracking"):
        await placed.answer(report)
    await placed.walk(("production",))
    await placed.do("qc", "failed")
    await placed.walk(("rework", "qc", "pack", *S08_AFTER_RELEASE))
    await placed.reached("receipt")
    await placed.settled_events()
    return placed


async def clocks(placed: Placed) -> dict[str, Any]:
    """Every window with its instants, its marks, and what happened to it."""
    return {
        "windows": sorted(await placed.rows(tables.windows), key=lambda row: str(row["key"])),
        "marks": [await placed.marks(row["key"]) for row in await placed.rows(tables.windows)],
        "ledger": await placed.ledger(),
    }


async def everything(placed: Placed) -> dict[str, Any]:
    """What the database says of an order."""
    row = await placed.row()
    row.pop("updated_at")
    return {
        "row": row,
        "story": await story(placed),
        "belongings": await belongings(placed),
        "clocks": await clocks(placed),
        "tasks": sorted(await placed.rows(tables.tasks), key=lambda task: str(task["id"])),
        "cases": await placed.rows(tables.overdue_cases),
    }


async def reset(site: Site, placed: Placed, step: str, visit: int | None = None) -> ResetResult:
    order = await find_order(site, placed.order_id)
    chain = await fetch_chain(site.client, order.workflow_id)
    point = await point_of_step(site.client, chain, step, visit)
    return await reset_order(site, order, point, "a test takes it back")


async def receive(placed: Placed) -> None:
    placed.handle = placed.floor.skipper.client.get_workflow_handle(placed.handle.id)
    await placed.wish("receipt")
    await placed.handle.result()


async def test_an_order_reset_to_any_of_its_steps_stands_where_it_stood(
    floor: Floor, site: Site
) -> None:
    placed = await full_life(floor)
    before = await everything(placed)

    for step, visit in VISITS:
        result = await reset(site, placed, step, visit)

        assert result.not_repeated == (), (step, visit)
        assert (await placed.handle.query("view")).get("step") == "receipt", (step, visit)
        after = await everything(placed)
        for what, was in before.items():
            assert after[what] == was, (step, visit, what)

    await receive(placed)
    assert (await placed.row())["state"] == "completed"


async def test_a_terminated_order_is_revived_and_ends_right(idle_floor: Floor, site: Site) -> None:
    async with staffed(idle_floor):
        placed = await idle_floor.place()
        await placed.walk(("entry", "confirm"))
        await placed.at("review")
        before = await everything(placed)
        await placed.handle.terminate("somebody meant another one")
        result = await reset(site, placed, "review")
        after = await everything(placed)
        placed.handle = idle_floor.skipper.client.get_workflow_handle(placed.handle.id)
        await placed.walk((*S08_STEPS[2:], *S08_AFTER_RELEASE))
        await placed.reached("receipt")
        await receive(placed)

    assert (result.again, after) == (1, before)
    assert (await placed.row())["state"] == "completed"


async def test_a_closed_order_is_not_reset(floor: Floor, site: Site) -> None:
    placed = await floor.place()
    await placed.walk(("entry", "confirm"))
    await placed.answer((await placed.at("review"))[0], "refused")
    await placed.do("negotiate", "declined")
    await placed.handle.result()

    with pytest.raises(DuelineError, match="is refused: a closed record is not lived through"):
        await reset(site, placed, "confirm")


async def test_a_step_that_was_never_entered_is_no_place_to_go(floor: Floor, site: Site) -> None:
    placed = await floor.place()
    await placed.walk(("entry",))
    await placed.at("confirm")

    with pytest.raises(InvalidField, match="never entered 'ship'; it entered entry, con"):
        await reset(site, placed, "ship")
    with pytest.raises(InvalidField, match="never entered visit 2 of 'confirm'"):
        await reset(site, placed, "confirm", 2)


async def test_what_customers_wish_meanwhile_waits_its_turn(idle_floor: Floor, site: Site) -> None:
    async with staffed(idle_floor):
        placed = await idle_floor.place()
        await placed.walk((*S08_STEPS, *S08_AFTER_RELEASE))
        await placed.reached("receipt")
        await placed.settled_events()
    # No worker lives: the order is reset, and the customer confirms before it has walked again.
    order = await find_order(site, placed.order_id)
    chain = await fetch_chain(site.client, order.workflow_id)
    point = await point_of_step(site.client, chain, "plan", None)
    with pytest.raises(DuelineError, match="Give the same command again"):
        await reset_order(site, order, point, "a test", patience_seconds=0.5)
    placed.handle = idle_floor.skipper.client.get_workflow_handle(placed.handle.id)
    receipt = await placed.wish("receipt")
    cancellation = await placed.wish("cancellation")

    async with staffed(idle_floor):
        await placed.handle.result()

    assert (await placed.row())["state"] == "completed"
    assert (await placed.settled(receipt))["state"] == "applied"
    assert (await placed.settled(cancellation))["state"] == "refused"


async def test_an_interrupted_reset_goes_on_when_the_command_is_given_again(
    idle_floor: Floor, site: Site, dueline: Dueline
) -> None:
    async with staffed(idle_floor):
        placed = await idle_floor.place()
        await placed.walk((*S08_STEPS[:5],))
        await placed.at("production")
        before = await everything(placed)
    order = await find_order(site, placed.order_id)
    chain = await fetch_chain(site.client, order.workflow_id)
    point = await point_of_step(site.client, chain, "confirm", None)
    with pytest.raises(DuelineError, match="is still on its way"):
        await reset_order(site, order, point, "a test", patience_seconds=0.5)

    async with staffed(idle_floor):
        said = await dueline(
            "ops", "reset", placed.order_id, "--to", "confirm", "--because", "again", "--yes"
        )

    resets = await idle_floor.rows(tables.ops_actions, action="reset")
    assert (said.code, [row["outcome"] for row in resets]) == (0, ["begun", "done"]), said.err
    assert "messages were applied again" in said.out
    assert await everything(placed) == before


async def test_without_yes_a_reset_only_says_what_would_happen(
    floor: Floor, site: Site, dueline: Dueline
) -> None:
    placed = await floor.place()
    await placed.walk(("entry",))
    await placed.at("confirm")
    await placed.settled(await placed.wish("change", {"remarks": "ring the bell"}))
    await placed.walk(("confirm",))
    await placed.at("review")
    run = (await placed.handle.describe()).run_id

    said = await dueline(
        "ops", "reset", placed.order_id, "--to", "confirm", "--because", "a test", "--json"
    )

    [preview] = said.json
    assert (preview["run"], preview["step"], preview["visit"]) == (run, "confirm", 1)
    assert [message["what"] for message in preview["again"]] == [
        "answer of entry.1.sales: done",
        "change of remarks",
        "answer of confirm.1.sales: confirmed",
    ]
    assert preview["still_to_do"] == []
    assert f"{placed.order_id}/review/1/prepare_review" in preview["recorded"]
    assert {clock["rule"] for clock in preview["clocks"]} == {"S08.W03", "GEN.promise"}
    assert (await placed.handle.describe()).run_id == run
    assert await floor.rows(tables.ops_actions) == []
