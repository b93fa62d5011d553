"""What the Web UI shows of a running order explains itself, and names no person."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle

from activities.models import CalendarPublished
from domain.periods import Length
from store import tables
from tests.histories.test_summaries import TEACHING, silent, summaries
from tests.workflow.floor import (
    PATIENCE_SECONDS,
    S08_AFTER_RELEASE,
    S08_STEPS,
    Floor,
    Placed,
)
from workflows.assessment import ASSESSMENT_WORKFLOW, AssessmentStart
from workflows.contract import COMPLETE_TASK, HOLD_ORDER, RENEW, STANDING, STEP_LEFT
from workflows.publishing import start_publication

METADATA = "__temporal_workflow_metadata"
SDK_OWN = "__"
TOLD_AND_WAITS = 2
PERSONAL = ("Wang Fang", "555-0100", "Example Rd", "Dock 1")


async def described(handle: WorkflowHandle[Any, Any]) -> dict[str, str]:
    """What each message of a workflow says that it is for."""
    metadata: WorkflowMetadata = await handle.query(METADATA, result_type=WorkflowMetadata)
    known = metadata.definition
    messages = (
        *known.query_definitions,
        *known.signal_definitions,
        *known.update_definitions,
    )
    return {one.name: one.description for one in messages if not one.name.startswith(SDK_OWN)}


async def late_at_confirm(floor: Floor) -> tuple[Placed, WorkflowHandle[Any, Any]]:
    """An order whose confirmation is overdue, and the case of it."""
    placed = await floor.place()
    await placed.do("entry")
    await placed.at("confirm")
    window = await placed.window("S08.W02")
    await placed.skip(window["due_at"] - placed.now + timedelta(minutes=1))

    async def opened() -> list[dict[str, Any]]:
        return await placed.rows(tables.tasks, step="cause", state="open")

    [task] = await placed.until(opened, "the case asks for the cause")
    return placed, floor.client.get_workflow_handle(task["workflow_id"])


async def test_every_message_of_orders_and_cases_says_what_it_is_for(floor: Floor) -> None:
    placed, case = await late_at_confirm(floor)

    of_order, of_case = await described(placed.handle), await described(case)

    assert {HOLD_ORDER, RENEW, STANDING, COMPLETE_TASK} <= of_order.keys()
    assert {STEP_LEFT, STANDING, COMPLETE_TASK} <= of_case.keys()
    everything = (*of_order.items(), *of_case.items())
    assert [name for name, words in everything if not words] == []


async def test_everything_that_an_order_and_its_case_do_has_a_summary_without_a_name(
    floor: Floor,
) -> None:
    placed, case = await late_at_confirm(floor)
    await placed.walk((*S08_STEPS[1:], *S08_AFTER_RELEASE))
    await placed.reached("receipt")
    await placed.wish("receipt")
    await placed.handle.result()

    histories = [await placed.handle.fetch_history(), await case.fetch_history()]

    for history in histories:
        assert not silent(history), TEACHING.format(events=silent(history))
        told = " ".join(summaries(history))
        assert [name for name in PERSONAL if name in told] == []


async def test_a_publication_and_an_assessment_say_what_they_do(floor: Floor) -> None:
    published = CalendarPublished(calendar=f"seen-{uuid4().hex[:8]}", version=1)
    publication = await start_publication(floor.client, floor.task_queue, published)
    assessment = await floor.client.start_workflow(
        ASSESSMENT_WORKFLOW,
        AssessmentStart(length=Length.MONTH),
        id=f"assessment-{floor.task_queue}",
        task_queue=floor.task_queue,
    )
    await assessment.result()

    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if len(summaries(await publication.fetch_history())) >= TOLD_AND_WAITS:
                break
            await asyncio.sleep(0.05)
    for handle in (publication, assessment):
        history = await handle.fetch_history()
        assert not silent(history), TEACHING.format(events=silent(history))
    await publication.terminate()
