"""What this machine does in a second: whole orders, scans of open orders, moved windows."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import uuid4

from domain.windows import LedgerKind
from policy.calendars import digest_of, shipped
from store import tables
from store.calendars import publish, publish_first
from tests.bench.__main__ import one_order
from tests.bench.finished import Finished
from tests.scale import gauges
from tests.scale.histories import activity_seconds
from tests.scale.kinds import in_time
from tests.scale.records import Rates
from tests.workflow.floor import Floor
from tests.workflow.storm import count_rows, until
from tests.workflow.test_publication import closed_around
from worker import build_worker
from workflows.contract import CalendarPublished
from workflows.publishing import start_publication

ORDERS = 40
AT_ONCE = 10
SCANNED = 200
SCANS_AT_ONCE = 16
VERSION = 2

__all__ = ["Rates", "quiet_activity_seconds", "scans", "whole_orders", "windows_moved"]


async def quiet_activity_seconds(floor: Floor) -> float:
    """How long an activity takes while nothing else runs."""
    return round(await activity_seconds(await in_time(floor)), 4)


async def whole_orders(floor: Floor) -> tuple[float, dict[str, float]]:
    """S08 orders a second, and the processor seconds of one; driven as `make bench` drives."""
    finished = Finished()
    quick = Floor(floor.engine, floor.client, f"quick-{uuid4()}")
    async with build_worker(
        floor.client, floor.engine, quick.task_queue, interceptors=[finished]
    ):
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


async def windows_moved(floor: Floor) -> float:
    """Open windows that a new version of the calendar moves in a second."""
    first, spec = shipped("cn"), closed_around(datetime.now(UTC))
    running = len(
        [row for row in await floor.rows(tables.windows, calendar="cn@1") if not row["stopped_at"]]
    )
    async with floor.engine.begin() as conn:
        await publish_first(conn, first, digest=digest_of(first), by="platform")
        await publish(conn, spec, VERSION, digest=digest_of(spec), by="bench")
    began = time.perf_counter()
    told = CalendarPublished(calendar="cn", version=VERSION)
    await start_publication(floor.client, floor.task_queue, told)
    moved = count_rows(
        tables.window_ledger, tables.window_ledger.c.kind == LedgerKind.RECALCULATED.value
    )
    await until(floor, moved, running)
    return round(running / (time.perf_counter() - began), 1)


async def _at_once(job: Callable[[], Awaitable[object]], count: int, at_once: int) -> None:
    gate = asyncio.Semaphore(at_once)

    async def gated() -> None:
        async with gate:
            await job()

    await asyncio.gather(*(gated() for _ in range(count)))
