"""The schedules on a real engine: when they run, that they are made once, what they assess."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import Client, ScheduleActionStartWorkflow, ScheduleBackfill, ScheduleHandle
from temporalio.service import RPCError

from domain.periods import COMPANY_ZONE, Length, Period
from store import tables
from store.engine import Engine, create_engine
from worker import build_worker, connect, sandbox
from workflows.schedules import TIMETABLES, ensure_schedules

PATIENCE_SECONDS = 30.0
MONTHLY, QUARTERLY = "dueline-assessment-monthly", "dueline-assessment-quarterly"


@pytest.fixture
async def client(temporal: str) -> AsyncIterator[Client]:
    """An engine without our schedules, before and after."""
    connected = await connect(temporal, "default")
    yield connected
    for timetable in TIMETABLES:
        with contextlib.suppress(RPCError):
            await connected.get_schedule_handle(timetable.schedule_id).delete()


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    created = create_engine(database_url, pool_size=2)
    yield created
    await created.dispose()


async def kept_periods(engine: Engine, number: int) -> dict[str, Any]:
    """The kept reports by period, as soon as there are so many."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async with engine.connect() as conn:
                rows = (await conn.execute(select(tables.assessments))).mappings().all()
            if len(rows) >= number:
                return {row["period"]: dict(row) for row in rows}
            await asyncio.sleep(0.05)
    raise AssertionError(f"{number} reports are kept")


async def matching_times(
    client: Client, schedule_id: str, start: datetime, end: datetime
) -> list[datetime]:
    """When the engine would start the schedule in these months, in the company's zone."""
    request = ListScheduleMatchingTimesRequest(namespace="default", schedule_id=schedule_id)
    request.start_time.FromDatetime(start)
    request.end_time.FromDatetime(end)
    found = await client.workflow_service.list_schedule_matching_times(request)
    return [at.ToDatetime(UTC).astimezone(COMPANY_ZONE) for at in found.start_time]


@pytest.mark.parametrize(
    ("schedule_id", "length", "clock"),
    [(MONTHLY, Length.MONTH, "06:00"), (QUARTERLY, Length.QUARTER, "06:30")],
)
async def test_each_period_is_assessed_on_the_morning_after_it_over_the_years_end(
    client: Client, schedule_id: str, length: Length, clock: str
) -> None:
    await ensure_schedules(client, "schedules")

    runs = await matching_times(
        client, schedule_id, datetime(2027, 9, 15, tzinfo=UTC), datetime(2028, 4, 15, tzinfo=UTC)
    )

    period = Period.around(length, runs[0] - timedelta(days=1))
    assert {run.strftime("%d %H:%M") for run in runs} == {f"01 {clock}"}
    for run in runs:
        assert run.date() == period.to_at.date()
        period = Period.around(length, run)
    assert (runs[0].strftime("%Y-%m"), runs[-1].strftime("%Y-%m")) == ("2027-10", "2028-04")


async def test_making_the_schedules_again_changes_nothing(client: Client) -> None:
    await ensure_schedules(client, "schedules")
    handle = client.get_schedule_handle(MONTHLY)
    before = await handle.describe()

    await asyncio.gather(*(ensure_schedules(client, "schedules") for _ in range(3)))

    after = await handle.describe()
    assert after.info.last_updated_at == before.info.last_updated_at
    assert after.schedule == before.schedule


async def test_a_release_that_differs_updates_the_schedules_and_leaves_a_pause(
    client: Client,
) -> None:
    await ensure_schedules(client, "the-queue-of-before")
    handle = client.get_schedule_handle(QUARTERLY)
    await handle.pause(note="stocktaking")

    await ensure_schedules(client, "schedules")

    schedule = (await handle.describe()).schedule
    assert isinstance(schedule.action, ScheduleActionStartWorkflow)
    assert schedule.action.task_queue == "schedules"
    assert (schedule.state.paused, schedule.state.note) == (True, "stocktaking")


async def test_a_run_that_is_made_up_for_assesses_the_period_it_was_meant_for(
    client: Client, engine: Engine
) -> None:
    queue = f"assessment-{uuid4()}"
    await ensure_schedules(client, queue)

    async with build_worker(client, engine, queue, runner=sandbox()):
        for schedule_id in (MONTHLY, QUARTERLY):
            await make_up_for(client.get_schedule_handle(schedule_id), "2026-01-01T06:00+08:00")
        reports = await kept_periods(engine, 2)

    assert set(reports) == {"2025-12", "2025-Q4"}
    december = reports["2025-12"]
    assert december["from_at"].astimezone(COMPANY_ZONE) == Period.parse("2025-12").from_at
    assert december["body"]["complete"] is True


async def test_a_triggered_run_assesses_the_month_before_this_one(
    client: Client, engine: Engine
) -> None:
    queue = f"assessment-{uuid4()}"
    await ensure_schedules(client, queue)

    async with build_worker(client, engine, queue, runner=sandbox()):
        before = Period.around(Length.MONTH, datetime.now(UTC)).before
        await client.get_schedule_handle(MONTHLY).trigger()
        reports = await kept_periods(engine, 1)

    assert set(reports) == {str(before)}


async def make_up_for(handle: ScheduleHandle, first: str) -> None:
    """Runs what the schedule should have run in the hour from `first`."""
    start = datetime.fromisoformat(first) - timedelta(seconds=1)
    await handle.backfill(
        ScheduleBackfill(start_at=start, end_at=start + timedelta(hours=1)),
    )
