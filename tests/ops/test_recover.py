"""Orders that a bad deploy has stopped are found, replayed red, and cured by one command.

A run of the tests stops 60 of them, `DUELINE_TEST_SIZE=full` 300.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from store import tables
from tests import size
from tests.ops import conftest
from tests.ops.bad_deploy import bad_worker, good_worker
from tests.ops.conftest import Dueline
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed
from tests.workflow.test_killed import belongings, story

DIVERGED, PARKED, RETRYING = (
    size.of(26, full=130),
    size.of(18, full=90),
    size.of(16, full=80),
)
WELL = 6
AT_ONCE = 8
RECOVER = ("ops", "recover", "--json", "--query", "ExecutionStatus = 'Running'", "--because")
SAMPLE = size.of(5, full=10)
"""Orders of each kind that are finished, to see that nothing is missing in them."""
SEVERAL = 5
PATIENCE_SECONDS = 300.0
LOOK_SECONDS = 0.5


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


async def until(met: Callable[[], Awaitable[bool]], what: str) -> None:
    """Waits for something that concerns hundreds of orders, and does not ask too often."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                if await met():
                    return
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise AssertionError(what) from None


async def in_step(floor: Floor, placed: Sequence[Placed], step: str) -> None:
    """Waits until all these orders are in a step."""
    ids = {p.order_id for p in placed}

    async def there() -> bool:
        return ids <= {row["id"] for row in await floor.rows(tables.orders, step=step)}

    await until(there, f"all orders reach {step}")


async def answer_all(floor: Floor, placed: Sequence[Placed], step: str) -> None:
    """Answers the step's task of each order."""
    tasks = {row["order_id"]: row for row in await floor.rows(tables.tasks, step=step)}
    await all_of([partial(p.answer, tasks[p.order_id]) for p in placed])


async def listed(floor: Floor, count: int) -> None:
    """Waits until the engine's list shows so many orders: it lags."""
    query = f"TaskQueue = '{floor.task_queue}' AND WorkflowType = 'OrderWorkflow'"

    async def there() -> bool:
        return (await floor.client.count_workflows(query)).count >= count

    await until(there, f"the engine lists {count} orders")


async def remark(placed: Placed) -> str:
    return await placed.wish("change", {"remarks": "ring the bell"})


async def task_fails(placed: Placed) -> None:
    """Waits until the order's workflow task has failed."""

    async def failed() -> bool:
        described = (await placed.handle.describe()).raw_description
        return described.pending_workflow_task.attempt > 1

    await until(failed, "the bad build's workflow task fails")


async def activity_fails(placed: Placed) -> None:
    """Waits until one of the order's activities has failed.

    A workflow task that failed by itself on a busy machine is not the trouble that is awaited.
    """

    async def failed() -> bool:
        described = (await placed.handle.describe()).raw_description
        return any(one.HasField("last_failure") for one in described.pending_activities)

    await until(failed, "the bad build's activity fails")


async def finish(placed: Placed, steps: tuple[str, ...]) -> None:
    await placed.walk((*steps, *S08_AFTER_RELEASE))
    await placed.reached("receipt")
    placed.handle = placed.floor.client.get_workflow_handle(placed.handle.id)
    await placed.wish("receipt")
    await placed.handle.result()


async def test_orders_stopped_by_a_bad_deploy_are_recovered_by_one_command(
    idle_floor: Floor,
    dueline: Dueline,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    cured = tmp_path / "cured.txt"
    monkeypatch.setattr(conftest, "COMMAND_SECONDS", PATIENCE_SECONDS)
    floor, count = idle_floor, DIVERGED + PARKED + RETRYING + WELL
    async with good_worker(floor):
        placed = await all_of([floor.place] * count)
        diverged, rest = placed[:DIVERGED], placed[DIVERGED:]
        parked, rest = rest[:PARKED], rest[PARKED:]
        retrying = rest[:RETRYING]
        changed = (*parked, *retrying)
        await in_step(floor, placed, "entry")
        await answer_all(floor, parked, "entry")
        await in_step(floor, parked, "confirm")
        # The end of an activity that comes later would have the engine count failures anew.
        await all_of([p.quiet for p in placed])
    with bad_worker(floor, monkeypatch) as bad:
        async with bad:
            await answer_all(floor, diverged, "entry")
            await in_step(floor, diverged, "confirm")
            wishes = await all_of([partial(remark, p) for p in changed])
            await all_of([partial(task_fails, p) for p in parked])
            await all_of([partial(activity_fails, p) for p in retrying])
    due = await windows_of(floor)
    await listed(floor, count)

    replayed = await dueline("ops", "replay", "--open", "--json")
    # The mended worker comes when the command has begun: nothing is cured by itself before.
    command = asyncio.ensure_future(dueline(*RECOVER, "the bad build of today", "--rate", "50"))

    async def begun() -> bool:
        return bool(await floor.rows(tables.ops_actions))

    await until(begun, "the command has begun")
    async with good_worker(floor):
        recovered = await command
        some = [*diverged[:SEVERAL], *parked[:SEVERAL], *retrying[:SEVERAL]]
        cured.write_text("".join(f"{p.order_id}  # cured\n" for p in some), encoding="utf-8")
        again = await dueline(
            "ops", "recover", "--json", "--file", str(cured), "--because", "once more"
        )
        settled = {row["id"]: row["state"] for row in await floor.rows(tables.changes)}
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
    assert (again.code, again.json["troubles"]) == (0, {"nothing": 3 * SEVERAL})
    assert settled == dict.fromkeys(wishes, "applied")
    assert after == due
    for order in diverged[:SAMPLE]:
        assert await story(order) == await story(reference)
        assert await belongings(order) == await belongings(reference)
    for order in (*parked[:SAMPLE], *retrying[:SAMPLE]):
        assert await story(order) == await story(reference_changed)
