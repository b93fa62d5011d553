"""A project order (S22): signed at the beginning, and again for whatever costs money or time."""

from datetime import timedelta

from store import tables
from tests.workflow.changing import (
    PRICE,
    SIGNED,
    TWENTY,
    Expected,
    ask,
    asked,
    holds,
    later,
    say,
    standing,
)
from tests.workflow.floor import Floor, Placed

TO_ACCEPTANCE = ("production", "qc", "pack", "ship", "notify")


async def in_production(floor: Floor) -> Placed:
    """The customer has signed, and the project manager has planned."""
    placed = await floor.place(profile="S22")
    await placed.walk(("entry", "check"))
    await placed.do("confirm", signed_file="PO-2026-0001")
    await placed.walk(("review",))
    [plan] = await placed.at("plan")
    assert plan["role"] == "planning"
    await placed.walk(("plan",))
    await placed.at("production")
    return placed


async def test_a_dearer_change_in_production_is_made_only_with_a_signed_agreement(
    floor: Floor,
) -> None:
    placed = await in_production(floor)
    untouched = Expected("production", 1, to_make=10, booked=10)

    unwritten = await placed.settled(await ask(placed, TWENTY))
    assert unwritten["state"] == "refused", "it is asked for in writing"
    await holds(placed, untouched)

    unsigned = await ask(placed, TWENTY, evidence=True)
    await say(placed, "change_review")
    await asked(placed, "supplement")
    assert (await placed.window("S22.agreement"))["limit"] == "1wd"
    await say(placed, "supplement", "refused")
    assert (await placed.settled(unsigned))["state"] == "refused"
    await holds(placed, untouched)

    signed = await ask(placed, TWENTY, evidence=True)
    await say(placed, "change_review")
    await say(placed, "supplement", **SIGNED)
    assert (await placed.settled(signed))["state"] == "applied"
    await placed.at("review")
    await holds(placed, Expected("review", 2, amount=PRICE * 20))
    notices = await placed.rows(tables.outbox, kind="change_registered")
    assert {"planning", "technical", "purchasing", "warehouse", "finance"} <= {
        notice["to_role"] for notice in notices
    }

    await placed.walk(("review", "plan"))
    await placed.at("production")
    await holds(placed, Expected("production", 2, to_make=20, booked=20, amount=PRICE * 20))


async def test_a_later_date_is_signed_for_and_planned_anew_by_the_project_manager(
    floor: Floor,
) -> None:
    placed = await in_production(floor)

    change = await ask(placed, later(placed), evidence=True)
    await say(placed, "change_review")
    await say(placed, "date_review")
    await say(placed, "supplement", **SIGNED)

    assert (await placed.settled(change))["state"] == "applied"
    [plan] = await placed.at("plan")
    assert plan["role"] == "planning"


async def test_a_project_is_complete_only_when_its_customer_has_accepted_it(floor: Floor) -> None:
    placed = await in_production(floor)
    await placed.walk(TO_ACCEPTANCE)
    await placed.reached("receipt")
    await standing(placed)

    await placed.skip(timedelta(days=90))

    assert (await placed.row())["state"] == "open"
    await placed.wish("receipt")
    await placed.handle.result()
    assert (await placed.row())["state"] == "completed"
