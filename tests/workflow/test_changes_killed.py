"""A worker gets `kill -9` in each activity of a change: it completes, each undo once."""

import os
from pathlib import Path

import pytest

from store import tables
from tests.workflow.changing import PRICE, TWENTY, Expected, ask, asked, holds
from tests.workflow.conftest import staffed
from tests.workflow.floor import S08_STEPS, Floor
from tests.workflow.test_killed import immortal, insist

KINDS = {"answer_change", "prepare_review"}
TO_APPROVAL = S08_STEPS[: S08_STEPS.index("plan_approval")]


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
