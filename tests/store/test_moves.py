"""Moving an order: each effect once, and everything given back."""

import asyncio
from datetime import timedelta

import pytest

from activities.models import ProgressRecord, StepVisit
from domain.orders import OrderState
from domain.roles import Role
from policy.loader import load_all
from store import tables
from tests.store.bench import MONDAY, PROFILE, STEPS, Bench


async def test_an_order_goes_from_entry_to_receipt_and_holds_nothing(bench: Bench) -> None:
    order = await (await bench.order(("EL-A4", 10), ("EL-A5", 20))).advance_to("receipt")

    await order.end(OrderState.COMPLETED)

    row = await order.row()
    assert (row["state"], row["closed_at"], row["waiting_role"]) == ("completed", MONDAY, None)
    totals = await bench.totals()
    assert (totals["reserved"], totals["slots"], totals["releases"]) == (0, 0, 0)
    goods = {row["product"]: row for row in await bench.rows(tables.goods, order_id=order.id)}
    assert [goods["EL-A4"][name] for name in ("made", "packed", "shipped")] == [10, 10, 10]
    [shipment] = await bench.rows(tables.shipments, order_id=order.id)
    assert (shipment["state"], shipment["carrier"]) == ("shipped", "SF Express")
    assert not await bench.rows(tables.tasks, order_id=order.id, state="open")
    assert not await bench.rows(tables.windows, order_id=order.id, stopped_at=None)


async def test_the_number_is_given_when_the_registration_is_left(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("entry")
    assert (await order.row())["number"] is None

    await order.advance_to("confirm")

    assert (await order.row())["number"] == "SO-2026-000001"


async def test_the_list_shows_stage_role_and_due_instant_of_the_step(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("confirm")

    row = await order.row()

    assert (row["stage"], row["step"], row["waiting_role"]) == ("L07", "confirm", "sales")
    assert row["due_at"] == MONDAY + timedelta(hours=3)


async def test_opening_a_step_tells_its_role_in_words_without_personal_data(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("review")

    notices = await bench.rows(tables.outbox, order_id=order.id, kind="task_opened")
    story = await bench.rows(tables.timeline, order_id=order.id, kind="step_opened")

    told = {(row["key"].split(".")[1], row["to_role"]) for row in notices}
    assert told == {
        ("entry", "sales"),
        ("confirm", "sales"),
        ("review", "production"),
        ("review", "finance"),
    }
    assert any("due 2026-03-02 11:00+08:00" in row["text"] for row in story)
    assert not any("Wang" in row["text"] for row in [*notices, *story])


async def test_reviewers_see_what_they_judge(bench: Bench) -> None:
    order = await (await bench.order(("EL-A4", 10))).advance_to("review")

    [facts, same] = [
        row["facts"] for row in await bench.rows(tables.tasks, order_id=order.id, step="review")
    ]

    assert facts == same
    assert facts["missing_fields"] == ["deliver_to"]
    assert (facts["amount"], facts["lines"], facts["stock_suffices"]) == ("100.00", 1, True)
    assert facts["load_minutes"] == {"PANEL": "45"}


async def test_three_attempts_at_once_have_one_effect_and_one_answer(bench: Bench) -> None:
    alone = await (await bench.order()).advance_to("receipt")
    before = await bench.totals()

    bench.attempts_at_once = 3
    order = await (await bench.order()).advance_to("receipt")

    after = await bench.totals()
    used = {row["material"]: -row["on_hand_change"] for row in await bench.rows(tables.stock_moves)}
    assert before["on_hand"] - after["on_hand"] == sum(used.values())
    for table in (tables.tasks, tables.timeline, tables.outbox, tables.effects, tables.goods):
        expected = len(await bench.rows(table, order_id=alone.id))
        assert len(await bench.rows(table, order_id=order.id)) == expected


@pytest.mark.parametrize(
    ("state", "step"),
    [(OrderState.REFUSED, "review"), *((OrderState.CANCELLED, step) for step in STEPS)],
)
async def test_an_order_that_ends_early_gives_everything_back(
    bench: Bench, step: str, state: OrderState
) -> None:
    before = await bench.totals()
    order = await (await bench.order(("EL-A4", 10), ("DRV-12V", 4))).advance_to(step)

    await order.end(state, reason="the customer says so")

    after = await bench.totals()
    consumed = bool(await bench.rows(tables.goods, order_id=order.id))
    assert {**after, "on_hand": None} == {**before, "on_hand": None}
    assert (after["on_hand"] < before["on_hand"]) is consumed
    shipped = STEPS.index(step) > STEPS.index("ship")
    finished = {row["code"]: row["finished"] for row in await bench.rows(tables.products)}
    made = 10 if consumed and not shipped else 0
    assert (finished["EL-A4"], finished["DRV-12V"]) == (made, made and 4)
    for row in await bench.rows(tables.goods, order_id=order.id):
        assert row["made"] == row["packed"] == row["shipped"]
    assert not await bench.rows(tables.tasks, order_id=order.id, state="open")
    assert not await bench.rows(tables.windows, order_id=order.id, state="open")


async def test_an_order_that_still_holds_stock_cannot_be_completed(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("production")

    with pytest.raises(RuntimeError, match="still holds stock, slots"):
        await order.end(OrderState.COMPLETED)

    assert (await order.row())["state"] == "open"


async def test_going_back_frees_what_the_later_steps_took(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("plan_approval")
    undo = (StepVisit(step="slot", visit=1),)

    await order.move("open_step", "plan_approval", "plan", outcome="refused", undo=undo)

    totals = await bench.totals()
    assert (totals["slots"], totals["reservations"] > 0) == (0, True)
    await order.move("book_slot", "plan", "slot", "plan_approval")
    assert [row["state"] for row in await bench.rows(tables.slots)] == ["released", "held"]


async def test_leaving_a_step_withdraws_what_nobody_answered(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("review")
    order.tasks["review"] = order.tasks["review"][:1]

    await order.move("open_step", "review", "negotiate", outcome="refused")

    states = {
        row["role"]: row["state"]
        for row in await bench.rows(tables.tasks, order_id=order.id, step="review")
    }
    assert states == {"production": "done", "finance": "withdrawn"}


async def test_a_window_left_in_time_is_kept_and_one_left_late_is_breached(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("entry")
    await order.advance_to("confirm")
    bench.now += timedelta(hours=9)

    await order.advance_to("review")

    states = {row["step"]: row["state"] for row in await bench.rows(tables.windows)}
    assert states == {"entry": "kept", "confirm": "breached", "review": "open"}


async def test_tomorrows_update_runs_from_the_next_working_days_opening(bench: Bench) -> None:
    bench.now = MONDAY + timedelta(days=4, hours=8)  # Friday 17:00
    order = await (await bench.order()).advance_to("plan_approval")
    entered = await order.move("open_step", "plan_approval", "production", beside=("tracking",))
    today = next(w for w in entered.windows if w.step == "tracking")
    [decision] = order.decisions("tracking", "delayed")
    left = order.at("tracking")
    following = (order.at("tracking", next_visit=True), StepVisit(step="delay_notice", visit=1))
    record = ProgressRecord(
        order_id=order.id,
        workflow_id=order.workflow_id,
        key=f"{left.key(order.id)}/record_progress",
        now=bench.now,
        left=left,
        decision=decision,
        following=following,
    )
    opened, again = await asyncio.gather(
        bench.steps.record_progress(record), bench.steps.record_progress(record)
    )

    assert opened == again
    assert today.due_at.isoformat() == "2026-03-06T18:00:00+08:00"
    tomorrow, notice = opened.windows
    assert tomorrow.started_at.isoformat() == "2026-03-09T08:30:00+08:00"
    assert tomorrow.due_at.isoformat() == "2026-03-09T18:00:00+08:00"
    assert notice.started_at == bench.now
    assert [task.outcomes for task in opened.tasks] == [("on_track", "delayed"), ("told",)]


async def test_an_update_that_comes_after_its_step_was_left_opens_nothing(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("plan_approval")
    await order.move("open_step", "plan_approval", "production", beside=("tracking",))
    [decision] = order.decisions("tracking", "on_track")
    left = order.at("tracking")
    second = order.at("tracking", next_visit=True)
    request = order.transition("record_production", "production", "qc")
    assert request.leave is not None
    late = request.leave.model_copy(update={"beside": (second,)})
    await bench.work["record_production"](request.model_copy(update={"leave": late}))

    opened = await bench.steps.record_progress(
        ProgressRecord(
            order_id=order.id,
            workflow_id=order.workflow_id,
            key="progress",
            now=bench.now,
            left=left,
            decision=decision,
            following=(second,),
        )
    )

    assert (opened.tasks, opened.windows) == ((), ())


async def test_a_wait_says_when_it_ends_by_itself(bench: Bench) -> None:
    generic = load_all().profiles["GEN"]
    order = await bench.order(profile=generic)

    entered = await order.move("open_step", None, "receipt")

    assert (entered.auto_at, entered.tasks) == (MONDAY + timedelta(days=7), ())
    assert (await order.row())["waiting_role"] == Role.CUSTOMER
    assert PROFILE.step("receipt").model_dump()["auto_after"] is None
