"""The kinds of orders that are measured, each lived from its intake to its receipt."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from activities.case_models import CasePart
from activities.models import case_workflow_id
from domain.windows import DueWindow, Mark
from store import tables
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed

Live = Callable[[Floor], Awaitable[Placed]]

AT_ONCE = 6
REPORTS_OF_A_LONG_ORDER = 10
GEN_STEPS = ("entry", "check", "confirm", "review", "plan", "production", "qc", "pack")
A_MINUTE = timedelta(minutes=1)
A_MONTH = timedelta(days=30)
BEFORE_PRODUCTION = S08_STEPS[: S08_STEPS.index("production")]
FROM_PRODUCTION = S08_STEPS[len(BEFORE_PRODUCTION) :]


async def in_time(floor: Floor) -> Placed:
    """S08 in time, with one progress report."""
    placed = await floor.place()
    await placed.walk(BEFORE_PRODUCTION)
    await _make_and_ship(placed, reports=1)
    return placed


async def long_in_production(floor: Floor) -> Placed:
    """S08 in time, with ten days of production and a report for each."""
    placed = await floor.place()
    await placed.walk(BEFORE_PRODUCTION)
    await _make_and_ship(placed, reports=REPORTS_OF_A_LONG_ORDER)
    return placed


async def breached(floor: Floor) -> Placed:
    """S08 with one late step: a warning, a breach, a case with its cause and its closing."""
    placed = await floor.place()
    await placed.walk(("entry",))
    [confirm] = await placed.at("confirm")
    await _climb(placed, Mark.BREACH)
    await placed.answer(await _asked(placed, CasePart.CAUSE), "CLERK_ERROR")
    await placed.answer(confirm)
    await placed.answer(await _asked(placed, CasePart.CLOSING), "closed", responsible="sales")
    await placed.walk(BEFORE_PRODUCTION[2:])
    await _make_and_ship(placed, reports=1)
    return placed


async def escalated(floor: Floor) -> Placed:
    """S08 with one step late up to the leadership: analysis, measure, decision."""
    placed = await floor.place()
    await placed.walk(("entry",))
    [confirm] = await placed.at("confirm")
    await _climb(placed, Mark.LEADERSHIP)
    await placed.answer(await _asked(placed, CasePart.CAUSE), "CLERK_ERROR")
    analysis = {
        "analysis": "the form lay in another tray",
        "measure": "one tray for all",
        "owner": "planning",
        "until": (placed.now + A_MONTH).date().isoformat(),
    }
    await placed.answer(await _asked(placed, CasePart.ANALYSIS), "analysed", **analysis)
    new_date = (placed.now + 3 * A_MONTH).date().isoformat()
    decision = await _asked(placed, CasePart.DECISION)
    await placed.answer(decision, "new_date", promised_at=new_date)
    await placed.answer(await _asked(placed, CasePart.MEASURE), "done")
    await placed.answer(confirm)
    await placed.answer(await _asked(placed, CasePart.CLOSING), "closed", responsible="sales")
    await placed.walk(BEFORE_PRODUCTION[2:])
    await _make_and_ship(placed, reports=1)
    return placed


async def general(floor: Floor) -> Placed:
    """GEN in time, confirmed by the customer, with one progress report."""
    placed = await floor.place(profile="GEN")
    await placed.walk(GEN_STEPS[: GEN_STEPS.index("production")])
    await _make_and_ship(placed, reports=1)
    return placed


async def placed_only(floor: Floor) -> Placed:
    """S08, waiting for its first answer."""
    placed = await floor.place()
    await placed.at("entry")
    return placed


KINDS: dict[str, Live] = {
    "s08_in_time": in_time,
    "s08_long": long_in_production,
    "s08_breached": breached,
    "s08_escalated": escalated,
    "gen_in_time": general,
}
"""By the name under which the figures are stored."""

TITLES = {
    "s08_in_time": "S08 in time",
    "s08_long": "S08, ten days of production",
    "s08_breached": "S08, one step late",
    "s08_escalated": "S08, late up to the leadership",
    "gen_in_time": "GEN in time",
}


async def many(floor: Floor, live: Live, orders: int) -> list[Placed]:
    """Lives so many orders, some side by side."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one() -> Placed:
        async with gate:
            return await live(floor)

    return list(await asyncio.gather(*(one() for _ in range(orders))))


async def _make_and_ship(placed: Placed, reports: int) -> None:
    answered: set[str] = set()
    for _ in range(reports):
        wanted = await placed.until(lambda: _report(placed, answered), "a report is wanted")
        await placed.answer(wanted[0])
        answered.add(wanted[0]["id"])
    await placed.walk((*FROM_PRODUCTION, *S08_AFTER_RELEASE))
    await placed.reached("receipt")
    await placed.wish("receipt")
    await placed.handle.result()
    await _cases_closed(placed)


async def _report(placed: Placed, answered: set[str]) -> list[dict[str, Any]]:
    """The open report; one that was just answered stays open until that is written down."""
    if (await placed.row())["step"] != "production":
        return []
    return [task for task in await placed.open_tasks("tracking") if task["id"] not in answered]


async def _climb(placed: Placed, mark: Mark) -> None:
    """Lets time pass until the confirmation's window has reached this rung."""
    [row] = await placed.rows(tables.windows, step="confirm")
    window = DueWindow.model_validate(row["body"])
    [fallen] = [found.at for found in window.marks if found.mark is mark]
    await placed.skip_to(fallen + A_MINUTE)
    await placed.marked(window.key, mark.value)


async def _asked(placed: Placed, part: CasePart) -> dict[str, Any]:
    [task] = await placed.until(lambda: placed.open_tasks(part), f"the case asks for the {part}")
    return dict(task)


async def _cases_closed(placed: Placed) -> None:
    for row in await placed.rows(tables.overdue_cases):
        case = placed.floor.client.get_workflow_handle(case_workflow_id(row["window"]))
        await case.result()
