"""Worker and engine get `kill -9` in the middle of everything: the order ends the same."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import (
    RPCError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)

from ops.seed import load_master_data
from ops.stack.preflight import free_port
from ops.stack.temporal import EmbeddedTemporal
from store import tables
from store.engine import create_engine
from tests.workflow.conftest import EXAMPLES, staffed
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed
from worker import connect
from workflows.search import SEARCH_ATTRIBUTES

ROOT = Path(__file__).parents[2]
KINDS = {
    "open_step",
    "prepare_review",
    "record_decision",
    "check_material",
    "book_slot",
    "record_progress",
    "record_production",
    "record_inspection",
    "record_packing",
    "release_shipping",
    "record_dispatch",
    "record_marks",
    "close_order",
}
ANSWER_SECONDS = 5.0


@contextlib.asynccontextmanager
async def immortal(arguments: list[str]) -> AsyncIterator[None]:
    """Runs mortal workers one after the other, as a supervisor does."""

    async def supervise() -> None:
        while True:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.workflow.mortal_worker", *arguments, cwd=ROOT
            )
            try:
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    supervisor = asyncio.create_task(supervise())
    try:
        yield
    finally:
        supervisor.cancel()
        await asyncio.gather(supervisor, return_exceptions=True)


async def insist(placed: Placed, task: dict[str, Any]) -> None:
    """Answers until the answer is taken, or is known to have been taken."""
    while True:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await placed.answer(task)
            return
        except WorkflowUpdateFailedError:
            return  # an earlier attempt was taken while its answer was lost
        except (TimeoutError, RPCError, WorkflowUpdateRPCTimeoutOrCancelledError):
            await asyncio.sleep(0.2)


async def work_through(placed: Placed) -> None:
    """All steps, one warning on the way, and the receipt."""
    for step in (*S08_STEPS, *S08_AFTER_RELEASE):
        tasks = await placed.at(step)
        if step == "confirm":
            await placed.skip(timedelta(days=10))
            await placed.until(
                lambda: placed.rows(tables.overdue_cases), "the breach has opened a case"
            )
        if step == "production":
            for report in await placed.open_tasks("tracking"):
                await insist(placed, report)
        for task in tasks:
            await insist(placed, task)
    await placed.reached("receipt")
    await placed.wish("receipt")
    await placed.handle.result()


async def story(placed: Placed) -> Counter[tuple[str, str | None]]:
    """What the timeline tells, how often, without the instants."""
    return Counter((row["kind"], row["step"]) for row in await placed.rows(tables.timeline))


async def belongings(placed: Placed) -> dict[str, list[Any]]:
    """What the order took and left."""
    reserved = await placed.rows(tables.reservations)
    goods = await placed.rows(tables.goods)
    moves = await placed.rows(tables.stock_moves)
    notices = [row["key"].replace(placed.order_id, "-") for row in await placed.rows(tables.outbox)]
    return {
        "reserved": sorted((row["material"], row["quantity"], row["state"]) for row in reserved),
        "goods": [(row["product"], row["made"], row["packed"], row["shipped"]) for row in goods],
        "moves": sorted((row["material"], row["on_hand_change"]) for row in moves),
        "inspections": [row["passed"] for row in await placed.rows(tables.inspections)],
        "slots": [(row["line"], row["state"]) for row in await placed.rows(tables.slots)],
        "notices": sorted(notices),
    }


@pytest.mark.parametrize("mode", ["before_commit", "after_commit"])
async def test_a_worker_killed_in_each_activity_changes_nothing(
    idle_floor: Floor, database_url: str, temporal: str, tmp_path: Path, mode: str
) -> None:
    floor = idle_floor
    async with staffed(floor):
        undisturbed = await floor.place()
        await work_through(undisturbed)

    floor.task_queue = f"mortal-{uuid4()}"
    arguments = [database_url, temporal, floor.task_queue, str(tmp_path), mode]
    async with immortal(arguments):
        killed = await floor.place()
        await work_through(killed)

    assert set(os.listdir(tmp_path)) >= KINDS
    assert (await killed.row())["state"] == "completed"
    assert await story(killed) == await story(undisturbed)
    assert await belongings(killed) == await belongings(undisturbed)


async def test_an_engine_killed_between_the_steps_loses_nothing(
    database_url: str, servers_dir: Path
) -> None:
    await load_master_data(database_url, EXAMPLES / "master")
    engine, port = create_engine(database_url), free_port()
    directory = servers_dir / f"killed-{uuid4().hex[:8]}"

    def server() -> EmbeddedTemporal:
        return EmbeddedTemporal(
            port=port,
            ui_port=None,
            directory=directory,
            search_attributes=SEARCH_ATTRIBUTES,
            retention_days=1,
        )

    temporal = server()
    await temporal.start()
    try:
        client = await connect(temporal.address, "default")
        floor = Floor(engine, client, f"floor-{uuid4()}")
        async with staffed(floor):
            placed = await floor.place()
            for step in (*S08_STEPS, *S08_AFTER_RELEASE):
                tasks = await placed.at(step)
                if step in {"review", "production", "ship"}:
                    assert temporal.child is not None
                    os.kill(temporal.child.pid, signal.SIGKILL)
                    await temporal.wait()
                    temporal = server()
                    await temporal.start()
                for task in tasks:
                    await insist(placed, task)
            await placed.reached("receipt")
            await placed.wish("receipt")
            await placed.handle.result()
        assert (await placed.row())["state"] == "completed"
        assert (await placed.rows(tables.goods))[0]["shipped"] == 10
    finally:
        await temporal.stop()
        await engine.dispose()
