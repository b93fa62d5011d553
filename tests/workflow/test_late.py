"""Late everywhere: each warning, breach and rung exactly once, at the right working instant."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from store import tables
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed
from tests.workflow.reference import add_minutes
from tests.workflow.test_order import finish

MINUTES = {
    "S08.W01": 60,
    "S08.W02": 180,
    "S08.W03": 120,
    "S08.W04": 60,
    "S08.W05": 180,
    "S08.W08": 60,
    "S08.W09": 120,
    "S08.W10": 180,
}
LONGEST_MINUTES = 3 * 480
"""Three working days: longer than the last rung of the day and 24-hour windows."""
RUNGS = {"warning", "breach", "analysis", "leadership"}
PUNCTUAL = timedelta(seconds=30)


def expected_marks(started_at: datetime, minutes: int) -> dict[str, datetime]:
    """The marks of a working-time window (catalogue 4.4), counted minute by minute."""
    due = add_minutes(started_at, minutes)
    analysis = add_minutes(due, max(30, minutes // 2))
    return {
        "warning": add_minutes(started_at, minutes * 80 // 100),
        "breach": due,
        "analysis": analysis,
        "leadership": add_minutes(analysis, max(30, minutes)),
    }


async def past_the_last_rung(placed: Placed, step: str) -> None:
    """Lets time pass until every mark of the step's window has been recorded."""

    async def window() -> list[dict[str, Any]]:
        return await placed.rows(tables.windows, step=step, state="open")

    [opened] = await placed.until(window, f"the window of {step} is open")
    minutes = MINUTES.get(opened["rule"], LONGEST_MINUTES)
    last = expected_marks(opened["started_at"], minutes)["leadership"]
    await placed.skip_to(last + timedelta(minutes=1))

    async def all_recorded() -> bool:
        recorded = await placed.floor.rows(tables.marks, window=opened["key"])
        return {row["mark"] for row in recorded} == RUNGS

    await placed.until(all_recorded, f"every mark of {opened['key']} is recorded")


async def test_late_everywhere_each_mark_is_recorded_once_at_its_working_instant(
    floor: Floor,
) -> None:
    placed = await floor.place()

    for step in (*S08_STEPS, *S08_AFTER_RELEASE):
        tasks = await placed.at(step)
        if step == "production":
            await past_the_last_rung(placed, "tracking")
            for report in await placed.open_tasks("tracking"):
                await placed.answer(report, "delayed")
            await past_the_last_rung(placed, "delay_notice")
            for notice in await placed.open_tasks("delay_notice"):
                await placed.answer(notice)
        else:
            await past_the_last_rung(placed, step)
        for task in tasks:
            await placed.answer(task)
    await finish(placed)

    windows = {row["key"]: row for row in await placed.rows(tables.windows)}
    marks = [row for row in await floor.rows(tables.marks) if row["window"] in windows]
    of_regulation = {key: row for key, row in windows.items() if row["rule"] in MINUTES}
    assert {row["rule"] for row in of_regulation.values()} == set(MINUTES)
    for key, row in of_regulation.items():
        found = {mark["mark"]: mark["due_at"] for mark in marks if mark["window"] == key}
        assert found == expected_marks(row["started_at"], MINUTES[row["rule"]]), row["rule"]
    assert {"S08.W06", "S08.W07", "S08.W11"} <= {
        windows[mark["window"]]["rule"] for mark in marks if mark["mark"] == "leadership"
    }
    for mark in marks:
        assert timedelta() <= mark["recorded_at"] - mark["due_at"] < PUNCTUAL, mark
    notices = Counter(row["key"] for row in await placed.rows(tables.outbox))
    assert set(notices.values()) == {1}
    assert await nothing_is_held_by_the_order(floor, placed)


async def nothing_is_held_by_the_order(floor: Floor, placed: Placed) -> bool:
    """The overdue cases keep their own tasks and windows; the order keeps none."""
    tasks = await placed.rows(tables.tasks, state="open", workflow_id=placed.handle.id)
    assert not tasks
    return not await placed.rows(tables.reservations, state="held")


async def test_a_breach_opens_a_case_that_is_closed_with_a_cause_after_the_step(
    floor: Floor,
) -> None:
    placed = await floor.place()
    await placed.walk(("entry",))
    tasks = await placed.at("confirm")
    [window] = await placed.rows(tables.windows, step="confirm")
    await placed.skip_to(window["due_at"] + timedelta(minutes=1))

    [case] = await placed.until(lambda: placed.rows(tables.overdue_cases), "the case is open")
    [cause] = await placed.until(lambda: placed.open_tasks("cause"), "the cause is asked for")
    await placed.answer(cause, "CUSTOMER_CONFIRM_LATE")
    await placed.answer(tasks[0])
    [closing] = await placed.until(lambda: placed.open_tasks("closing"), "closing is asked for")
    await placed.answer(closing, "closed", responsible="sales")

    async def closed() -> list[dict[str, Any]]:
        return await placed.rows(tables.overdue_cases, state="closed")

    [row] = await placed.until(closed, "the case is closed")
    assert row["id"] == case["id"]
    assert row["cause"] == "CUSTOMER_CONFIRM_LATE"
    assert row["responsible"] == "customer"
