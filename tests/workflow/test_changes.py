"""An order lives through changes: frozen while they are decided, turned back once (C01 to C10)."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from store import follow_up_tables, tables
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
    spare,
    standing,
)
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed
from workflows.contract import FROZEN

TO_PRODUCTION = S08_STEPS[: S08_STEPS.index("production")]
FROM_REVIEW = S08_STEPS[S08_STEPS.index("review") :]


async def placed_at(floor: Floor, step: str) -> Placed:
    placed = await floor.place()
    await placed.walk(S08_STEPS[: S08_STEPS.index(step)])
    await placed.at(step)
    return placed


async def complete(placed: Placed, steps: tuple[str, ...]) -> None:
    await placed.walk((*steps, *S08_AFTER_RELEASE))
    await placed.reached("receipt")
    await placed.wish("receipt")
    await placed.handle.result()
    assert (await placed.row())["state"] == "completed"


async def test_a_structural_change_in_production_freezes_the_order_and_undoes_it_once(
    floor: Floor,
) -> None:
    placed = await placed_at(floor, "production")
    [production] = await placed.at("production")
    await holds(placed, Expected("production", 1, to_make=10, booked=10))

    change = await ask(placed, TWENTY, times=3)
    await asked(placed, "change_review")

    frozen = Expected("production", 1, to_make=10, booked=10, frozen=True)
    await holds(placed, frozen)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await placed.answer(production)
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == FROZEN
    assert "structural change" in refused.value.cause.message

    await say(placed, "change_review")
    await say(placed, "supplement", **SIGNED)

    assert (await placed.settled(change))["state"] == "applied"
    await placed.at("review")
    await holds(placed, Expected("review", 2, amount=PRICE * 20))
    undone = [row for row in await placed.rows(tables.timeline) if row["kind"] == "given_back"]
    assert len(undone) == 1
    await placed.walk(FROM_REVIEW[: FROM_REVIEW.index("production")])
    await placed.at("production")
    await holds(placed, Expected("production", 2, to_make=20, booked=20, amount=PRICE * 20))
    await complete(placed, FROM_REVIEW[FROM_REVIEW.index("production") :])
    [goods] = await placed.rows(tables.goods)
    assert goods["shipped"] == 20


async def test_fewer_after_production_leaves_goods_and_money_over(floor: Floor) -> None:
    placed = await placed_at(floor, "pack")
    await pay(placed, PRICE * 10)
    before = await spare(placed)

    change = await ask(placed, FIVE)
    await say(placed, "change_review")

    await placed.settled(change)
    await placed.at("review")
    half = PRICE * 5
    fewer = Expected("review", 2, made=5, amount=half, applied=half, unapplied=half)
    await holds(placed, fewer)
    assert await spare(placed) == before + 5
    [wanted] = await placed.rows(follow_up_tables.follow_ups)
    assert wanted["kind"] == "refund"
    await placed.walk(FROM_REVIEW[: FROM_REVIEW.index("production")])
    await placed.at("production")
    await holds(placed, replace(fewer, step="production"))
    await complete(placed, FROM_REVIEW[FROM_REVIEW.index("production") :])
    assert not await placed.rows(tables.slots, state="held")


async def test_a_refused_change_lets_everything_go_on_and_the_next_one_come(floor: Floor) -> None:
    placed = await placed_at(floor, "plan_approval")

    first, second = await ask(placed, TWENTY), await ask(placed, REMARK)
    await asked(placed, "change_review")
    assert (await standing(placed)).version == 1
    told = await placed.rows(tables.outbox, kind="change_waits")
    assert [notice["to_role"] for notice in told] == ["order_desk"]
    await say(placed, "change_review", "refused")

    refused, applied = await placed.settled(first), await placed.settled(second)
    assert (refused["state"], applied["state"]) == ("refused", "applied")
    assert "sales" in refused["reason"]
    await holds(placed, Expected("plan_approval", 2, to_make=10, booked=10))
    await complete(placed, S08_STEPS[S08_STEPS.index("plan_approval") :])


async def test_a_change_behind_an_applied_one_is_against_an_old_version(floor: Floor) -> None:
    placed = await placed_at(floor, "confirm")

    first, second = await ask(placed, FIVE), await ask(placed, REMARK)
    await say(placed, "change_review")

    applied, refused = await placed.settled(first), await placed.settled(second)
    assert (applied["state"], refused["state"]) == ("applied", "refused")
    assert "version 2" in refused["reason"]
    await holds(placed, Expected("confirm", 2, amount=PRICE * 5))


async def test_a_new_date_is_planned_anew_while_the_work_goes_on_as_long_as_it_can(
    floor: Floor,
) -> None:
    placed = await placed_at(floor, "production")
    patch = later(placed)

    change = await ask(placed, patch)
    await asked(placed, "change_review")
    await holds(placed, Expected("production", 1, to_make=10, booked=10))
    await say(placed, "change_review")
    await say(placed, "date_review")

    await placed.settled(change)
    await placed.at("plan")
    await holds(placed, Expected("plan", 2, to_make=10))
    row = await placed.row()
    assert row["promised_at"].isoformat() == row["body"]["promised_at"].replace("Z", "+00:00")
    promised = [w for w in await placed.rows(tables.windows) if w["rule"].endswith("promise")]
    assert [w["due_at"] for w in promised if w["stopped_at"] is None] == [row["promised_at"]]
    packed = S08_STEPS.index("pack")
    await placed.walk(S08_STEPS[S08_STEPS.index("plan") : packed])
    await placed.at("pack")
    late = await ask(placed, later(placed, days=150))
    await say(placed, "change_review")
    await placed.walk(("pack",))
    await placed.at("ship")
    await say(placed, "date_review")
    refused = await placed.settled(late)
    assert refused["state"] == "refused"
    assert "packed for their journey" in refused["reason"]
    await complete(placed, ())


async def test_the_technical_department_settles_how_far_a_change_reaches(floor: Floor) -> None:
    minor, structural, dated = await asyncio.gather(
        placed_at(floor, "plan"), placed_at(floor, "plan_approval"), placed_at(floor, "plan")
    )

    changes: dict[str, str] = {}
    for placed, patch, of in (
        (minor, SPECIFIED, "minor"),
        (structural, SPECIFIED, "structural"),
        (dated, SPECIFIED | later(dated), "minor"),
    ):
        changes[placed.order_id] = await ask(placed, patch)
        await say(placed, "change_review")
        await holds(
            placed,
            Expected(
                (await placed.row())["step"],
                1,
                to_make=10,
                booked=10 if placed is structural else 0,
                frozen=True,
            ),
        )
        await say(placed, "technical_review", of)

    await structural.at("review")
    await holds(minor, Expected("plan", 2, to_make=10))
    await holds(structural, Expected("review", 2))
    # The date that came along is a matter of its own.
    await asked(dated, "date_review")
    await holds(dated, Expected("plan", 1, to_make=10))
    await say(dated, "date_review")
    await dated.settled(changes[dated.order_id])
    await holds(dated, Expected("plan", 2, to_make=10))


async def test_cancelling_during_a_change_ends_both(floor: Floor) -> None:
    placed = await placed_at(floor, "production")
    change = await ask(placed, TWENTY)
    await asked(placed, "change_review")

    await placed.wish("cancellation")
    await placed.handle.result()

    assert (await placed.settled(change))["state"] == "refused"
    assert not await placed.rows(tables.tasks, state="open")
    assert not await placed.rows(tables.windows, stopped_at=None)
    assert not await placed.rows(tables.reservations, state="held")


# --- S35: three classes of change ---------------------------------------------------------------

S35_STEPS = ("instruction", "review", "plan", "production", "qc", "pack")


async def s35_at(floor: Floor, step: str) -> Placed:
    """Signed and paid an order takes effect (G09); a part of the money leaves it where it is."""
    placed = await floor.place(profile="S35")
    await placed.walk(("entry", "check"))
    await placed.do("confirm", signed_file="PO-2026-0001")
    await placed.at("activation")
    await pay(placed, PRICE, "a part")
    assert "missing" in str((await placed.row())["blocked"])
    await pay(placed, PRICE * 9)
    await placed.walk(S35_STEPS[: S35_STEPS.index(step)])
    await placed.at(step)
    return placed


async def s35_minor(floor: Floor) -> None:
    """Class 1: patched and gone on with; the production manager hears of it."""
    placed = await s35_at(floor, "plan")

    await placed.settled(await ask(placed, REMARK))

    await holds(placed, Expected("plan", 2, to_make=10, applied=PRICE * 10))
    told = await placed.rows(tables.outbox, kind="change_applied")
    assert "production" in {notice["to_role"] for notice in told}


async def s35_date(floor: Floor) -> None:
    """Class 2: reviewed within half an hour, planned anew; the work goes on meanwhile."""
    placed = await s35_at(floor, "production")

    change = await ask(placed, later(placed))
    await asked(placed, "change_review")
    told = await placed.rows(tables.outbox, kind="change_registered")
    assert {"sales_manager", "production", "customer"} <= {row["to_role"] for row in told}
    assert (await placed.window("S35.W02"))["limit"] == "30m"
    await say(placed, "change_review")
    await say(placed, "date_review")

    await placed.settled(change)
    await placed.at("plan")
    await holds(placed, Expected("plan", 2, to_make=10, applied=PRICE * 10))


async def s35_technical(floor: Floor) -> None:
    """Without the customer's text nothing changes; with it technical says that it is minor."""
    placed = await s35_at(floor, "plan")
    refused = await placed.settled(await ask(placed, SPECIFIED))
    assert "G32" in refused["reason"]

    change = await ask(placed, SPECIFIED, evidence=True)
    await asked(placed, "change_review")
    await standing(placed)
    await placed.skip(timedelta(minutes=20))
    await say(placed, "change_review")
    assert (await asked(placed, "technical_review"))["outcomes"] == [
        "minor",
        "structural",
        "refused",
    ]
    await say(placed, "technical_review", "minor")

    await placed.settled(change)
    await holds(placed, Expected("plan", 2, to_make=10, applied=PRICE * 10))
    assert "S35.W12" in {row["rule"] for row in await placed.rows(tables.windows)}
    kinds = [line["kind"] for line in await placed.ledger() if "/plan/" in line["window"]]
    assert kinds == ["opened", "paused", "resumed", "paused", "resumed"]


async def s35_structural(floor: Floor) -> None:
    """Class 3: a supplement, the difference is paid first, and a full review again."""
    placed = await s35_at(floor, "pack")

    change = await ask(placed, TWENTY, evidence=True)
    await say(placed, "change_review")
    await say(placed, "supplement", **SIGNED)

    await placed.settled(change)
    await placed.at("activation")
    dearer = Expected("activation", 2, made=10, amount=PRICE * 20, applied=PRICE * 10)
    await holds(placed, replace(dearer, asks=(("activation", "finance"),)))
    await pay(placed, PRICE * 10, "difference")
    await placed.at("instruction")
    await placed.walk(("instruction", "review", "plan"))
    await placed.at("production")
    paid = replace(dearer, applied=PRICE * 20)
    await holds(placed, replace(paid, step="production", to_make=10, booked=10))
    await placed.walk(("production", "qc", "pack"))
    await placed.at("ship")
    await holds(placed, replace(paid, step="ship", made=20, packed=20))


async def test_the_three_classes_of_s35_run_as_written(floor: Floor) -> None:
    await asyncio.gather(
        s35_minor(floor), s35_date(floor), s35_technical(floor), s35_structural(floor)
    )
