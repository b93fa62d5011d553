"""`kill -9` of the worker in the middle of a cancellation: it completes, each undo once."""

import os
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from store import tables
from store.cancellation_tables import cancellations
from store.money_tables import ledger
from store.payment_tables import refunds
from tests.workflow.conftest import staffed
from tests.workflow.floor import Floor, Placed
from tests.workflow.paying import arrive, purse
from tests.workflow.terms import DEARER, DEPOSIT
from tests.workflow.test_cancelling import nothing_is_held
from tests.workflow.test_killed import immortal, insist

BEFORE = ("entry", "confirm", "review", "plan", "plan_approval", "production")
KEPT = Decimal("40.00")


async def made_and_paid(floor: Floor) -> Placed:
    """An order whose goods are made and whose deposit is paid; it waits for its inspection."""
    placed = await floor.place(policy=DEARER)
    await arrive(floor, placed.order_id, DEPOSIT)
    await placed.walk(BEFORE)
    await placed.at("qc")
    return placed


async def cancel(placed: Placed) -> str:
    """The customer accepts the cost, and sales says what is kept by the contract."""
    wish = await placed.cancel(accept_cost="37.00")
    [task] = await placed.until(lambda: placed.open_tasks("cancellation"), "sales is asked")
    await insist(placed, task, "agreed", kept=str(KEPT))
    await placed.handle.result()
    return wish


async def undone(floor: Floor, placed: Placed) -> dict[str, Any]:
    """What the cancellation has undone and told, without ids and instants."""
    order_id = placed.order_id
    notices = [row["key"].replace(order_id, "-") for row in await placed.rows(tables.outbox)]
    changes = {row["id"] for row in await placed.rows(tables.changes)}
    moves = [row["on_hand_change"] for row in await placed.rows(tables.stock_moves)]
    return {
        "story": Counter(row["kind"] for row in await placed.rows(tables.timeline)),
        "notices": sorted(key for key in notices if not any(each in key for each in changes)),
        "money": sorted((r["source"], r["target"], r["amount"]) for r in await placed.rows(ledger)),
        "refunds": [row["amount"] for row in await placed.rows(refunds)],
        "used": sorted(moves),
        "made": [(row["made"], row["shipped"]) for row in await placed.rows(tables.goods)],
        "slots": [row["state"] for row in await placed.rows(tables.slots)],
        "kept": [row["kept"] for row in await placed.rows(cancellations)],
    }


@pytest.mark.parametrize("mode", ["before_commit", "after_commit"])
async def test_a_worker_killed_while_it_cancels_undoes_everything_once(
    idle_floor: Floor, database_url: str, temporal: str, tmp_path: Path, mode: str
) -> None:
    floor = idle_floor
    async with staffed(floor):
        undisturbed, killed = await made_and_paid(floor), await made_and_paid(floor)
        await cancel(undisturbed)

    # The same queue: the orders go on where the worker before has left them.
    async with immortal([database_url, temporal, floor.task_queue, str(tmp_path), mode]):
        wish = await cancel(killed)

    assert set(os.listdir(tmp_path)) >= {"consider_cancellation", "close_order"}
    assert (await killed.settled(wish))["state"] == "applied"
    assert await undone(floor, killed) == await undone(floor, undisturbed)
    has = await purse(floor, killed.order_id)
    assert (has.forfeited, has.refund_due) == (KEPT, DEPOSIT - KEPT)
    assert has.balances
    await nothing_is_held(floor, killed)
    finished = {row["code"]: row["finished"] for row in await floor.rows(tables.products)}
    assert finished["EL-A4"] == 20
