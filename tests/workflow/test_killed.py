"""Worker and engine get `kill -9` in the middle of everything: the order ends the same."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.client import (
    RPCError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from ops.stack.errors import StackError
from ops.stack.preflight import free_port
from ops.stack.temporal import EmbeddedTemporal
from store import tables
from tests.workflow.conftest import staffed
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed
from worker import build_worker, connect
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
    "open_case",
    "open_part",
    "close_order",
}
ANSWER_SECONDS = 5.0
LATE_KINDS = {"record_marks", "open_case", "open_part"}
"""What happens only to an order that is late."""
STARTS_MAX = 10
PATIENCE_SECONDS = 400.0


@contextlib.asynccontextmanager
async def immortal(arguments: list[str]) -> AsyncIterator[None]:
    """Runs mortal workers one after the other, as a supervisor does."""

    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.workflow.mortal_worker", *arguments, cwd=ROOT
    )
    try:
        yield
        assert supervisor.returncode is None, "the supervisor itself has died"
    finally:
        if supervisor.returncode is None:
            supervisor.kill()
        await supervisor.wait()


async def insist(
    placed: Placed, task: dict[str, Any], outcome: str | None = None, **data: str
) -> None:
    """Answers until the answer is taken, or is known to have been taken."""
    while True:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await placed.answer(task, outcome, **data)
            return
        except WorkflowUpdateFailedError:
            return  # an earlier attempt was taken while its answer was lost
        except (TimeoutError, RPCError, WorkflowUpdateRPCTimeoutOrCancelledError):
            await asyncio.sleep(0.2)


async def report_progress(placed: Placed) -> None:
    """Posts the day's update and waits until tomorrow's is asked for.

    Leaving production first would rightly ask for none, and the stories could not be compared.
    """
    for report in await placed.open_tasks("tracking"):
        await insist(placed, report)
        tomorrow = f"{placed.order_id}/tracking/{report['visit'] + 1}"
        await placed.until(
            partial(placed.rows, tables.windows, key=tomorrow),
            "tomorrow's update is asked for",
        )


async def work_through(placed: Placed) -> None:
    """All steps, one warning on the way, and the receipt."""
    for step in (*S08_STEPS, *S08_AFTER_RELEASE):
        tasks = await placed.at(step)
        if step == "confirm":
            # Who has to analyse hears of the next rung, so the case has to be there by then.
            await placed.skip_to((await placed.window("S08.W02"))["due_at"] + timedelta(minutes=1))
            await placed.until(partial(placed.open_tasks, "cause"), "the case asks for the cause")
            await placed.skip(timedelta(days=10))
            # The case hears of both rungs before the step is left, or it would ask for less.
            for part in ("analysis", "decision"):
                await placed.until(partial(placed.open_tasks, part), f"the case asks for {part}")
        if step == "production":
            await report_progress(placed)
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


async def test_a_worker_killed_in_each_activity_changes_nothing(
    idle_floor: Floor, database_url: str, temporal: str, tmp_path: Path
) -> None:
    async with staffed(idle_floor):
        undisturbed = await idle_floor.place()
        await work_through(undisturbed)

    async def live(mode: str) -> None:
        floor, died = replace(idle_floor, task_queue=f"mortal-{uuid4()}"), tmp_path / mode
        died.mkdir()
        async with immortal([database_url, temporal, floor.task_queue, str(died), mode]):
            killed = await floor.place()
            await work_through(killed)

        assert set(os.listdir(died)) >= KINDS, mode
        assert (await killed.row())["state"] == "completed", mode
        assert await story(killed) == await story(undisturbed), mode
        assert await belongings(killed) == await belongings(undisturbed), mode

    # Side by side: they mostly wait for those who have died.
    async with asyncio.TaskGroup() as group:
        group.create_task(live("before_commit"))
        group.create_task(live("after_commit"))


class EngineKiller(Interceptor):
    """Kills the engine when an activity has committed and not reported yet, once a kind."""

    def __init__(self, engine: "KillableEngine") -> None:
        self._engine = engine

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        engine = self._engine

        class Inbound(ActivityInboundInterceptor):
            async def execute_activity(self, input: ExecuteActivityInput) -> Any:
                result = await super().execute_activity(input)
                engine.die_once_in(activity.info().activity_type)
                return result

        return Inbound(next)


class KillableEngine:
    """A Temporal server with its data on disk, started again whenever it dies."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self.server = self._new()
        self.died_in: set[str] = set()

    def _new(self) -> EmbeddedTemporal:
        return EmbeddedTemporal(
            port=self._port,
            ui_port=None,
            directory=self._directory,
            search_attributes=SEARCH_ATTRIBUTES,
            retention_days=1,
        )

    def die_once_in(self, kind: str) -> None:
        """Kills the server unless an activity of this kind did before."""
        if kind not in self.died_in and self.server.child is not None:
            self.died_in.add(kind)
            os.kill(self.server.child.pid, signal.SIGKILL)

    async def supervise(self) -> None:
        """Starts it again, for ever."""
        while True:
            await self.server.wait()
            for _ in range(STARTS_MAX):
                self.server = self._new()
                try:
                    await self.server.start()
                    break
                except StackError:
                    await asyncio.sleep(1)  # a busy machine frees a port or a file late


async def until_answered(call: Callable[[], Awaitable[Any]]) -> None:
    """Repeats a call while the engine is away."""
    while True:
        try:
            await call()
            return
        except RPCError:
            await asyncio.sleep(0.2)


async def test_an_engine_killed_in_each_activity_changes_nothing(
    idle_floor: Floor, servers_dir: Path
) -> None:
    async with staffed(idle_floor):
        undisturbed = await idle_floor.place()
        await work_in_time(undisturbed)
    killable = KillableEngine(servers_dir / f"killed-{uuid4().hex[:8]}")
    await killable.server.start()
    supervisor = asyncio.create_task(killable.supervise())
    try:
        client = await connect(killable.server.address, "default")
        floor = Floor(idle_floor.engine, client, f"floor-{uuid4()}")
        killers = [EngineKiller(killable)]
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            build_worker(client, floor.engine, floor.task_queue, interceptors=killers),
        ):
            killed = await floor.place()
            await work_in_time(killed)
    finally:
        supervisor.cancel()
        await asyncio.gather(supervisor, return_exceptions=True)
        await killable.server.stop()

    assert killable.died_in >= KINDS - LATE_KINDS
    assert (await killed.row())["state"] == "completed"
    assert await story(killed) == await story(undisturbed)
    assert await belongings(killed) == await belongings(undisturbed)


async def work_in_time(placed: Placed) -> None:
    """All steps and the receipt, whoever dies meanwhile."""
    for step in (*S08_STEPS, *S08_AFTER_RELEASE):
        tasks = await placed.at(step)
        if step == "production":
            await report_progress(placed)
        for task in tasks:
            await insist(placed, task)
    await placed.reached("receipt")
    receipt = await placed.store_wish("receipt")
    await until_answered(lambda: placed.signal("receipt", receipt))
    await until_answered(placed.handle.result)
