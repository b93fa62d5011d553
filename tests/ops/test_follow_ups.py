"""Operations see follow-ups: one that never began, one whose row is gone, one ended by hand."""

from datetime import timedelta

from sqlalchemy import delete, update

from ops.repair.differences import Kind
from ops.repair.mending import mend
from ops.repair.orphans import orphans
from ops.repair.pacing import Pace
from ops.repair.reconciling import Compared, compare
from ops.repair.site import Site
from ops.repair.stuck import find_stuck
from ops.repair.stuck_model import StuckCause
from store import tables
from store.follow_up_tables import follow_ups
from tests.workflow.floor import Floor, Placed
from tests.workflow.following import wanted
from workflows.contract import STANDING, Standing


async def causes(site: Site, placed: Placed, of: str) -> set[StuckCause]:
    """What is found wrong with one workflow of the order."""
    report = await find_stuck(site, orders=[placed.order_id])
    return {one.cause for one in report.findings if one.workflow_id == of}


async def test_a_follow_up_is_started_restored_and_closed_by_reconcile(
    site: Site, floor: Floor
) -> None:
    placed = await floor.place()
    await placed.at("entry")
    damage = await wanted(placed, "damage", requested_at=placed.now - timedelta(minutes=2))
    assert await causes(site, placed, damage.workflow_id) == {StuckCause.NEVER_STARTED}

    begun = await mend(site, await compare(site, placed.order_id))
    look = await damage.asked("look")
    handle = floor.client.get_workflow_handle(damage.workflow_id)

    async def heard_of() -> bool:
        told: Standing = await handle.query(STANDING, result_type=Standing)
        return look["id"] in {task.id for task in told.tasks}

    await placed.until(heard_of, "the workflow has heard that the task is open")
    async with floor.engine.begin() as conn:
        await conn.execute(delete(tables.tasks).where(tables.tasks.c.id == look["id"]))
    restored = await mend(site, await compare(site, placed.order_id))
    again = await damage.asked("look")

    async with floor.engine.begin() as conn:
        await conn.execute(update(follow_ups).values(state="closed"))

    async def listed() -> list[Compared]:
        return [one for one in await orphans(site, Pace()) if one.order_id == placed.order_id]

    [orphan] = await placed.until(listed, "the engine lists the follow-up")
    async with floor.engine.begin() as conn:
        await conn.execute(update(follow_ups).values(state="open"))
    await handle.terminate(reason="by hand")
    ended = await causes(site, placed, damage.workflow_id)
    found = await compare(site, placed.order_id)
    closed = await mend(site, found)

    assert {one.kind for one in begun.repaired} == {Kind.FOLLOW_UP_WANTED}
    assert {one.kind for one in restored.repaired} == {Kind.TASK_MISSING}
    assert (again["title"], again["due_at"]) == (look["title"], look["due_at"])
    assert [one.kind for one in orphan.differences] == [Kind.FOLLOW_UP_ROW]
    assert StuckCause.WORKFLOW_CLOSED in ended
    assert {one.kind for one in found.differences} == {Kind.FOLLOW_UP_GONE}
    assert closed.differences == ()
    assert ((await damage.row())["state"], (await damage.row())["outcome"]) == (
        "closed",
        "given_up",
    )
    assert await placed.rows(tables.tasks, workflow_id=damage.workflow_id, state="open") == []
    events = (await placed.handle.fetch_history()).events
    signals = [event.workflow_execution_signaled_event_attributes for event in events]
    heard = [one.signal_name for one in signals if one.signal_name]
    assert heard == ["follow_up_opened", "follow_up_closed"]
