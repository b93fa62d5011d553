"""Orders that a bad deploy has stopped are found, replayed red, and cured by one command."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType

from ops.repair.site import Site
from store import tables
from tests.ops.bad_deploy import bad_worker, good_worker
from tests.ops.conftest import Dueline
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed
from tests.workflow.test_killed import belongings, story

DIVERGED, PARKED, RETRYING, WELL = 130, 90, 80, 6
AT_ONCE = 16
RECOVER = ("ops", "recover", "--json", "--query", "ExecutionStatus = 'Running'", "--because")
SAMPLE = 10
"""Orders of each kind that are finished, to see that nothing is missing in them."""
VISIBLE_SECONDS = 60.0


async def all_of(jobs: Iterable[Callable[[], Awaitable[Any]]]) -> list[Any]:
    """Does many things, a few at once."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(job: Callable[[], Awaitable[Any]]) -> Any:
        async with gate:
            return await job()

    return await asyncio.gather(*(one(job) for job in jobs))


async def windows_of(floor: Floor) -> dict[str, Any]:
    """When every window is due."""
    return {row["key"]: row["due_at"] for row in await floor.rows(tables.windows)}


async def visible(floor: Floor, placed: Placed, count: int) -> None:
    """Waits until the engine's list shows so many orders: it lags."""
    query = f"TaskQueue = '{floor.task_queue}' AND WorkflowType = 'OrderWorkflow'"

    async def listed() -> bool:
        return (await floor.client.count_workflows(query)).count >= count

    await placed.until(listed, f"the engine lists {count} orders")


async def remark(placed: Placed) -> str:
    return await placed.wish("change", {"remarks": "ring the bell"})


async def fails(placed: Placed) -> None:
    """Waits until the order's workflow task has failed."""

    async def failed() -> bool:
        events = (await placed.handle.fetch_history()).events
        return any(e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED for e in events)

    await placed.until(failed, "its workflow task fails")


async def retries(placed: Placed) -> None:
    """Waits until an activity of the order has failed."""

    async def failed() -> bool:
        pending = (await placed.handle.describe()).raw_description.pending_activities
        return any(activity.HasField("last_failure") for activity in pending)

    await placed.until(failed, "its activity fails")


async def finish(placed: Placed, steps: tuple[str, ...]) -> None:
    await placed.walk((*steps, *S08_AFTER_RELEASE))
    await placed.reached("receipt")
    placed.handle = placed.floor.client.get_workflow_handle(placed.handle.id)
    await placed.wish("receipt")
    await placed.handle.result()


async def test_300_orders_stopped_by_a_bad_deploy_are_recovered_by_one_command(
    idle_floor: Floor, site: Site, dueline: Dueline, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor, count = idle_floor, DIVERGED + PARKED + RETRYING + WELL
    async with good_worker(floor):
        placed = await all_of([floor.place] * count)
        diverged, rest = placed[:DIVERGED], placed[DIVERGED:]
        parked, rest = rest[:PARKED], rest[PARKED:]
        retrying = rest[:RETRYING]
        changed = (*parked, *retrying)
        await all_of([partial(p.at, "entry") for p in placed])
        await all_of([partial(p.do, "entry") for p in parked])
        await all_of([partial(p.at, "confirm") for p in parked])
    with bad_worker(floor, monkeypatch) as bad:
        async with bad:
            await all_of([partial(p.do, "entry") for p in diverged])
            await all_of([partial(p.at, "confirm") for p in diverged])
            wishes = await all_of([partial(remark, p) for p in changed])
            await all_of([partial(fails, p) for p in parked])
            await all_of([partial(retries, p) for p in retrying])
    due = await windows_of(floor)
    await visible(floor, placed[0], count)

    replayed = await dueline("ops", "replay", "--open", "--json")
    # The mended worker comes when the command has begun: nothing is cured by itself before.
    command = asyncio.ensure_future(dueline(*RECOVER, "the bad build of today", "--rate", "50"))
    await placed[0].until(partial(floor.rows, tables.ops_actions), "the command has begun")
    async with good_worker(floor):
        recovered = await command
        again = await dueline(*RECOVER, "once more")
        settled = await all_of(
            [partial(p.settled, wish) for p, wish in zip(changed, wishes, strict=True)]
        )
        after = await windows_of(floor)
        reference, reference_changed = await floor.place(), await floor.place()
        await reference_changed.at("entry")
        await reference_changed.settled(await remark(reference_changed))
        sample = [
            *((p, S08_STEPS[1:]) for p in (*diverged[:SAMPLE], *parked[:SAMPLE])),
            *((p, S08_STEPS) for p in (*retrying[:SAMPLE], reference, reference_changed)),
        ]
        await all_of([partial(finish, p, steps) for p, steps in sample])

    assert replayed.code == 4, replayed.err
    assert {line["workflow_id"] for line in replayed.json["failures"]} == {
        p.handle.id for p in diverged
    }
    assert {line["kind"] for line in replayed.json["failures"]} == {"non-determinism"}
    assert recovered.code == 0, recovered.err + recovered.out
    assert Counter(line["trouble"] for line in recovered.json["lines"]) == {
        "another build has gone on where this code would not": DIVERGED,
        "its workflow task fails, and this code can go on": PARKED,
        "an activity is tried again and again": RETRYING,
        "nothing": WELL,
    }
    assert recovered.json["cured"] == DIVERGED + PARKED + RETRYING
    assert again.json["troubles"] == {"nothing": count}
    assert {row["state"] for row in settled} == {"applied"}
    assert after == due
    for order in diverged[:SAMPLE]:
        assert await story(order) == await story(reference)
        assert await belongings(order) == await belongings(reference)
    for order in (*parked[:SAMPLE], *retrying[:SAMPLE]):
        assert await story(order) == await story(reference_changed)
