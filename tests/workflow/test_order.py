"""An S08 order on the real server with skipped time."""

import asyncio
import contextlib
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from temporalio.client import (
    RPCError,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError, CancelledError

from store import tables
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed
from worker import build_worker
from workflows.clerk import Clerk

EVENTS_MAX = 200


async def nothing_is_held(floor: Floor, placed: Placed) -> bool:
    reserved = sum((row["reserved"] for row in await floor.rows(tables.materials)), Decimal(0))
    held = await placed.rows(tables.reservations, state="held")
    slots = await placed.rows(tables.slots, state="held")
    tasks = await placed.rows(tables.tasks, state="open")
    windows = await placed.rows(tables.windows, state="open")
    return not (reserved or held or slots or tasks or windows)


async def finish(placed: Placed) -> dict[str, Any]:
    await placed.reached("receipt")
    await placed.wish("receipt")
    await placed.handle.result()
    return await placed.row()


async def work_in_time(placed: Placed) -> None:
    """Every step after twenty minutes, production the day after with one progress report."""
    for step in (*S08_STEPS, *S08_AFTER_RELEASE):
        tasks = await placed.at(step)
        if step == "production":
            for report in await placed.open_tasks("tracking"):
                await placed.answer(report)
        await placed.skip(timedelta(minutes=20))
        for task in tasks:
            await placed.answer(task)


async def test_an_order_in_time_ends_with_the_receipt_and_without_a_single_mark(
    floor: Floor,
) -> None:
    placed = await floor.place()

    await work_in_time(placed)
    row = await finish(placed)

    assert row["state"] == "completed"
    assert row["number"].startswith("SO-")
    assert await placed.rows(tables.timeline)
    windows = await placed.rows(tables.windows)
    assert not await floor.rows(tables.marks)
    assert {window["state"] for window in windows} == {"kept"}
    assert await nothing_is_held(floor, placed)
    assert (await placed.rows(tables.goods))[0]["shipped"] == 10


async def test_an_order_in_time_costs_at_most_two_hundred_history_events(floor: Floor) -> None:
    """Without skipping: skipping time writes two events of its own each time."""
    placed = await floor.place()

    await placed.walk((*S08_STEPS[:5],))
    await placed.at("production")
    [report] = await placed.open_tasks("tracking")
    await placed.answer(report)
    await placed.walk((*S08_STEPS[5:], *S08_AFTER_RELEASE))
    await finish(placed)

    events = await placed.events()
    print(f"an S08 order in time costs {events} history events")
    assert events <= EVENTS_MAX


async def test_an_order_of_the_general_profile_runs_to_its_end(floor: Floor) -> None:
    placed = await floor.place(profile="GEN")

    await placed.walk(("entry", "check", "confirm", "review", "plan", "production", "qc", "pack"))
    await placed.walk(("ship", "notify"))
    await placed.reached("receipt")
    await placed.skip(timedelta(days=7, minutes=1))
    await placed.handle.result()

    assert (await placed.row())["state"] == "completed"


async def test_goods_that_fail_inspection_are_reworked_and_inspected_again(floor: Floor) -> None:
    placed = await floor.place()
    await placed.walk(("entry", "confirm", "review", "plan", "plan_approval", "production"))

    await placed.do("qc", "failed")
    await placed.walk(("rework", "qc", "pack", "ship", "notify"))
    row = await finish(placed)

    assert row["state"] == "completed"
    inspections = await placed.rows(tables.inspections)
    assert sorted(inspection["passed"] for inspection in inspections) == [False, True]


async def test_a_refused_plan_gives_its_slot_back_and_keeps_its_material(floor: Floor) -> None:
    placed = await floor.place()
    await placed.walk(("entry", "confirm", "review", "plan"))

    await placed.do("plan_approval", "refused")
    await placed.at("plan")

    assert not await placed.rows(tables.slots, state="held")
    assert await placed.rows(tables.reservations, state="held")
    await placed.walk(("plan", "plan_approval", "production", "qc", "pack", "ship", "notify"))
    assert (await finish(placed))["state"] == "completed"


async def test_a_refusing_department_sends_sales_to_the_customer_and_a_decline_ends_it(
    floor: Floor,
) -> None:
    placed = await floor.place()
    await placed.walk(("entry", "confirm"))

    await placed.answer((await placed.at("review"))[0], "refused")
    await placed.do("negotiate", "declined")
    result = await placed.handle.result()

    row = await placed.row()
    assert row["state"] == "refused"
    assert result["state"] == "refused"
    assert await nothing_is_held(floor, placed)


async def test_short_material_asks_purchasing_and_goes_on_when_it_has_arrived(
    floor: Floor,
) -> None:
    lines = [{"product": "EL-A4", "quantity": 20_000, "unit_price": "9.50"}]
    placed = await floor.place(lines=lines)
    await placed.walk(("entry", "confirm", "review"))

    tasks = await placed.at("material")

    assert [task["role"] for task in tasks] == ["purchasing"]
    assert not await placed.rows(tables.reservations, state="held")
    await placed.answer(tasks[0], "arrived")
    await placed.at("plan")
    assert await placed.rows(tables.reservations, state="held")


@pytest.mark.parametrize("step", [*S08_STEPS, "ship"])
async def test_cancelling_gives_back_everything_at_every_step(floor: Floor, step: str) -> None:
    placed = await floor.place()
    await placed.walk((*S08_STEPS, "ship")[: (*S08_STEPS, "ship").index(step)])
    await placed.at(step)

    wish = await placed.wish("cancellation")
    await placed.handle.result()

    assert (await placed.settled(wish))["state"] == "applied"
    assert (await placed.row())["state"] == "cancelled"
    assert await nothing_is_held(floor, placed)


async def test_cancelling_after_dispatch_is_refused_with_the_reason(floor: Floor) -> None:
    placed = await floor.place()
    await placed.walk((*S08_STEPS, *S08_AFTER_RELEASE))
    await placed.reached("receipt")

    wish = await placed.settled(await placed.wish("cancellation"))

    assert wish["state"] == "refused"
    assert "dispatched" in wish["reason"]
    assert (await finish(placed))["state"] == "completed"


async def test_a_receipt_before_anything_was_shipped_is_refused(floor: Floor) -> None:
    placed = await floor.place()
    await placed.at("entry")

    wish = await placed.settled(await placed.wish("receipt"))

    assert wish["state"] == "refused"
    assert (await placed.row())["state"] == "open"


async def test_operations_cancelling_the_workflow_closes_the_record(floor: Floor) -> None:
    placed = await floor.place()
    await placed.walk(("entry", "confirm", "review", "plan"))
    await placed.at("plan_approval")

    await placed.handle.cancel()

    async def closed() -> bool:
        return bool((await placed.row())["state"] == "cancelled")

    await placed.until(closed, "the record closes")
    assert await nothing_is_held(floor, placed)
    with pytest.raises(WorkflowFailureError) as ended:
        await placed.handle.result()
    assert isinstance(ended.value.cause, CancelledError)


async def test_a_second_cancellation_is_refused_because_the_order_is_cancelled(
    floor: Floor,
) -> None:
    placed = await floor.place()
    await placed.at("entry")
    unheard = await placed.store_wish("cancellation")

    first = await placed.wish("cancellation")
    await placed.handle.result()

    assert (await placed.settled(first))["state"] == "applied"
    assert (await placed.settled(unheard))["reason"] == "the order is cancelled"


async def test_a_minor_change_is_applied_and_counts_the_version_up(floor: Floor) -> None:
    placed = await floor.place()
    await placed.walk(("entry", "confirm"))

    wish = await placed.settled(await placed.wish("change", {"remarks": "ring the bell"}))

    assert wish["state"] == "applied"
    row = await placed.row()
    assert row["version"] == 2
    assert row["body"]["remarks"] == "ring the bell"


async def test_a_change_of_quantity_is_recorded_and_refused_with_the_reason(floor: Floor) -> None:
    placed = await floor.place()
    lines = [{"product": "EL-A4", "quantity": 7, "unit_price": "18.50"}]

    wish = await placed.settled(await placed.wish("change", {"lines": lines}))

    assert wish["state"] == "refused"
    assert "lines" in wish["reason"]
    assert (await placed.row())["version"] == 1


async def test_a_change_against_an_old_version_is_refused(floor: Floor) -> None:
    placed = await floor.place()
    await placed.settled(await placed.wish("change", {"remarks": "first"}))

    wish = await placed.settled(await placed.wish("change", {"remarks": "second"}, version=1))

    assert wish["state"] == "refused"
    assert (await placed.row())["body"]["remarks"] == "first"


async def test_the_same_answer_twice_moves_the_order_once(floor: Floor) -> None:
    placed = await floor.place()
    [task] = await placed.at("entry")
    await placed.answer(task)

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await placed.answer(task)

    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "TaskNotOpen"


async def test_a_known_delay_asks_production_to_tell_the_customer_within_thirty_minutes(
    floor: Floor,
) -> None:
    placed = await floor.place()
    await placed.walk(("entry", "confirm", "review", "plan", "plan_approval"))
    await placed.at("production")
    [report] = await placed.open_tasks("tracking")

    await placed.answer(report, "delayed")

    async def asked() -> list[dict[str, Any]]:
        return await placed.open_tasks("delay_notice")

    [notice] = await placed.until(asked, "the delay notice is asked for")
    [window] = await placed.rows(tables.windows, rule="S08.W07")
    assert window["limit"] == "30m"
    await placed.answer(notice)
    told = await placed.until(
        lambda: placed.rows(tables.outbox, to_role="customer", kind="delay"), "customer is told"
    )
    assert len(told) == 1


async def test_an_order_goes_on_unchanged_in_a_fresh_run_when_its_history_grows_long(
    floor: Floor,
) -> None:
    placed = await floor.place(events_max=40)
    first_run = placed.handle.first_execution_run_id

    await work_in_time(placed)
    row = await finish(placed)

    described = await placed.handle.describe()
    assert described.run_id != first_run
    assert row["state"] == "completed"
    assert not await floor.rows(tables.marks)


async def test_a_bug_beside_the_main_line_parks_the_order_until_it_is_mended(
    idle_floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor = idle_floor

    async def breaks(*_: object) -> None:
        raise RuntimeError("a bug")

    async with build_worker(floor.skipper.client, floor.engine, floor.task_queue):
        placed = await floor.place()
        await placed.walk(("entry", "confirm"))
        first, second = await placed.at("review")
        monkeypatch.setattr(Clerk, "_record", breaks)
        with contextlib.suppress(RPCError, TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            async with asyncio.timeout(2):
                await placed.answer(first)
        described = await placed.handle.describe()
        monkeypatch.undo()

        for task in (first, second):
            with contextlib.suppress(WorkflowUpdateFailedError):
                await placed.answer(task)
        await placed.at("plan")

    assert described.status == WorkflowExecutionStatus.RUNNING
