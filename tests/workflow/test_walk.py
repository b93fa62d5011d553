"""Every class of change in every step of a full order: 75 cases against an expectation of our own.

What has to be is worked out here from the regulation's words and the master data. Each order is
paid for beforehand, so that the money has to follow, too.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from store import tables
from store.follow_up_tables import follow_ups
from tests.workflow.changing import (
    FIVE,
    PRICE,
    REMARK,
    SIGNED,
    SPECIFIED,
    TWENTY,
    Expected,
    ask,
    asked,
    holds,
    later,
    pay,
    say,
    standing,
)
from tests.workflow.floor import Floor, Placed
from tests.workflow.following import starter_of
from tests.workflow.operating import agrees
from worker import build_worker

ROUTE = (
    *("entry", "confirm", "review", "negotiate", "material", "plan", "slot", "plan_approval"),
    *("production", "qc", "rework", "pack", "ship", "notify", "receipt"),
)
MADE = ("qc", "rework", "pack", "ship", "notify", "receipt")
AT_ONCE = 5
PLENTY = Decimal(1_000_000)
PINK, BLUE = "EL-A4-PK", "EL-A4"


def before(step: str, other: str) -> bool:
    return ROUTE.index(step) < ROUTE.index(other)


@dataclass(frozen=True)
class Case:
    """What is asked for, who agrees, until which step, and what it does to an order in a step."""

    patch: Callable[[Placed], dict[str, Any]]
    agree: tuple[tuple[str, str, dict[str, str]], ...]
    last: str
    units: int = 10
    back_to: Callable[[str], str | None] = lambda _: None


def to_review(step: str) -> str | None:
    """Full review again, unless nobody has begun to review it."""
    return None if before(step, "review") else "review"


def to_plan(step: str) -> str | None:
    """The date is planned anew once there is a plan, as long as the goods are not made."""
    if step == "review":
        return "review"  # whoever is judging it is asked anew
    return "plan" if not before(step, "plan") and before(step, "qc") else None


AGREED: tuple[str, str, dict[str, str]] = ("change_review", "agreed", {})
CASES = {
    "minor": Case(lambda _: REMARK, (), "pack"),
    "date": Case(later, (AGREED, ("date_review", "agreed", {})), "pack", back_to=to_plan),
    "technical": Case(
        lambda _: SPECIFIED,
        (AGREED, ("technical_review", "structural", {})),
        "production",
        back_to=to_review,
    ),
    "more": Case(
        lambda _: TWENTY, (AGREED, ("supplement", "agreed", SIGNED)), "pack", 20, to_review
    ),
    "fewer": Case(lambda _: FIVE, (AGREED,), "pack", 5, to_review),
}


async def walk_to(floor: Floor, step: str) -> Placed:
    """An order that stands in `step`; three of them are led there by something going wrong."""
    product = PINK if step == "material" else BLUE
    promised: dict[str, Any] = {}
    if step == "slot":
        soon = datetime.now(UTC) + timedelta(minutes=30)
        promised = {"promised_at": soon.isoformat()}
    line = {"product": product, "quantity": 10, "unit_price": str(PRICE)}
    placed = await floor.place(lines=[line], **promised)
    await pay(placed, PRICE * 10)
    wrong = {"negotiate": ("review", "refused"), "rework": ("qc", "failed")}.get(step)
    asked = [s for s in ROUTE if s not in {"negotiate", "material", "slot", "rework", "receipt"}]
    for one in asked:
        if one == step:
            break
        if wrong is not None and one == wrong[0]:
            await refuse(placed, *wrong)
            break
        if before(step, one):
            break
        await placed.do(one)
    await placed.reached(step)
    return placed


async def refuse(placed: Placed, step: str, outcome: str) -> None:
    """One answer that leads aside is enough."""
    task = (await placed.at(step))[0]
    await placed.answer(task, outcome)


def expectation(name: str, step: str) -> tuple[bool, Expected, Counter[str]]:
    """Whether the change is applied, what the order holds then, and what its story says of it."""
    case = CASES[name]
    product = PINK if step == "material" else BLUE
    applied = not before(case.last, step)
    made = 10 if step in MADE else 0
    packed = 10 if step in {"ship", "notify", "receipt"} else 0
    reserved = 10 if step in {"plan", "slot", "plan_approval", "production"} else 0
    booked = 10 if step in {"plan_approval", "production"} else 0
    if not applied:
        kept = Expected(step, 1, product, reserved, booked, made, packed, applied=PRICE * 10)
        return False, kept, Counter(change_refused=1)
    units, back = case.units, case.back_to(step)
    given = 0
    if back == "review":
        given += reserved > 0
        reserved = booked = 0
    elif back == "plan":
        given += booked > 0
        booked = 0
    if made > units:
        given, made = given + 1, units
    paid = PRICE * min(units, 10)
    after = Expected(
        back or step,
        2,
        product,
        reserved,
        booked,
        made,
        packed if back is None else 0,
        amount=PRICE * units,
        applied=paid,
        unapplied=PRICE * 10 - paid,
    )
    story = Counter({"change_applied": 1, "given_back": given, "promise_moved": name == "date"})
    return True, after, +story


async def live_through(floor: Floor, name: str, step: str, turn: asyncio.Semaphore) -> Placed:
    """One case: walk there, ask, let everybody agree, and compare."""
    async with turn:
        placed = await walk_to(floor, step)
        await standing(placed)  # the workflow has heard that it is there
        applied, expected, story = expectation(name, step)
        change = await ask(placed, CASES[name].patch(placed))
        questions = CASES[name].agree if applied else ()
        for question, outcome, data in questions:
            await asked(placed, question)
            if question == questions[0][0]:
                await agrees(placed)
            await say(placed, question, outcome, **data)
        settled = await placed.settled(change)
        assert settled["state"] == ("applied" if applied else "refused"), settled["reason"]
        await placed.reached(expected.step)
        await holds(placed, expected)
        lines = await placed.rows(tables.timeline)
        told = Counter(row["kind"] for row in lines if row["kind"] in set(story) | SAID)
        assert told == story
        await nothing_else_waits(placed, expected.step)
        wanted = await placed.rows(follow_ups)
        assert [row["kind"] for row in wanted] == (["refund"] if expected.unapplied else [])
        return placed


SAID = {"change_applied", "change_refused", "given_back", "promise_moved"}
WITHOUT_A_WINDOW = {"production", "rework", "receipt"}


async def nothing_else_waits(placed: Placed, step: str) -> None:
    """Exactly the tasks and windows of the step where the order stands, and of what runs beside.

    The promised date is watched until the goods leave, the daily report belongs to the making.
    """
    daily: set[str] = {"tracking"} if step in {"production", "rework"} else set()
    watched: set[str] = set() if step in {"notify", "receipt"} else {"promise"}
    tasks = {task["step"] for task in await placed.open_tasks()}
    windows = {row["step"] for row in await placed.rows(tables.windows, stopped_at=None)}
    assert tasks == {step} - {"receipt"} | daily
    assert windows == {step} - WITHOUT_A_WINDOW | daily | watched


@pytest.mark.parametrize("name", CASES)
async def test_a_change_of_this_class_does_in_each_step_what_it_has_to(
    idle_floor: Floor, name: str
) -> None:
    floor = idle_floor
    async with floor.engine.begin() as conn:
        enough = tables.materials.c.code != "M-INK-PK"
        await conn.execute(update(tables.materials).where(enough).values(on_hand=PLENTY))
        none = tables.materials.c.code == "M-INK-PK"
        await conn.execute(update(tables.materials).where(none).values(on_hand=0))
    spare_before = await _spare(floor)
    turn = asyncio.Semaphore(AT_ONCE)

    cases: dict[str, Awaitable[Placed]] = {
        step: live_through(floor, name, step, turn) for step in ROUTE
    }
    # Without the sandbox, as in production: other tests watch over determinism.
    async with build_worker(floor.skipper.client, floor.engine, floor.task_queue):
        found = await asyncio.gather(*cases.values(), return_exceptions=True)
        wrong = {
            step: repr(was)
            for step, was in zip(cases, found, strict=True)
            if not isinstance(was, Placed)
        }
        assert not wrong, wrong
        over = 5 * sum(step in MADE and not before("pack", step) for step in ROUTE)
        assert await _spare(floor) - spare_before == (over if name == "fewer" else 0)
        await starter_of(floor).round()
        for placed in (was for was in found if isinstance(was, Placed)):
            await agrees(placed)


async def _spare(floor: Floor) -> int:
    [row] = await floor.rows(tables.products, code=BLUE)
    return int(row["finished"])
