"""What happens to open windows, as the database keeps it: once, with a line that says so."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.models import Adjustment, Decision, ProgressRecord, PromiseMove, StepVisit
from activities.window_life import WindowKeeper
from domain.roles import Role
from domain.windows import DueWindow, LedgerKind, PauseReason
from store import tables
from tests.store.bench import MONDAY, Bench, Worked
from tests.workflow.policies import changed, window

POLICY = changed(
    confirm={"window": window("TST.confirm", "3h", pauses=("customer",))},
    plan={"window": window("TST.plan", "due-3d")},
)
HOUR = timedelta(hours=1)


async def confirming(bench: Bench) -> tuple[Worked, DueWindow]:
    """An order that waits for its confirmation, with a window that may pause."""
    order = await bench.order(profile=POLICY)
    await order.advance_to("confirm")
    [row] = [row for row in await bench.rows(tables.windows) if row["rule"] == "TST.confirm"]
    return order, DueWindow.model_validate(row["body"])


def adjusted(
    order: Worked, one: DueWindow, action: LedgerKind, at: datetime, **fields: Any
) -> Adjustment:
    return Adjustment(
        order_id=order.id,
        at=at,
        action=action,
        reason=PauseReason.CUSTOMER,
        windows=(one,),
        by="key-of-sales",
        **fields,
    )


async def test_an_adjustment_that_is_tried_again_changes_nothing_more(bench: Bench) -> None:
    order, one = await confirming(bench)
    keeper = WindowKeeper(bench.engine)
    wish = adjusted(order, one, LedgerKind.PAUSED, one.started_at + HOUR)

    first, *others = await asyncio.gather(*(keeper.adjust_windows(wish) for _ in range(4)))

    assert all(other == first for other in others)
    rows = await bench.rows(tables.window_ledger, window=one.key)
    assert sorted(row["kind"] for row in rows) == ["opened", "paused"]
    [row] = await bench.rows(tables.windows, key=one.key)
    assert (row["paused_at"], row["paused_for"]) == (wish.at, ["customer"])


async def test_a_moved_due_instant_shows_in_window_task_list_and_ledger(bench: Bench) -> None:
    order, one = await confirming(bench)
    keeper = WindowKeeper(bench.engine)

    paused = await keeper.adjust_windows(
        adjusted(order, one, LedgerKind.PAUSED, one.started_at + HOUR)
    )
    [waiting] = await bench.rows(tables.tasks, order_id=order.id, state="open", step="confirm")
    while_paused = (waiting["due_at"], (await order.row())["due_at"])
    resumed = await keeper.adjust_windows(
        adjusted(order, paused.windows[0], LedgerKind.RESUMED, one.started_at + 2 * HOUR)
    )

    due = resumed.windows[0].due_at
    assert due > one.due_at
    assert while_paused == (None, None)
    [row] = await bench.rows(tables.windows, key=one.key)
    [task] = await bench.rows(tables.tasks, order_id=order.id, state="open", step="confirm")
    assert row["due_at"] == task["due_at"] == (await order.row())["due_at"] == due
    [line] = await bench.rows(tables.window_ledger, window=one.key, kind="resumed")
    assert (line["due_before"], line["due_after"]) == (one.due_at, due)
    assert (line["reason"], line["by"]) == ("waits for the customer", "key-of-sales")
    assert "paused once, 1 h in all" in row["explanation"]


async def test_a_window_that_was_stopped_meanwhile_stays_stopped(bench: Bench) -> None:
    order, one = await confirming(bench)
    await order.advance_to("review")

    done = await WindowKeeper(bench.engine).adjust_windows(
        adjusted(order, one, LedgerKind.PAUSED, one.started_at + HOUR)
    )

    assert done.windows == ()
    assert not await bench.rows(tables.window_ledger, kind="paused")


async def test_every_window_has_a_first_and_a_last_line(bench: Bench) -> None:
    order, one = await confirming(bench)
    await order.advance_to("review")

    lines = await bench.rows(tables.window_ledger, window=one.key)

    assert [line["kind"] for line in lines] == ["opened", "stopped"]
    assert lines[-1]["reason"] == "kept"


async def test_a_promise_moves_once_with_everything_that_hangs_on_it(bench: Bench) -> None:
    order = await bench.order(profile=POLICY)
    await order.advance_to("plan")
    hanging = [row for row in await bench.rows(tables.windows) if row["rule"] == "TST.plan"]
    later = MONDAY + timedelta(days=90)
    move = PromiseMove(
        order_id=order.id,
        workflow_id=f"order-{order.id}",
        key=f"{order.id}/promise/case-1",
        now=bench.now,
        promised_at=later,
        left=(StepVisit(step="promise", visit=1),),
        following=(StepVisit(step="promise", visit=2),),
        windows=tuple(DueWindow.model_validate(row["body"]) for row in hanging),
    )
    keeper = WindowKeeper(bench.engine)

    first, again = await keeper.move_promise(move), await keeper.move_promise(move)

    assert first == again
    row = await order.row()
    assert (row["promised_at"], row["version"]) == (later, 2)
    assert datetime.fromisoformat(row["body"]["promised_at"]) == later
    [moved] = [row for row in await bench.rows(tables.windows) if row["rule"] == "TST.plan"]
    assert moved["due_at"] == later - timedelta(days=3)
    told = await bench.rows(tables.outbox, kind="promise_moved")
    assert {row["to_role"] for row in told} >= {"customer", "sales"}
    assert all("交货期" in row["text_zh"] for row in told)


@pytest.mark.parametrize(
    ("new_date", "leadership_hears"), [("2026-04-01", False), ("2027-01-15", True)]
)
async def test_a_delay_behind_the_promised_date_goes_to_the_leadership(
    bench: Bench, new_date: str, leadership_hears: bool
) -> None:
    order = await bench.order()
    await order.advance_to("production")
    notice = StepVisit(step="delay_notice", visit=1)
    decision = Decision(
        task_id=f"{order.id}.delay_notice.1.production",
        role=Role.PRODUCTION,
        outcome="told",
        by="key-of-production",
        at=bench.now,
        data={"new_date": new_date},
    )
    await bench.steps.record_progress(
        ProgressRecord(
            order_id=order.id,
            workflow_id=f"order-{order.id}",
            key=f"{notice.key(order.id)}/record_progress",
            now=bench.now,
            left=notice,
            decision=decision,
        )
    )

    told = {row["to_role"] for row in await bench.rows(tables.outbox, kind="delay")}
    assert ("leadership" in told) is leadership_hears
    assert {"sales", "customer"} <= told
