"""Workflows and database are compared both ways; what was tampered with is named and mended."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, insert, text, update
from temporalio.client import WorkflowFailureError

from ops.repair.differences import Kind
from ops.repair.mending import mend
from ops.repair.orphans import orphans
from ops.repair.pacing import Pace
from ops.repair.reconciling import Compared, compare, compare_all
from ops.repair.site import Site
from store import schema, tables
from store.audit import read_actions
from store.gate_tables import order_money
from store.money_tables import balances
from store.payment_tables import refunds
from tests.ops.conftest import Dueline
from tests.ops.tampering import TAMPERED, execute, lost_task, lost_window, other_role, set_row
from tests.workflow.changing import TWENTY, ask, asked
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed

ORDERS_THAT_MOVE = 100
WALKERS = 8


def kinds(compared: Compared) -> set[Kind]:
    return {one.kind for one in compared.differences}


async def finish(placed: Placed, *steps: str) -> None:
    await placed.walk((*steps, *S08_AFTER_RELEASE))
    await placed.reached("receipt")
    await placed.wish("receipt")
    await placed.handle.result()


async def at_confirm(floor: Floor) -> Placed:
    placed = await floor.place()
    await placed.do("entry")
    await placed.at("confirm")
    return placed


async def test_every_tampering_is_named_and_mended_and_the_orders_complete(
    site: Site, floor: Floor
) -> None:
    tampered = {name: await at_confirm(floor) for name in TAMPERED}
    healthy = await at_confirm(floor)
    for name, (tamper, _) in TAMPERED.items():
        await tamper(tampered[name])

    pace = Pace()
    found = {one.order_id: one async for one in compare_all(site, pace)}
    for one in await orphans(site, pace):
        found[one.order_id] = one

    named = {name: kinds(found[placed.order_id]) for name, placed in tampered.items()}
    assert named == {name: expected for name, (_, expected) in TAMPERED.items()}
    assert not found[healthy.order_id].differences
    for name, placed in tampered.items():
        mended = await mend(site, found[placed.order_id])
        assert mended.differences == (), name
        assert kinds(Compared(**mended.model_dump() | {"differences": mended.repaired})), name
    async with site.database.connect() as conn:
        lines = await read_actions(conn)
    assert {line.target for line in lines} == {placed.order_id for placed in tampered.values()}
    for placed in (*tampered.values(), healthy):
        await placed.do("confirm")
        await placed.at("review")
    for name, placed in tampered.items():
        assert kinds(await compare(site, placed.order_id)) == set(), name


@pytest.mark.parametrize("name", ["row closed", "window stopped", "task lost", "window lost"])
async def test_a_mended_order_goes_the_whole_way_and_closes(
    site: Site, floor: Floor, name: str
) -> None:
    placed = await at_confirm(floor)
    await TAMPERED[name][0](placed)
    await mend(site, await compare(site, placed.order_id))

    await finish(placed, *S08_STEPS[1:])

    row = await placed.row()
    assert (row["state"], row["step"]) == ("completed", None)
    assert kinds(await compare(site, placed.order_id)) == set()


async def test_mending_twice_changes_nothing_and_two_at_once_neither(
    site: Site, floor: Floor
) -> None:
    placed = await at_confirm(floor)
    await lost_window(placed)
    await lost_task(placed)
    found = await compare(site, placed.order_id)

    await asyncio.gather(mend(site, found), mend(site, found))
    await mend(site, found)

    assert kinds(await compare(site, placed.order_id)) == set()
    assert len(await placed.open_tasks("confirm")) == 1
    async with site.database.connect() as conn:
        assert len(await read_actions(conn)) == 1


async def test_marks_that_the_database_has_lost_are_written_down_again(
    site: Site, floor: Floor
) -> None:
    placed = await at_confirm(floor)
    window = await placed.window("S08.W02")
    await placed.skip(window["due_at"] - placed.now + timedelta(minutes=1))
    await placed.marked(window["key"], "breach")
    await execute(placed, delete(tables.marks).where(tables.marks.c.window == window["key"]))
    await set_row(placed, slack="on_time", level=None)

    found = await compare(site, placed.order_id)
    mended = await mend(site, found)

    assert kinds(found) >= {Kind.MARK_MISSING, Kind.SLACK}
    assert mended.differences == ()
    assert {"warning", "breach"} <= set(await placed.marks(window["key"]))
    assert (await placed.row())["slack"] == "breached"


async def test_while_a_change_is_decided_lists_name_who_decides_it(
    site: Site, floor: Floor
) -> None:
    placed = await at_confirm(floor)
    await placed.do("confirm")
    await placed.at("review")
    await ask(placed, TWENTY)
    task = await asked(placed, "change_review")
    settled = await compare(site, placed.order_id)
    await other_role(placed)

    found = await compare(site, placed.order_id)
    mended = await mend(site, found)

    assert kinds(settled) == set()
    assert (kinds(found), kinds(mended)) == ({Kind.PLACE}, set())
    assert (await placed.row())["waiting_role"] == task["role"] == "sales"


async def test_an_order_that_was_stored_and_never_started_is_started(
    site: Site, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = await floor.place()
    await template.at("entry")
    order_id = str(uuid4())
    row = await template.row() | {"id": order_id, "step": None, "stage": None}
    row |= {"waiting_role": None, "step_since": None, "due_at": None}
    row |= {"created_at": row["created_at"] - timedelta(minutes=1)}
    await execute(template, insert(tables.orders).values(**row))
    placed = Placed(
        floor, order_id, floor.client.get_workflow_handle(f"order-{order_id}"), row["received_at"]
    )

    found = await compare(site, order_id)
    mended = await mend(site, found)

    assert kinds(found) == {Kind.NEVER_STARTED}
    assert [one.kind for one in mended.repaired] == [Kind.NEVER_STARTED]
    await placed.do("entry")
    await placed.at("confirm")


async def test_a_terminated_order_closes_in_the_database_and_nothing_stays_reserved(
    site: Site, floor: Floor
) -> None:
    placed = await floor.place()
    await placed.walk(S08_STEPS[:5])
    await placed.at("production")
    assert await placed.rows(tables.reservations, state="held")
    await placed.handle.terminate(reason="a duplicate")

    found = await compare(site, placed.order_id)
    unnamed = await mend(site, found)
    state = (await placed.row())["state"]
    mended, again = await asyncio.gather(*(mend(site, found, named=True) for _ in range(2)))

    assert kinds(found) == {Kind.ROW_OPEN}
    assert "dueline ops recover" in str(unnamed.differences[0].advice)
    assert state == "open"
    assert mended.differences == again.differences == ()
    told = await placed.rows(tables.timeline, kind="order_cancelled")
    assert len(told) == 1
    row = await placed.row()
    assert (row["state"], row["reason"]) == ("cancelled", "terminated by operations")
    assert not await placed.rows(tables.reservations, state="held")
    assert not await placed.rows(tables.slots, state="held")
    assert not await placed.open_tasks()


async def test_what_a_closed_order_still_holds_is_given_back(site: Site, floor: Floor) -> None:
    placed = await floor.place()
    await placed.walk(S08_STEPS[:5])
    await placed.at("production")
    await placed.wish("cancellation")
    await placed.handle.result()
    await execute(
        placed,
        update(tables.materials).values(reserved=tables.materials.c.reserved + 0),
        update(tables.slots).where(tables.slots.c.order_id == placed.order_id).values(state="held"),
    )

    found = await compare(site, placed.order_id)
    mended = await mend(site, found)

    assert kinds(found) == {Kind.RESERVED}
    assert mended.differences == ()
    assert not await placed.rows(tables.slots, state="held")


async def test_what_cannot_be_mended_safely_says_what_to_do(site: Site, floor: Floor) -> None:
    placed = await at_confirm(floor)
    gone = str(uuid4())
    row = await placed.row() | {"id": gone, "number": None}
    row |= {"created_at": row["created_at"] - timedelta(minutes=1)}
    await execute(placed, insert(tables.orders).values(**row))

    found = await mend(site, await compare(site, gone))

    [difference] = found.differences
    assert difference.kind is Kind.WORKFLOW_GONE
    assert "place the order anew" in str(difference.advice)
    assert (await floor.rows(tables.orders, id=gone))[0]["state"] == "open"


async def test_a_workflow_without_a_row_is_named(site: Site, floor: Floor) -> None:
    placed = await floor.place()
    await placed.at("entry")
    async with floor.engine.begin() as conn:
        for table in reversed(schema.metadata.sorted_tables):
            if "order_id" in table.c:
                await conn.execute(delete(table))
        await conn.execute(delete(tables.orders))

    async def listed() -> list[Compared]:
        return await orphans(site, Pace())

    [orphan] = await placed.until(listed, "the engine lists the order")

    assert [one.kind for one in orphan.differences] == [Kind.NO_ROW]
    assert orphan.order_id == placed.order_id


async def test_a_case_whose_workflow_was_ended_by_hand_is_closed(site: Site, floor: Floor) -> None:
    placed = await at_confirm(floor)
    window = await placed.window("S08.W02")
    await placed.skip(window["due_at"] - placed.now + timedelta(minutes=1))

    async def opened() -> list[dict[str, Any]]:
        return await placed.rows(tables.tasks, step="cause", state="open")

    [task] = await placed.until(opened, "the case asks for the cause")
    assert kinds(await compare(site, placed.order_id)) == set()
    await execute(placed, delete(tables.tasks).where(tables.tasks.c.id == task["id"]))
    lost = await compare(site, placed.order_id)
    await mend(site, lost)
    assert kinds(lost) == {Kind.TASK_MISSING}
    await floor.client.get_workflow_handle(task["workflow_id"]).terminate(reason="by hand")

    found = await compare(site, placed.order_id)
    mended = await mend(site, found)

    assert kinds(found) == {Kind.CASE_GONE}
    assert mended.differences == ()
    [case] = await placed.rows(tables.overdue_cases)
    assert case["state"] == "closed"
    assert not await placed.rows(tables.tasks, step="cause", state="open")


async def disagreeing(placed: Placed) -> None:
    """A change nobody decides, a rush that is not shown, money and goods that do not add up."""
    of_order, at = {"order_id": placed.order_id}, placed.received_at
    change = {"id": str(uuid4()), "kind": "change", "patch": {}, "registered_at": at}
    refund = {"id": str(uuid4()), "key": str(uuid4()), "holder": placed.order_id, "amount": 7}
    await execute(
        placed,
        insert(tables.changes).values(**of_order, **change, requested_by="sales", requested_at=at),
        insert(order_money).values(**of_order, rush_fee=5, rush_paid_at=at),
        insert(balances).values(holder=placed.order_id, currency="CNY", account="goods", amount=5),
        insert(refunds).values(
            **of_order, **refund, currency="CNY", reason="-", proposed_by="a", proposed_at=at
        ),
        insert(tables.goods).values(**of_order, product="EL-A4", made=3, packed=3, shipped=3),
        insert(tables.shipments).values(
            **of_order, step_key=f"{placed.order_id}/x", state="shipped", quantities={"EL-A4": 2}
        ),
    )


async def test_what_disagrees_inside_the_database_is_named_and_money_is_never_mended(
    site: Site, floor: Floor
) -> None:
    placed = await at_confirm(floor)
    await disagreeing(placed)

    found = await compare(site, placed.order_id)
    left = await mend(site, found)

    by_hand = {Kind.CHANGE, Kind.BALANCE, Kind.SHIPPED, Kind.REFUND, Kind.REFUND_UNATTENDED}
    assert kinds(found) == by_hand | {Kind.RUSH}
    assert kinds(left) == by_hand
    assert all(one.advice for one in left.differences)
    assert (await placed.row())["priority"] == "rush"
    assert (await floor.rows(balances, holder=placed.order_id))[0]["amount"] == 5


async def test_moving_orders_give_no_finding(site: Site, floor: Floor) -> None:
    orders = [await floor.place() for _ in range(ORDERS_THAT_MOVE)]
    at_once = asyncio.Semaphore(WALKERS)

    async def live(placed: Placed) -> None:
        async with at_once:
            await placed.walk(S08_STEPS[:1])

    moving = [asyncio.create_task(live(placed)) for placed in orders]
    whole = await floor.place()
    moving.append(asyncio.create_task(finish(whole, *S08_STEPS)))
    found: list[Compared] = []
    while not all(task.done() for task in moving):
        found += [one async for one in compare_all(site, Pace(per_second=20))]
    await asyncio.gather(*moving)

    assert len(found) >= len(orders)
    assert [one for one in found if one.differences or one.unasked] == []


async def test_the_command_names_mends_and_is_silent_afterwards(
    site: Site, floor: Floor, dueline: Dueline
) -> None:
    placed = await at_confirm(floor)
    await lost_task(placed)

    named = await dueline("ops", "reconcile")
    mended = await dueline("ops", "reconcile", placed.order_id[:8], "--repair")
    clean = await dueline("ops", "reconcile", "--json")

    assert named.code == 1
    assert "task missing" in named.out, named.err
    assert "--repair" in named.out
    assert (mended.code, "1 mended" in mended.out) == (0, True), mended.err
    assert clean.code == 0, clean.out
    assert clean.json == {"compared": 1, "orders": [], "notices": None}


async def test_without_a_worker_it_says_that_it_could_not_ask(
    site: Site, idle_floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.repair.reconciling.QUERY_SECONDS", 1.0)
    placed = await idle_floor.place()

    compared = await compare(site, placed.order_id)

    assert compared.differences == ()
    assert "no worker lives" in str(compared.unasked)


async def test_what_the_database_refuses_stops_no_other_order_and_is_told(
    site: Site, floor: Floor
) -> None:
    refused, other = await at_confirm(floor), await at_confirm(floor)
    await lost_task(refused)
    await lost_task(other)
    never = f"CHECK (order_id <> '{refused.order_id}') NOT VALID"
    await execute(refused, text(f"ALTER TABLE tasks ADD CONSTRAINT never {never}"))

    found = [await mend(site, await compare(site, one.order_id)) for one in (refused, other)]

    [difference] = found[0].differences
    assert "could not be mended: the database says" in str(difference.advice)
    assert "constraint never" in str(difference.advice)
    assert "Failing row" not in str(difference.advice)
    assert found[1].differences == ()


async def test_a_failed_order_is_left_to_recover(site: Site, floor: Floor) -> None:
    placed = await at_confirm(floor)
    row = await placed.row() | {"id": str(uuid4()), "number": None}
    await execute(placed, insert(tables.orders).values(**row))
    # Another workflow under its name, with no time to live: it times out as an order never does.
    failed = await floor.client.start_workflow(
        "AssessmentWorkflow",
        {"length": "month"},
        id=f"order-{row['id']}",
        task_queue=f"nobody-{uuid4()}",
        execution_timeout=timedelta(seconds=1),
    )
    with pytest.raises(WorkflowFailureError):
        await failed.result()

    found = await mend(site, await compare(site, row["id"]))

    [difference] = found.differences
    assert difference.kind is Kind.WORKFLOW_FAILED
    assert "dueline ops recover" in str(difference.advice)
