"""A calendar's new version on the real engine: every open window moves, and none is forgotten."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import update
from temporalio.client import WorkflowHandle

from domain.calendars import CalendarException, CalendarSpec
from domain.windows import LedgerKind
from policy.calendar_building import digest_of
from policy.calendars import shipped
from store import tables
from store.calendars import publish, publish_first
from tests.workflow.floor import Floor, Placed
from tests.workflow.policies import changed, window
from workflows.contract import CalendarPublished, PublicationResult
from workflows.publishing import start_publication

CONFIRM = "TST.confirm"
ENTRY = "TST.entry"
A_DAY = changed(entry={"window": window(ENTRY, "1wd")}, confirm={"window": window(CONFIRM, "3h")})
ORDERS = 25
"""Each with a window of its step and one of its promise: fifty."""
VERSIONS = count(2)
"""The engine is shared with other tests, and tells of each version once."""


def closed_around(at: datetime) -> CalendarSpec:
    """`cn` closed from the day before `at` to five days after it."""
    day, spec = at.date(), shipped("cn")
    flood = CalendarException.model_validate(
        {"from": day - timedelta(days=1), "to": day + timedelta(days=5), "reason": "Flood"}
    )
    return spec.model_copy(update={"exceptions": (flood,)})


async def published(floor: Floor, spec: CalendarSpec) -> WorkflowHandle[Any, Any]:
    """Stores a version and starts telling the windows, as the API does."""
    first, version = shipped("cn"), next(VERSIONS)
    async with floor.engine.begin() as conn:
        await publish_first(conn, first, digest=digest_of(first), by="platform")
        await publish(conn, spec, version, digest=digest_of(spec), by="key-of-operations")
    told = CalendarPublished(calendar="cn", version=version)
    return await start_publication(floor.skipper.client, floor.task_queue, told)


async def result_of(floor: Floor, handle: WorkflowHandle[Any, Any]) -> PublicationResult:
    """How the publication ended, with its pauses skipped."""
    await floor.skipper.fast_forward(handle, timedelta(days=2))
    return PublicationResult.model_validate(await handle.result())


async def test_every_open_window_is_counted_anew_and_its_ledger_says_from_when_to_when(
    floor: Floor,
) -> None:
    orders = [await floor.place(policy=A_DAY) for _ in range(ORDERS)]
    before = [await placed.window(ENTRY) for placed in orders]

    handle = await published(floor, closed_around(before[0]["due_at"]))
    result = await result_of(floor, handle)

    running = [row for placed in orders for row in await placed.rows(tables.windows)]
    assert result == PublicationResult(label=result.label, moved=len(running), left_count=0)
    for placed, row in zip(orders, before, strict=True):
        moved = await placed.window(ENTRY)
        assert (row["calendar"], moved["calendar"]) == ("cn@1", result.label)
        assert moved["due_at"] > row["due_at"] + timedelta(days=2)
        lines = await placed.ledger(LedgerKind.RECALCULATED)
        (line,) = (line for line in lines if line["window"] == row["key"])
        assert (line["due_before"], line["due_after"]) == (row["due_at"], moved["due_at"])


async def test_windows_that_open_later_count_on_the_new_version_at_once(floor: Floor) -> None:
    placed = await floor.place(policy=A_DAY)
    before = await placed.window(ENTRY)
    result = await result_of(floor, await published(floor, closed_around(before["due_at"])))

    await placed.walk(("entry",))

    assert (await placed.window(CONFIRM))["calendar"] == result.label


async def test_a_window_that_was_being_opened_meanwhile_is_found_in_the_next_round(
    floor: Floor,
) -> None:
    placed = await floor.place(policy=A_DAY)
    before = await placed.window(ENTRY)
    await set_stopped(placed, before["started_at"])  # not to be seen yet

    handle = await published(floor, closed_around(before["due_at"]))
    await placed.until(lambda: rounds(handle), "the first round is over")
    await set_stopped(placed, None)
    result = await result_of(floor, handle)

    assert result.left_count == 0
    assert (await placed.window(ENTRY))["calendar"] == result.label


async def test_a_window_whose_workflow_is_gone_is_named_in_the_end(floor: Floor) -> None:
    placed = await floor.place(policy=A_DAY)
    before = await placed.window(ENTRY)
    await placed.handle.terminate("by hand")

    result = await result_of(floor, await published(floor, closed_around(before["due_at"])))

    left = sorted(row["key"] for row in await placed.rows(tables.windows))
    assert before["key"] in left
    assert (result.moved, result.left_count, result.left) == (0, len(left), tuple(left))


async def test_publishing_again_starts_nothing_twice(floor: Floor) -> None:
    first = await published(floor, shipped("cn").model_copy(update={"title": "Another"}))
    result = await result_of(floor, first)

    version = int(result.label.partition("@")[2])
    told = CalendarPublished(calendar="cn", version=version)
    again = await start_publication(floor.skipper.client, floor.task_queue, told)

    assert again.id == first.id == f"calendar-cn-v{version}"
    assert (await again.describe()).run_id == (await first.describe()).run_id


async def rounds(handle: WorkflowHandle[Any, Any]) -> int:
    """How often the publication has told everybody."""
    events = (await handle.fetch_history()).events
    return sum(event.HasField("activity_task_completed_event_attributes") for event in events)


async def set_stopped(placed: Placed, at: datetime | None) -> None:
    """Hides an order's windows from the publication, or shows them again."""
    async with placed.floor.engine.begin() as conn:
        of_order = tables.windows.c.order_id == placed.order_id
        await conn.execute(update(tables.windows).where(of_order).values(stopped_at=at))
