"""An order that is taken back to a step ends as if nothing had been: nothing twice, no new date."""

from datetime import timedelta
from functools import partial
from typing import Any

from domain.windows import LedgerKind, PauseReason
from ops.repair.finding import find_order
from ops.repair.points import point_of_step
from ops.repair.resetting import ResetResult, plan_reset, reset_order
from ops.repair.runs import fetch_chain
from ops.repair.site import Site
from store import tables
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed
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
    """An order at its receipt: paused, changed, late, reworked, and handed on to fresh runs."""
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
    plan = await plan_reset(site, order, chain, point)
    return await reset_order(site, plan, "a test takes it back")


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
