"""Versions of the workers: who is where, a bad one stays out, and the way back is one command."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from ops.repair.deployment import read_deployment
from ops.repair.fitness import Code
from ops.repair.moving import move
from ops.repair.release import release
from ops.repair.site import Site
from ops.repair.versions import named_workflows
from store import tables
from tests.ops.conftest import ROOT, Dueline
from tests.ops.versioned import VersionedFloor, versions
from tests.workflow.conftest import staffed
from tests.workflow.floor import Floor, Placed
from worker import versioned
from workflows.contract import ORDER_WORKFLOW, RENEW, OrderStart

__all__ = ["versions"]

GRACE_SECONDS = 30.0


@workflow.defn(name=ORDER_WORKFLOW, sandboxed=False)
class Hasty:
    """What nobody noticed in review: the first thing that an order does has changed."""

    @workflow.run
    async def run(self, start: OrderStart) -> None:
        await workflow.sleep(1)


@workflow.defn(name=ORDER_WORKFLOW, sandboxed=False)
class Raising:
    """A build with an ordinary bug."""

    @workflow.run
    async def run(self, start: OrderStart) -> None:
        raise RuntimeError("the profile has no route")


@asynccontextmanager
async def serving_badly(versions: VersionedFloor, build: str, bad: type) -> AsyncIterator[None]:
    """A worker that serves a version with a workflow of ours."""
    worker = Worker(
        versions.floor.client,
        task_queue=versions.floor.task_queue,
        workflows=[bad],
        workflow_runner=UnsandboxedWorkflowRunner(),
        deployment_config=versioned(WorkerDeploymentVersion(versions.name, build)),
    )
    async with versions.served(worker, build):
        yield


async def breached(placed: Placed) -> str:
    """Lets the order miss its confirmation; returns the id of its overdue case."""
    await placed.walk(("entry",))
    await placed.at("confirm")
    await placed.skip(timedelta(days=14))
    [case] = await placed.until(lambda: placed.rows(tables.overdue_cases), "a case is open")
    await placed.until(lambda: placed.open_tasks("cause"), "the case asks for its cause")
    return str(case["id"])


async def test_a_build_that_does_not_fit_the_open_orders_stays_out(
    versions: VersionedFloor, site: Site, tmp_path: Path
) -> None:
    async with versions.serving("b1"):
        await versions.make_current("b1")
        [placed] = await versions.place(1)
        async with serving_badly(versions, "b2", Hasty):
            done = await release(
                site,
                versions.name,
                "b2",
                Code("b2", (Hasty,)),
                print,
                steps=(100,),
                soak_seconds=1,
                folder=tmp_path,
            )

    assert [(red.workflow_id, "TMPRL1100" in red.why) for red in done.red] == [
        (placed.handle.id, True)
    ]
    assert done.ramped is None
    standing = await read_deployment(site, versions.name)
    assert (standing.current, standing.ramping) == ("b1", None)


async def test_a_build_on_which_new_orders_fail_is_taken_back_and_they_begin_on_the_old_one(
    versions: VersionedFloor, site: Site, tmp_path: Path
) -> None:
    said: list[str] = []

    async def ramping() -> bool:
        return any("begin on b2" in sentence for sentence in said)

    async with versions.serving("b1"), serving_badly(versions, "b2", Raising):
        await versions.make_current("b1")
        rolling = asyncio.create_task(
            release(
                site,
                versions.name,
                "b2",
                Code(),
                said.append,
                steps=(99, 100),
                soak_seconds=60,
                folder=tmp_path,
            )
        )
        await versions.until(ramping, "the ramp has begun")
        orders = await versions.place(3)
        done = await rolling
        assert await versions.on("b1", orders)

    assert done.ramped is not None
    assert not done.ramped.current
    assert set(done.ramped.failing) <= {placed.handle.id for placed in orders}
    assert done.ramped.failing
    standing = await read_deployment(site, versions.name)
    assert (standing.current, standing.ramping) == ("b1", None)


async def test_a_drain_stops_at_the_first_order_that_fails_and_a_rollback_heals_it(
    versions: VersionedFloor, dueline: Dueline
) -> None:
    async with versions.serving("b1"), serving_badly(versions, "b2", Raising):
        await versions.make_current("b1")
        orders = await versions.place(3)
        await versions.make_current("b2")

        drained = await dueline("ops", "drain", "b1", "--rate", "50", "--json")
        pins = [await versions.pin(placed) for placed in orders]
        back = await dueline("ops", "versions", "rollback")

        assert (drained.code, back.code) == (4, 0)
        [failing] = drained.json["failing"]
        assert failing in {placed.handle.id for placed in orders}
        assert sorted(pin.failing for pin in pins) == [False, False, True]
        await versions.until(lambda: versions.on("b1", orders), "all three are at work on b1")
        for placed in orders:
            await placed.walk(("entry",))


async def test_an_order_whose_history_does_not_fit_is_not_moved(
    versions: VersionedFloor, site: Site
) -> None:
    async with versions.serving("b1"):
        await versions.make_current("b1")
        [placed] = await versions.place(1)
        [resident] = await named_workflows(site, [placed.order_id])

        moved = await move(site, Code("b2", (Hasty,)), resident, versions.name, "b2")

        assert moved.outcome == "red"
        assert await versions.on("b1", [placed])


async def test_orders_and_cases_of_a_version_that_nobody_serves_are_moved(
    versions: VersionedFloor, dueline: Dueline
) -> None:
    async with versions.serving("b2"):
        async with versions.serving("b1"):
            await versions.make_current("b1")
            idle, late = await versions.place(2)
            case = await breached(late)
            await versions.make_current("b2")

        listed = await dueline("ops", "versions", "--json")
        moved = await dueline("ops", "versions", "move", idle.order_id)
        assert (moved.code, moved.out) == (0, "1 moved to b2, 0 need no move, 0 red.\n")
        await versions.until(lambda: versions.on("b2", [idle]), "the idle order is on b2")
        drained = await dueline("ops", "drain", "b1", "--rate", "50", "--json")

        old = next(each for each in listed.json if each["build"] == "b1")
        assert (old["status"], old["served"], old["orders"], old["others"]) == (
            "draining",
            False,
            2,
            1,
        )
        assert {each["why"] for each in old["blockers"]} == {"no worker serves b1"}
        assert {each["cure"] for each in old["blockers"]} == {
            f"dueline ops versions move {name}" for name in (idle.handle.id, late.handle.id, case)
        }
        assert (drained.json["landed"], drained.json["left"]) == (2, [])
        await idle.walk(("entry", "confirm"))
        [cause] = await late.open_tasks("cause")
        await late.answer(cause, "CLERK_ERROR")
        await late.walk(("confirm",))
        assert await versions.on("b2", [idle, late])


async def test_a_rollback_is_one_command_and_moves_back_what_fits(
    versions: VersionedFloor, dueline: Dueline, site: Site
) -> None:
    async with versions.serving("b1"):
        await versions.make_current("b1")
        async with versions.serving("b2"):
            assert (await dueline("ops", "versions", "current", "b2")).code == 0
            [placed] = await versions.place(1)

        refused = await dueline("ops", "versions", "ramp", "b2", "25")
        back = await dueline("ops", "versions", "rollback", "--because", "labels twice", "--move")
        unserved = await dueline("ops", "versions", "ramp", "b2", "25")

        assert refused.code == 1
        assert "b2 is current already" in refused.err
        assert back.code == 0
        assert "b2 gets no new order any more; current is b1." in back.out
        assert placed.handle.id in back.out
        assert "1 moved to b1" in back.out
        assert "no worker serves b2; start one with DUELINE_BUILD=b2" in unserved.err
        await versions.until(lambda: versions.on("b1", [placed]), "the order is back on b1")
        await placed.walk(("entry", "confirm"))
    trail = await dueline("ops", "trail", "--target", "b2", "--json")
    assert [line["action"] for line in trail.json] == ["versions rollback", "versions current"]


async def test_the_code_of_another_version_moves_nothing(
    versions: VersionedFloor, dueline: Dueline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUELINE_BUILD", "b7")
    async with versions.serving("b1"):
        await versions.make_current("b1")
        [placed] = await versions.place(1)

        said = await dueline("ops", "versions", "move", placed.order_id)

        assert said.code == 1
        assert "This is the code of b7" in said.err


async def test_orders_move_to_the_current_version_when_they_hand_themselves_on(
    versions: VersionedFloor, idle_floor: Floor
) -> None:
    async with versions.serving("b1"):
        await versions.make_current("b1")
        long, nudged, left = [await idle_floor.place(events_max=60) for _ in range(3)]
        for placed in (long, nudged, left):
            await placed.at("entry")
        async with versions.serving("b2"):
            await versions.make_current("b2")

            await nudged.handle.signal(RENEW)
            await left.walk(("entry",))
            await left.at("confirm")
            await long.walk(("entry", "confirm", "review", "plan", "plan_approval"))

            await versions.until(lambda: versions.on("b2", [long, nudged]), "both are on b2")
            assert await versions.on("b1", [left])


async def test_unversioned_orders_begin_a_versioned_life_with_their_next_task(
    versions: VersionedFloor, idle_floor: Floor
) -> None:
    async with staffed(idle_floor):
        placed = await idle_floor.place()
        await placed.at("entry")
        assert (await versions.pin(placed)).build is None

    async with versions.serving("b1"):
        await versions.make_current("b1")
        await placed.walk(("entry",))
        await placed.at("confirm")

        assert await versions.on("b1", [placed])


async def test_a_worker_process_with_a_build_serves_that_version(
    versions: VersionedFloor, database_url: str, temporal: str
) -> None:
    env = os.environ | {
        "DATABASE_URL": database_url,
        "TEMPORAL_ADDRESS": temporal,
        "DUELINE_TASK_QUEUE": versions.floor.task_queue,
        "DUELINE_BUILD": "2026.11.25-1",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worker", cwd=ROOT, env=env
    )
    try:
        await versions.until(lambda: versions.known("2026.11.25-1"), "its version is known")
        await versions.make_current("2026.11.25-1")
        [placed] = await versions.place(1)
        assert await versions.on("2026.11.25-1", [placed])
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), GRACE_SECONDS)
