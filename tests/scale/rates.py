"""What this machine does in a second: whole orders, scans of open orders, moved windows."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from domain.windows import LedgerKind
from policy.calendar_building import digest_of
from policy.calendars import shipped
from store import tables
from store.calendars import publish, publish_first
from tests.bench.__main__ import one_order
from tests.bench.finished import Finished
from tests.scale import gauges
from tests.scale.histories import activity_seconds, first_activity_seconds
from tests.scale.kinds import in_time
from tests.workflow.floor import Floor
from tests.workflow.storm import count_rows, until
from tests.workflow.test_publication import closed_around
from worker import WORKFLOWS, build_worker
from workflows.contract import CalendarPublished
from workflows.publishing import start_publication

ORDERS = 40
AT_ONCE = 10
SCANNED = 200
SCANS_AT_ONCE = 16
REPLAYS = 3
RECORDED = Path(__file__).parents[1] / "histories" / "recorded"
VERSION = 2
WINDOWS_EACH = 2
"""Of an order that waits for its first answer: its step's and its promise's."""


async def quiet_activity_seconds(floor: Floor) -> float:
    """How long an activity takes while nothing else runs."""
    return round(await activity_seconds(await in_time(floor)), 4)


async def whole_orders(floor: Floor) -> tuple[float, dict[str, float]]:
    """S08 orders a second, and the processor seconds of one; driven as `make bench` drives."""
    finished = Finished()
    quick = Floor(floor.engine, floor.client, f"quick-{uuid4()}")
    async with build_worker(floor.client, floor.engine, quick.task_queue, interceptors=[finished]):
        await one_order(quick, finished)
        before, began = gauges.processor_seconds(), time.perf_counter()
        await _at_once(lambda: one_order(quick, finished), ORDERS, AT_ONCE)
        took, after = time.perf_counter() - began, gauges.processor_seconds()
    return round(ORDERS / took, 2), gauges.each(after, before, ORDERS)


async def scans(floor: Floor) -> tuple[float, float]:
    """Open orders described a second, and open orders listed a second."""
    began = time.perf_counter()
    found = [one.id async for one in floor.client.list_workflows("ExecutionStatus = 'Running'")]
    listed = len(found) / (time.perf_counter() - began)
    handles = [floor.client.get_workflow_handle(one) for one in found[:SCANNED]]
    waiting = iter(handles)
    began = time.perf_counter()
    await _at_once(lambda: next(waiting).describe(), len(handles), SCANS_AT_ONCE)
    return round(len(handles) / (time.perf_counter() - began)), round(listed)


async def replayed_events() -> float:
    """Events that a worker without memory replays in a second of processor time."""
    histories = [
        WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))
        for path in sorted(RECORDED.glob("*.json"))
    ]
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=pydantic_data_converter,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    await replayer.replay_workflow(histories[0])  # imports what is imported once
    began = time.process_time()
    await replayer.replay_workflows(_stream(histories * REPLAYS))
    took = time.process_time() - began
    return round(REPLAYS * sum(len(history.events) for history in histories) / took)


async def _stream(histories: list[WorkflowHistory]) -> AsyncIterator[WorkflowHistory]:
    for history in histories:
        yield history


async def windows_moved(floor: Floor) -> tuple[float, float]:
    """Open windows that a new version of the calendar moves in a second, and workflows told."""
    first, spec = shipped("cn"), closed_around(datetime.now(UTC))
    running = len(
        [row for row in await floor.rows(tables.windows, calendar="cn@1") if not row["stopped_at"]]
    )
    async with floor.engine.begin() as conn:
        await publish_first(conn, first, digest=digest_of(first), by="platform")
        await publish(conn, spec, VERSION, digest=digest_of(spec), by="bench")
    began = time.perf_counter()
    told = CalendarPublished(calendar="cn", version=VERSION)
    handle = await start_publication(floor.client, floor.task_queue, told)
    moved = count_rows(
        tables.window_ledger, tables.window_ledger.c.kind == LedgerKind.RECALCULATED.value
    )
    await until(floor, moved, running)
    took = time.perf_counter() - began
    telling = await first_activity_seconds(handle)
    return round(running / took, 1), round(running / WINDOWS_EACH / telling)


async def _at_once(job: Callable[[], Awaitable[object]], count: int, at_once: int) -> None:
    gate = asyncio.Semaphore(at_once)

    async def gated() -> None:
        async with gate:
            await job()

    await asyncio.gather(*(gated() for _ in range(count)))
