"""Follow-ups as the database keeps them: wanted once, moved once, left alone by their order."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from activities.follow_up_models import FollowUpMove, FollowUpStart
from activities.follow_up_starter import FollowUpStarter
from activities.follow_ups import FollowUps
from activities.models import Decision, OrderEnd, StepVisit
from domain.orders import OrderState
from policy.follow_ups import FollowUp
from store import follow_ups, tables
from store.follow_up_tables import follow_ups as rows_of
from store.publication import workflows_behind
from store.tasks import move_due
from tests.store.bench import PROFILE, Bench, Worked
from tests.workflow.floor import profile

COMPLAINT: FollowUp = profile("GEN").follow_up("complaint")
RECORD, ANALYSE = COMPLAINT.step("record"), COMPLAINT.step("analyse")


async def wanted(order: Worked, kind: str = "complaint") -> follow_ups.Wanted:
    one = follow_ups.Wanted(f"{order.id}/{kind}", kind, order.id, "desk", order.bench.now)
    async with order.bench.engine.begin() as conn:
        await follow_ups.want(conn, one)
        await follow_ups.want(conn, replace(one, requested_by="somebody else"))
    return one


def opening(one: follow_ups.Wanted) -> FollowUpMove:
    return FollowUpMove(
        order_id=one.order_id,
        follow_up=one.id,
        kind=one.kind,
        title=COMPLAINT.title,
        title_zh=COMPLAINT.title_zh,
        now=one.requested_at + timedelta(minutes=20),
        enter=StepVisit(step="record", visit=1),
        rules=RECORD,
        began_at=one.requested_at,
    )


def recorded(one: follow_ups.Wanted, begins: FollowUpMove) -> FollowUpMove:
    decision = Decision(
        task_id=f"{begins.workflow_id}.record.1",
        role=RECORD.role,
        outcome="ordinary",
        by="desk",
        at=begins.now + timedelta(minutes=10),
    )
    return begins.model_copy(
        update={
            "now": decision.at,
            "left": begins.enter,
            "decision": decision,
            "left_rules": RECORD,
            "enter": StepVisit(step="analyse", visit=1),
            "rules": ANALYSE,
        }
    )


async def test_a_move_that_two_attempts_make_at_once_is_made_once(bench: Bench) -> None:
    order = await bench.order()
    one, desk = await wanted(order), FollowUps(bench.engine)
    begins = opening(one)

    opened = await asyncio.gather(*(desk.move_follow_up(begins) for _ in range(3)))
    moved = await asyncio.gather(*(desk.move_follow_up(recorded(one, begins)) for _ in range(3)))

    assert opened[0] == opened[1] == opened[2]
    assert moved[0] == moved[1] == moved[2]
    [window] = opened[0].windows
    assert window.started_at == one.requested_at, "it counts from when the customer complained"
    [row] = await bench.rows(rows_of)
    assert (row["state"], row["step"], row["requested_by"]) == ("open", "analyse", "desk")
    states = {row["step"]: row["state"] for row in await bench.rows(tables.tasks)}
    assert states == {"record": "done", "analyse": "open"}
    assert len(await bench.rows(tables.outbox, kind="task_opened")) == 2


async def test_the_end_of_an_order_leaves_its_follow_ups_alone_and_a_calendar_finds_them(
    bench: Bench,
) -> None:
    order = await bench.order()
    await order.move("open_step", None, "entry")
    begins = opening(await wanted(order))
    moved = await FollowUps(bench.engine).move_follow_up(begins)
    end = OrderEnd(
        order_id=order.id, key=f"{order.id}/end", now=bench.now, state=OrderState.CANCELLED
    )
    await bench.closing.close_order(end)

    later = moved.windows[0].due_at + timedelta(hours=1)
    async with bench.engine.begin() as conn:
        await move_due(conn, order.id, moved.windows[0].key, later)
        behind = await workflows_behind(conn, "cn", 99, after="", limit=10)

    [task] = await bench.rows(tables.tasks, state="open")
    assert (task["id"], task["due_at"]) == (moved.tasks[0].id, later)
    [window] = await bench.rows(tables.windows, state="open")
    assert window["key"] == f"{begins.workflow_id}/record/1"
    assert behind == [begins.workflow_id]


async def test_a_debt_without_a_payment_can_be_taken_note_of_and_not_moved(bench: Bench) -> None:
    order, desk = await bench.order(), FollowUps(bench.engine)
    kind = profile("GEN").follow_up("payment")
    place, visit = kind.step("place"), StepVisit(step="place", visit=1)
    opened = opening(await wanted(order, "payment")).model_copy(
        update={"enter": visit, "rules": place}
    )
    await desk.move_follow_up(opened)

    def answered(outcome: str, left: StepVisit) -> FollowUpMove:
        decision = Decision(
            task_id=f"{opened.workflow_id}.place.{left.visit}",
            role=place.role,
            outcome=outcome,
            by="desk",
            at=opened.now,
        )
        end = {"left": left, "decision": decision, "left_rules": place}
        return opened.model_copy(update={**end, "enter": None, "rules": None})

    blocked = await desk.move_follow_up(answered("refund", visit))
    assert blocked.at is not None
    closed = await desk.move_follow_up(answered("keep", blocked.at))

    assert "there is no payment or refund behind" in str(blocked.blocked)
    assert (blocked.at.visit, closed.at) == (2, None)
    assert [row["state"] for row in await bench.rows(rows_of)] == ["closed"]


async def test_what_no_profile_knows_holds_up_no_other_and_an_old_order_has_the_general_kinds(
    bench: Bench,
) -> None:
    old = PROFILE.model_copy(update={"follow_ups": ()})
    order = await bench.order(profile=old)
    for kind in ("praise", "refund"):
        await wanted(order, kind)
    started: list[FollowUpStart] = []

    async def start(one: FollowUpStart) -> None:
        started.append(one)

    starter = FollowUpStarter(bench.engine, start)

    assert [await starter.round() for _ in range(2)] == [1, 0]
    assert [one.kind.id for one in started] == ["refund"]


async def test_an_engine_that_is_away_only_delays_a_follow_up(bench: Bench) -> None:
    order = await bench.order()
    one, stop = await wanted(order), asyncio.Event()
    calls: list[str] = []

    async def start(wished: FollowUpStart) -> None:
        calls.append(wished.follow_up)
        if len(calls) == 1:
            raise ConnectionError("nobody listens")
        stop.set()

    async with asyncio.timeout(30):
        await FollowUpStarter(bench.engine, start, poll_seconds=0.01).run(stop)

    assert calls == [one.id, one.id]


async def test_a_completed_order_that_owes_money_is_collected_where_a_gate_waits_for_money(
    bench: Bench,
) -> None:
    for name in ("S07", "S26", "S08"):  # by S26 only a special order pays in advance
        order = await bench.order(profile=profile(name))
        end = OrderEnd(
            order_id=order.id, key=f"{order.id}/end", now=bench.now, state=OrderState.COMPLETED
        )
        await bench.closing.close_order(end)

    kinds = sorted(row["kind"] for row in await bench.rows(rows_of))
    assert kinds == ["settlement", "survey", "survey"]
    [row] = await bench.rows(rows_of, kind="settlement")
    step = profile("S07").follow_up("settlement").step("collect")
    assert row["facts"] == {"owed": "100", "currency": "CNY"}
    desk, visit = FollowUps(bench.engine), StepVisit(step="collect", visit=1)
    move = FollowUpMove(
        order_id=row["order_id"],
        follow_up=row["id"],
        kind="settlement",
        title="Settlement",
        title_zh="结算",
        now=bench.now,
        enter=visit,
        rules=step,
    )
    opened = await desk.move_follow_up(move)
    paid = Decision(
        task_id=opened.tasks[0].id, role=step.role, outcome="paid", by="finance", at=bench.now
    )
    left = {"left": visit, "decision": paid, "left_rules": step, "enter": None, "rules": None}
    blocked = await desk.move_follow_up(move.model_copy(update=left))
    assert "100.00 CNY are still owed" in str(blocked.blocked)
