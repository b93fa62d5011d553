"""Operations hold, release, skip and renew orders; nothing is lost meanwhile."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.roles import Role
from store import tables
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed
from tests.workflow.operating import hold, release, skip
from workflows.contract import ON_HOLD, RENEW


def refusal(failed: pytest.ExceptionInfo[WorkflowUpdateFailedError]) -> ApplicationError:
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    return cause


async def finish(placed: Placed, *steps: str) -> None:
    await placed.walk((*steps, *S08_AFTER_RELEASE))
    await placed.reached("receipt")
    await placed.wish("receipt")
    await placed.handle.result()


async def test_a_held_order_takes_no_answer_and_no_window_of_it_runs(floor: Floor) -> None:
    placed = await floor.place()
    await placed.walk(("entry",))
    [task] = await placed.at("confirm")
    window = await placed.window("S08.W02")

    await hold(placed)
    await placed.skip(timedelta(days=20))

    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await placed.answer(task)
    assert refusal(failed).type == ON_HOLD
    assert "the customer's bank has stopped" in str(refusal(failed))
    assert await placed.marks(window["key"]) == {}
    assert await placed.rows(tables.overdue_cases) == []


async def test_a_released_order_goes_on_with_what_remained_of_its_windows(floor: Floor) -> None:
    placed = await floor.place()
    await placed.walk(("entry",))
    await placed.at("confirm")
    before = (await placed.window("S08.W02"))["due_at"]

    await hold(placed)
    await placed.skip(timedelta(days=20))
    await release(placed)

    window = await placed.window("S08.W02")
    assert window["due_at"] - before >= timedelta(days=19)
    assert window["state"] == "open"
    await finish(placed, *S08_STEPS[1:])
    assert (await placed.row())["state"] == "completed"
    kinds = [row["kind"] for row in await placed.rows(tables.timeline)]
    assert kinds.count("order_held") == kinds.count("order_goes_on") == 1


async def test_the_promised_date_does_not_stop_for_a_hold(floor: Floor) -> None:
    placed = await floor.place()
    await placed.walk(("entry",))
    await placed.at("confirm")

    await hold(placed)

    rows = await placed.rows(tables.windows, stopped_at=None)
    assert {row["step"]: row["paused_at"] is None for row in rows} == {
        "confirm": False,
        "promise": True,
    }


async def test_an_order_on_hold_can_be_cancelled(floor: Floor) -> None:
    placed = await floor.place()
    await placed.walk(("entry",))
    await placed.at("confirm")
    await hold(placed)

    await placed.wish("cancellation")
    await placed.handle.result()

    row = await placed.row()
    assert (row["state"], row["held_at"]) == ("cancelled", None)


async def test_skipping_a_step_takes_two_keys_and_answers_for_its_role(floor: Floor) -> None:
    placed = await floor.place()
    await placed.walk(("entry",))
    await placed.at("confirm")

    assert await skip(placed, "confirm", "ops-1", Role.OPERATIONS) == "asked"
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await skip(placed, "confirm", "ops-1", Role.OPERATIONS)
    assert refusal(failed).type == "NotAllowed"
    assert await skip(placed, "confirm", "leader", Role.LEADERSHIP) == "skipped"

    await placed.at("review")
    [task] = await placed.rows(tables.tasks, step="confirm")
    assert (task["outcome"], task["decided_by"]) == ("confirmed", "ops-1, leader")
    told = [row["text"] for row in await placed.rows(tables.timeline, step="confirm")]
    assert (
        "Confirmation with the customer: confirmed (skipped by operations with four eyes)" in told
    )


async def test_a_skipped_review_counts_as_approved_at_the_release(floor: Floor) -> None:
    placed = await floor.place()
    await placed.walk(("entry", "confirm"))
    await placed.at("review")

    await skip(placed, "review", "ops-1", Role.OPERATIONS)
    await skip(placed, "review", "ops-2", Role.OPERATIONS)

    await finish(placed, *S08_STEPS[3:])
    assert (await placed.row())["state"] == "completed"


async def test_steps_that_move_goods_cannot_be_skipped(floor: Floor) -> None:
    placed = await floor.place()
    await placed.walk(S08_STEPS[:5])
    await placed.at("production")

    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await skip(placed, "production", "ops-1", Role.OPERATIONS)

    assert refusal(failed).type == "InvalidField"
    assert "records goods" in str(refusal(failed))


@pytest.mark.parametrize("held", [False, True])
async def test_a_renewed_order_goes_on_in_a_fresh_run_as_it_was(floor: Floor, held: bool) -> None:
    placed = await floor.place()
    await placed.walk(("entry",))
    await placed.at("confirm")
    before = await placed.window("S08.W02")
    first = (await placed.handle.describe()).run_id
    if held:
        await hold(placed)

    await placed.handle.signal(RENEW)

    async def renewed() -> bool:
        return bool((await placed.handle.describe()).run_id != first)

    await placed.until(renewed, "a fresh run has begun")
    if held:
        await release(placed)
    else:
        assert (await placed.window("S08.W02"))["due_at"] == before["due_at"]
    await finish(placed, *S08_STEPS[1:])
    assert (await placed.row())["state"] == "completed"


async def test_an_order_shows_since_when_it_waits_and_that_it_is_on_hold(floor: Floor) -> None:
    placed = await floor.place()
    await placed.walk(("entry",))
    await placed.at("confirm")
    await hold(placed)

    async def found() -> Any:
        attributes = (await placed.handle.describe()).search_attributes
        return "DuelineOnHold" in attributes and attributes

    attributes = await placed.until(partial(found), "the engine shows the hold")
    row = await placed.row()
    assert attributes["DuelineOnHold"] == [True]
    assert abs(attributes["DuelineStepSince"][0] - row["step_since"]) < timedelta(seconds=5)
