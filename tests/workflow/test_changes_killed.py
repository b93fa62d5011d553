"""A worker gets `kill -9` in each activity of a change: it completes, each undo once."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from domain.changes import ChangeClass, Touch
from domain.roles import Role
from policy.change_rules import ChangeRow
from policy.model import Profile
from policy.steps import Fact, Step
from store import tables
from store.follow_up_tables import follow_ups
from tests.workflow.changing import (
    FIVE,
    PRICE,
    REMARK,
    TWENTY,
    Expected,
    ask,
    asked,
    holds,
    later,
    pay,
    spare,
)
from tests.workflow.conftest import staffed
from tests.workflow.floor import S08_STEPS, Floor, Placed, profile
from tests.workflow.paying import purse
from tests.workflow.test_cancel_killed import undone
from tests.workflow.test_killed import KINDS as ELSEWHERE
from tests.workflow.test_killed import immortal, insist

KINDS = {"answer_change", "prepare_review"}
TO_APPROVAL = S08_STEPS[: S08_STEPS.index("plan_approval")]
SHORT = ("review", "material", "slot", "production", "qc", "pack", "ship", "notify", "promise")


def signed_by_sales() -> Profile:
    """S08 cut down, with a countersign of one, for goods that are paid; a remark reaches `ship`."""
    shipped = profile("S08")
    facts = (Fact.GOODS_MATCH_ORDER, Fact.BALANCE_PAID, Fact.COUNTERSIGNED)
    [signing] = [step for step in profile("S07").steps if step.id == "countersign"]
    steps: list[Step] = []
    for step in shipped.steps:
        if step.id == "release":
            steps.append(
                signing.model_copy(update={"reviewers": (Role.SALES,), "refused": "refuse_order"})
            )
            steps.append(step.model_copy(update={"facts": facts}))
        elif step.id in SHORT or step.id == "change_review":
            steps.append(step)
    minor, date = shipped.changes.rows[:2]
    minor = minor.model_copy(update={"until": "ship"})
    fewer = ChangeRow(
        touches=(Touch.QUANTITY_DOWN,), of=ChangeClass.STRUCTURAL, until="ship", because="left"
    )
    changes = shipped.changes.model_copy(update={"rows": (minor, date, fewer), "replan_at": "slot"})
    given = {"number_at": "production", "steps": tuple(steps), "changes": changes}
    return shipped.model_copy(update=given)


async def paid_for(floor: Floor) -> Placed:
    """Ten are paid, and about to be made."""
    placed = await floor.place(policy=signed_by_sales())
    await pay(placed, PRICE * 10)
    await placed.walk(("review",))
    await placed.at("production")
    return placed


async def made_and_paid(floor: Floor) -> Placed:
    """Ten are made and paid, and wait to be packed."""
    placed = await paid_for(floor)
    await placed.walk(("production", "qc"))
    await placed.at("pack")
    return placed


async def does(placed: Placed, *steps: str) -> None:
    for step in steps:
        for task in await placed.at(step):
            await insist(placed, task, "approved" if step == "countersign" else None)


async def agreed(placed: Placed, patch: dict[str, Any]) -> None:
    """The customer asks for a change and the departments agree to it."""
    change = await ask(placed, patch)
    await insist(placed, await asked(placed, "change_review"), "agreed")
    assert (await placed.settled(change))["state"] == "applied"


async def half_of_it(placed: Placed) -> None:
    """Five go into free stock and their money back; the other five are made ready to leave."""
    await agreed(placed, FIVE)
    await does(placed, "review", "production", "qc", "pack", "countersign")
    await placed.at("ship")


async def a_remark(placed: Placed) -> None:
    """The signature and the release note are void, and given anew."""
    remark = await ask(placed, REMARK)
    await placed.settled(remark)
    [signing] = await placed.at("countersign")
    assert signing["facts"]["void"] == ["sales signed for version 2, the order is at version 3"]
    assert [row["state"] for row in await placed.rows(tables.shipments)] == ["void"]
    await insist(placed, signing, "approved")
    await placed.at("ship")


async def windows_of(placed: Placed) -> Counter[tuple[str, bool]]:
    """Which windows the order has had, and whether they still run."""
    rows = await placed.rows(tables.windows)
    return Counter((row["rule"], row["stopped_at"] is None) for row in rows)


async def two_dates_and_a_remark(placed: Placed) -> None:
    """A slot is booked anew, the promised date moves, a remark is added; all is packed then."""
    await agreed(placed, later(placed))
    await does(placed, "production", "qc")
    await placed.at("pack")
    await agreed(placed, later(placed, 150))
    remark = await placed.settled(await ask(placed, REMARK))
    assert remark["state"] == "applied"
    await does(placed, "pack", "countersign")
    await placed.at("ship")


@pytest.mark.parametrize("mode", ["before_commit", "after_commit"])
async def test_a_worker_killed_in_each_activity_of_a_change_undoes_everything_once(
    idle_floor: Floor, database_url: str, temporal: str, tmp_path: Path, mode: str
) -> None:
    floor = idle_floor
    async with staffed(floor):
        placed = await floor.place()
        await placed.walk(TO_APPROVAL)
        await placed.at("plan_approval")
    # Of everything else the worker has died already, as far as it knows.
    for kind in ("register_change", "adjust_windows", "open_step"):
        (tmp_path / kind).touch()
    arguments = [database_url, temporal, floor.task_queue, str(tmp_path), mode]

    async with immortal(arguments):
        change = await ask(placed, TWENTY)
        await insist(placed, await asked(placed, "change_review"), "agreed")
        signed = {"agreement": "CA-2026-0001"}
        await insist(placed, await asked(placed, "supplement"), "agreed", **signed)
        await placed.settled(change)
        await placed.at("review")
        await holds(placed, Expected("review", 2, amount=PRICE * 20))

    assert set(os.listdir(tmp_path)) >= KINDS
    story = [row["kind"] for row in await placed.rows(tables.timeline)]
    told = ("given_back", "change_registered", "change_applied")
    assert [story.count(kind) for kind in told] == [1, 1, 1]
    states = {row["state"] for row in await placed.rows(tables.reservations)}
    assert states == {"released"}


@pytest.mark.parametrize("mode", ["before_commit", "after_commit"])
async def test_a_worker_killed_while_goods_money_and_a_release_are_undone_undoes_each_once(
    idle_floor: Floor, database_url: str, temporal: str, tmp_path: Path, mode: str
) -> None:
    floor = idle_floor
    async with staffed(floor):
        undisturbed, killed = await made_and_paid(floor), await made_and_paid(floor)
        free = await spare(killed)
        await half_of_it(undisturbed)
        await a_remark(undisturbed)
    for kind in (ELSEWHERE | {"register_change", "adjust_windows"}) - KINDS:
        (tmp_path / kind).touch()

    async with immortal([database_url, temporal, floor.task_queue, str(tmp_path), mode]):
        await half_of_it(killed)
        died = set(os.listdir(tmp_path))
        # It dies once more, in turning back to the signature.
        (tmp_path / "prepare_review").unlink()
        await a_remark(killed)

    assert died >= KINDS
    assert (tmp_path / "prepare_review").exists()
    assert await undone(floor, killed) == await undone(floor, undisturbed)
    assert (await purse(floor, killed.order_id)).balances
    assert await spare(killed) == free + 2 * 5, "five of each order, once"
    for order in (undisturbed, killed):
        assert [row["kind"] for row in await order.rows(follow_ups)] == ["refund"]


@pytest.mark.parametrize("mode", ["before_commit", "after_commit"])
async def test_a_worker_killed_while_dates_move_and_goods_are_unpacked_does_each_once(
    idle_floor: Floor, database_url: str, temporal: str, tmp_path: Path, mode: str
) -> None:
    floor = idle_floor
    async with staffed(floor):
        undisturbed, killed = await paid_for(floor), await paid_for(floor)
        await two_dates_and_a_remark(undisturbed)
        await half_of_it(undisturbed)
    kinds = {"book_slot", "move_promise", "settle_change"}
    for kind in (ELSEWHERE | KINDS | {"register_change", "adjust_windows"}) - kinds:
        (tmp_path / kind).touch()

    async with immortal([database_url, temporal, floor.task_queue, str(tmp_path), mode]):
        await two_dates_and_a_remark(killed)
        died = set(os.listdir(tmp_path))
        # It dies once more, in turning back to the review: there what is packed is unpacked.
        (tmp_path / "prepare_review").unlink()
        await half_of_it(killed)

    assert died >= kinds
    assert (tmp_path / "prepare_review").exists()
    assert await undone(floor, killed) == await undone(floor, undisturbed)
    assert await windows_of(killed) == await windows_of(undisturbed)
    assert (await purse(floor, killed.order_id)).balances
    told = [row["text"] for row in await killed.rows(tables.timeline, kind="undone")]
    assert told == [
        "The order has changed: the release note is void and 10 units are to be packed anew"
    ]
