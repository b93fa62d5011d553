"""Overdue cases on the real engine: every part asked for once, answered, and closed."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.case_models import CasePart
from activities.models import (
    CALENDAR_PUBLISHED,
    CalendarPublished,
    CaseEscalation,
    CaseStart,
    case_workflow_id,
)
from domain.roles import Role
from domain.windows import DueWindow, Mark
from policy.calendar_building import digest_of
from policy.calendars import shipped
from store import tables
from store.calendars import publish
from tests.workflow.floor import Floor, Placed
from tests.workflow.policies import changed
from workflows.contract import ESCALATED, CaseEscalated
from workflows.starting import escalate_case, start_case

MINUTE = timedelta(minutes=1)
TOLD_WHEN_REMEDY_FAILED = changed().model_copy(update={"customer_notice": "after_remedy_failed"})


def in_days(placed: Placed, days: int) -> str:
    """A date so many days ahead, as an answer writes it."""
    return (placed.now + timedelta(days=days)).date().isoformat()


async def confirming(floor: Floor, **changes: Any) -> tuple[Placed, DueWindow]:
    """An order that waits for the confirmation, and that step's window."""
    placed = await floor.place(**changes)
    await placed.walk(("entry",))
    await placed.at("confirm")
    [row] = await placed.rows(tables.windows, step="confirm")
    return placed, DueWindow.model_validate(row["body"])


async def climbed(placed: Placed, window: DueWindow, mark: Mark) -> None:
    """Lets time pass until the window has reached this rung."""
    [fallen] = [found.at for found in window.marks if found.mark is mark]
    await placed.skip_to(fallen + MINUTE)

    async def recorded() -> list[dict[str, Any]]:
        return await placed.floor.rows(tables.marks, window=window.key, mark=mark.value)

    await placed.until(recorded, f"{mark} of {window.key} is recorded")


async def asked(placed: Placed, part: CasePart) -> dict[str, Any]:
    """Waits until the order's one case asks for this part."""
    [task] = await placed.until(lambda: placed.open_tasks(part), f"the case asks for the {part}")
    return dict(task)


async def analysed(placed: Placed, **data: str) -> None:
    """Answers the analysis; the measure is for planning in thirty days."""
    task = await asked(placed, CasePart.ANALYSIS)
    answer = {
        "analysis": "the form lay in another tray",
        "measure": "one tray for all",
        "owner": "planning",
        "until": in_days(placed, 30),
    }
    await placed.answer(task, "analysed", **(answer | data))


async def closed(placed: Placed) -> dict[str, Any]:
    """Waits until the order's one case is closed."""

    async def rows() -> list[dict[str, Any]]:
        return await placed.rows(tables.overdue_cases, state="closed")

    [row] = await placed.until(rows, "the case is closed")
    return dict(row)


async def parts_asked(placed: Placed) -> list[str]:
    """Which parts were ever asked for, in order."""
    rows = await placed.rows(tables.tasks)
    of_cases = [row for row in rows if row["workflow_id"].startswith("case-")]
    return [row["step"] for row in sorted(of_cases, key=lambda row: row["opened_at"])]


def case_of(floor: Floor, window: DueWindow) -> WorkflowHandle[Any, Any]:
    """The case's workflow."""
    return floor.client.get_workflow_handle(case_workflow_id(window.key))


async def signals(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """The names of the signals that a workflow has heard."""
    events = (await handle.fetch_history()).events
    heard = (event.workflow_execution_signaled_event_attributes for event in events)
    return [one.signal_name for one in heard if one.signal_name]


async def test_a_window_late_up_to_the_leadership_is_analysed_mended_decided_and_closed(
    floor: Floor,
) -> None:
    placed, window = await confirming(floor)
    [confirm] = await placed.open_tasks("confirm")
    await climbed(placed, window, Mark.LEADERSHIP)
    new_date = in_days(placed, 100)

    await placed.answer(await asked(placed, CasePart.CAUSE), "CLERK_ERROR")
    await analysed(placed)
    decision = await asked(placed, CasePart.DECISION)
    await placed.answer(decision, "new_date", promised_at=new_date)
    measure = await asked(placed, CasePart.MEASURE)
    await placed.answer(measure, "done")
    await placed.answer(confirm)
    closing = await asked(placed, CasePart.CLOSING)
    await placed.answer(closing, "closed", responsible="sales")

    row = await closed(placed)
    assert (decision["role"], measure["role"]) == ("leadership", "planning")
    assert measure["due_at"] == row["measure_until"]
    assert row["cause"] == "CLERK_ERROR"
    assert row["analysis"] == "the form lay in another tray"
    assert (row["measure"], row["measure_owner"]) == ("one tray for all", "planning")
    assert (row["measure_outcome"], row["decision"]) == ("done", "new_date")
    assert row["responsible"] == "sales"
    assert "promise_moved" in await signals(placed.handle)

    async def promised_anew() -> bool:
        return bool((await placed.row())["promised_at"] == row["new_date"])

    await placed.until(promised_anew, "the order has the new date")


async def test_an_analysis_is_not_asked_for_once_the_step_is_left(floor: Floor) -> None:
    placed, window = await confirming(floor)
    [confirm] = await placed.open_tasks("confirm")
    await climbed(placed, window, Mark.BREACH)
    cause = await asked(placed, CasePart.CAUSE)
    await placed.answer(confirm)
    case = case_of(floor, window)

    async def told() -> bool:
        return "step_left" in await signals(case)

    await placed.until(told, "the case knows that the step is left")
    for mark in (Mark.ANALYSIS, Mark.LEADERSHIP):
        await case.signal(ESCALATED, CaseEscalated(mark=mark, at=placed.now))

    await placed.answer(cause, "APPROVAL_SLOW")
    await placed.answer(await asked(placed, CasePart.CLOSING), "closed", responsible="sales")
    await case.result()

    assert await parts_asked(placed) == ["cause", "closing"]


async def test_a_failed_measure_brings_the_decision_once_and_the_customer_hears(
    floor: Floor,
) -> None:
    placed, window = await confirming(floor, policy=TOLD_WHEN_REMEDY_FAILED)
    await climbed(placed, window, Mark.ANALYSIS)
    await analysed(placed, owner="production")
    await placed.answer(await asked(placed, CasePart.MEASURE), "failed")
    decision = await asked(placed, CasePart.DECISION)

    case = case_of(floor, window)
    for _ in range(2):
        await case.signal(ESCALATED, CaseEscalated(mark=Mark.LEADERSHIP, at=placed.now))
    await placed.answer(decision, "outsource")
    await placed.answer(await asked(placed, CasePart.CAUSE), "CAPACITY")
    [confirm] = await placed.open_tasks("confirm")
    await placed.answer(confirm)
    await placed.answer(await asked(placed, CasePart.CLOSING), "closed", responsible="sales")
    row = await closed(placed)

    assert sorted(await parts_asked(placed)) == [
        "analysis",
        "cause",
        "closing",
        "decision",
        "measure",
    ]
    assert (row["measure_outcome"], row["decision"]) == ("failed", "outsource")
    told = await placed.rows(tables.outbox, to_role=Role.CUSTOMER.value, kind="delay")
    assert len(told) == 1
    assert told[0]["text_zh"]


async def test_a_case_outlives_its_order_and_those_who_settle_it_are_told(floor: Floor) -> None:
    placed, window = await confirming(floor)
    await climbed(placed, window, Mark.ANALYSIS)
    await asked(placed, CasePart.CAUSE)
    await placed.wish("cancellation")
    await placed.handle.result()

    await placed.answer(await asked(placed, CasePart.CAUSE), "CUSTOMER_CHANGE")
    await analysed(placed)
    await placed.answer(await asked(placed, CasePart.MEASURE), "done")
    await placed.answer(await asked(placed, CasePart.CLOSING), "closed", responsible="sales")

    assert (await closed(placed))["responsible"] == "customer"
    [line] = await placed.rows(tables.timeline, kind="case_closing")
    assert "1 overdue case" in line["text"]
    told = await placed.rows(tables.outbox, kind="case_closing")
    assert sorted(row["to_role"] for row in told) == ["control", "quality"]


async def test_a_rung_that_comes_before_its_case_starts_the_case_and_is_heard_once(
    floor: Floor,
) -> None:
    placed, window = await confirming(floor)
    case = CaseStart(
        order_id=placed.order_id,
        case_id=case_workflow_id(window.key),
        customer="C-0001",
        profile="S08",
        window=window,
        opened_at=placed.now,
    )
    climb = CaseEscalation(case=case, mark=Mark.ANALYSIS, at=placed.now)

    for _ in range(2):
        await escalate_case(floor.skipper.client, floor.task_queue, climb)
    await start_case(floor.skipper.client, floor.task_queue, case)
    await analysed(placed)

    await asked(placed, CasePart.MEASURE)
    assert await parts_asked(placed) == ["cause", "analysis", "measure"]
    await case_of(floor, window).terminate()
    await escalate_case(floor.skipper.client, floor.task_queue, climb)


async def test_a_case_opened_by_hand_closes_when_its_window_is_kept(floor: Floor) -> None:
    placed, window = await confirming(floor)
    [confirm] = await placed.open_tasks("confirm")
    case = CaseStart(
        order_id=placed.order_id,
        case_id=case_workflow_id(window.key),
        customer="C-0001",
        profile="S08",
        window=window,
        opened_at=placed.now,
        opened_by="key-of-quality",
        why="the customer is on the phone every hour",
    )
    await start_case(floor.skipper.client, floor.task_queue, case)
    cause = await asked(placed, CasePart.CAUSE)
    await placed.answer(confirm)
    await placed.at("review")

    await placed.answer(cause, "INTERNAL_COMMUNICATION")
    await placed.answer(await asked(placed, CasePart.CLOSING), "closed", responsible="sales")
    row = await closed(placed)

    assert (row["opened_by"], row["why"]) == (case.opened_by, case.why)
    assert cause["facts"]["why"] == case.why


async def test_a_new_calendar_reaches_a_cases_windows_and_moves_no_promised_day(
    floor: Floor,
) -> None:
    placed, window = await confirming(floor)
    await climbed(placed, window, Mark.ANALYSIS)
    await analysed(placed)
    measure = await asked(placed, CasePart.MEASURE)
    spec = shipped("cn")
    async with floor.engine.begin() as conn:
        await publish(conn, spec, 2, digest=digest_of(spec), by="key-of-control")

    published = CalendarPublished(calendar="cn", version=2)
    await case_of(floor, window).signal(CALENDAR_PUBLISHED, published)

    async def counted_anew() -> dict[str, Any] | None:
        rows = await placed.rows(tables.windows, state="open", calendar="cn@2")
        found = {row["step"]: row for row in rows if row["key"].startswith("case-")}
        return found if set(found) == {"cause", "measure"} else None

    found = await placed.until(counted_anew, "cause and measure stand on the new version")
    assert found["measure"]["due_at"] == measure["due_at"]


@pytest.mark.parametrize(
    ("data", "field", "cure"),
    [
        ({"until": "next week"}, "data.until", "write a date such as 2026-12-20"),
        ({"until": "2020-01-01"}, "data.until", "or a later date"),
        ({"owner": "the boss"}, "data.owner", "write one of control, customer_service"),
        ({"measure": " "}, "data.measure", "add it"),
    ],
)
async def test_an_analysis_is_refused_with_the_field_that_is_wrong(
    floor: Floor, data: dict[str, str], field: str, cure: str
) -> None:
    placed, window = await confirming(floor)
    await climbed(placed, window, Mark.ANALYSIS)

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await analysed(placed, **data)

    cause = refused.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.type, cause.details[0]) == ("InvalidField", field)
    assert cure in cause.message
