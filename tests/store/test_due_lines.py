"""Marks, notices, overdue cases and changes as the database keeps them."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.case_models import CaseOpening, CaseStep
from activities.models import (
    CaseStart,
    Decision,
    DecisionRecord,
    Entered,
    MarkDue,
    MarksRecord,
    case_workflow_id,
)
from domain.causes import Cause
from domain.changes import ChangeState
from domain.orders import OrderState
from domain.windows import DueWindow, Mark
from store import tables
from store.effects import count_reset
from tests.store.bench import MONDAY, PROFILE, Bench, Worked, verdict, wish


async def late_order(bench: Bench) -> tuple[Worked, DueWindow]:
    """An order whose entry is late, and the window it missed."""
    order = await bench.order()
    entered = await order.move("open_step", None, "entry")
    return order, entered.windows[0]


def marks(order: Worked, window: DueWindow, *which: Mark) -> MarksRecord:
    fallen = [mark for mark in window.marks if mark.mark in which]
    case = CaseStart(
        order_id=order.id,
        case_id=case_workflow_id(window.key),
        customer="C-0001",
        profile="S08",
        window=window,
        opened_at=window.due_at,
    )
    return MarksRecord(
        order_id=order.id,
        now=fallen[-1].at,
        marks=tuple(MarkDue(window=window.key, mark=m.mark, at=m.at) for m in fallen),
        cases=(case,) if Mark.BREACH in which else (),
    )


async def listeners(bench: Bench, order: Worked, kind: str) -> set[str]:
    rows = await bench.rows(tables.outbox, order_id=order.id, kind=kind)
    return {row["to_role"] for row in rows}


async def test_each_mark_is_recorded_and_told_once(bench: Bench) -> None:
    order, window = await late_order(bench)
    record = marks(order, window, Mark.WARNING, Mark.BREACH)

    await asyncio.gather(*(bench.due_lines.record_marks(record) for _ in range(5)))

    recorded = await bench.rows(tables.marks, window=window.key)
    assert sorted(row["mark"] for row in recorded) == ["breach", "warning"]
    assert await listeners(bench, order, "window_warning") == {"sales"}
    told = await bench.rows(tables.outbox, order_id=order.id, kind="window_breach")
    assert sorted(row["to_role"] for row in told) == ["department_head", "order_desk", "sales"]
    story = await bench.rows(tables.timeline, order_id=order.id, kind="window_breach")
    assert [row["text"] for row in story] == [
        "Entry is overdue: due 2026-03-02 10:00+08:00 (S08.W01)"
    ]


async def test_a_breach_shows_in_window_and_list_and_starts_its_case(bench: Bench) -> None:
    order, window = await late_order(bench)

    await bench.due_lines.record_marks(marks(order, window, Mark.WARNING))
    warned = await order.row()
    await bench.due_lines.record_marks(marks(order, window, Mark.BREACH))

    row = await order.row()
    assert (warned["slack"], warned["level"]) == ("warned", 0)
    assert (row["slack"], row["level"]) == ("breached", 1)
    assert [row["state"] for row in await bench.rows(tables.windows)] == ["breached"]
    assert [case.case_id for case in bench.started] == [case_workflow_id(window.key)]


async def test_leaving_the_late_step_brings_the_order_back_into_line(bench: Bench) -> None:
    order, window = await late_order(bench)
    await bench.due_lines.record_marks(marks(order, window, Mark.WARNING, Mark.BREACH))
    bench.now = window.due_at + timedelta(minutes=1)

    await order.advance_to("confirm")

    row = await order.row()
    assert (row["slack"], row["level"]) == ("on_time", None)
    assert {row["step"]: row["state"] for row in await bench.rows(tables.windows)} == {
        "entry": "breached",
        "confirm": "open",
    }


async def test_no_mark_falls_after_its_window_was_stopped(bench: Bench) -> None:
    order, window = await late_order(bench)
    bench.now = window.started_at + timedelta(minutes=1)
    await order.advance_to("confirm")

    # A reset order watches the window once more, long after it was kept.
    await bench.due_lines.record_marks(marks(order, window, Mark.WARNING, Mark.BREACH))

    assert await bench.rows(tables.marks) == []
    assert bench.started == []
    assert await listeners(bench, order, "window_breach") == set()
    assert {row["state"] for row in await bench.rows(tables.windows, step="entry")} == {"kept"}


async def test_a_mark_that_is_tried_again_still_starts_its_case(bench: Bench) -> None:
    order, window = await late_order(bench)
    record = marks(order, window, Mark.BREACH)
    await bench.due_lines.record_marks(record)
    bench.started.clear()
    bench.now = window.due_at + timedelta(minutes=1)
    await order.advance_to("confirm")

    await bench.due_lines.record_marks(record)

    assert [case.case_id for case in bench.started] == [case_workflow_id(window.key)]


async def test_a_case_that_was_opened_is_not_started_once_more(bench: Bench) -> None:
    order, window = await late_order(bench)
    record = marks(order, window, Mark.BREACH)
    await bench.due_lines.record_marks(record)
    opening = CaseOpening(
        order_id=order.id,
        case_id=case_workflow_id(window.key),
        window=window.key,
        role=window.role,
        now=window.due_at,
    )
    await bench.cases.open_case(opening)
    bench.started.clear()

    await bench.due_lines.record_marks(record)

    assert bench.started == []


async def test_between_a_reset_and_its_message_no_mark_falls(bench: Bench) -> None:
    order, window = await late_order(bench)
    async with bench.engine.begin() as conn:
        await count_reset(conn, order.id, 1, "the-run-before")
    record = marks(order, window, Mark.BREACH)

    env = ActivityEnvironment()
    await env.run(bench.due_lines.record_marks, record)
    before = await bench.rows(tables.marks)
    await env.run(bench.due_lines.record_marks, record.model_copy(update={"repeats": 1}))

    assert before == []
    assert [row["mark"] for row in await bench.rows(tables.marks)] == ["breach"]


async def test_analysis_reaches_every_department_on_the_order(bench: Bench) -> None:
    order = await bench.order()
    await order.advance_to("confirm")
    entered = await order.move("prepare_review", "confirm", "review")

    await bench.due_lines.record_marks(marks(order, entered.windows[0], Mark.ANALYSIS))

    told = await listeners(bench, order, "window_analysis")
    assert told == {"sales_manager", "sales", "production", "finance"}


async def test_a_profile_can_tell_the_customer_of_a_warning(bench: Bench) -> None:
    open_minded = PROFILE.model_copy(update={"customer_notice": "on_warning"})
    order = await bench.order(profile=open_minded)
    entered = await order.move("open_step", None, "entry")

    await bench.due_lines.record_marks(marks(order, entered.windows[0], Mark.WARNING))

    assert await listeners(bench, order, "window_warning") == {"sales", "customer"}


async def test_one_reviewers_answer_is_kept_and_the_other_is_still_awaited(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("review")
    decision = order.decisions("review")[0]
    record = DecisionRecord(order_id=order.id, now=bench.now, decision=decision)

    await asyncio.gather(*(bench.steps.record_decision(record) for _ in range(3)))

    states = {row["role"]: row["state"] for row in await bench.rows(tables.tasks, step="review")}
    assert states == {"production": "done", "finance": "open"}
    assert (await order.row())["waiting_role"] == "finance"
    [line] = await bench.rows(tables.timeline, kind="task_answered")
    assert line["text"] == "Review: approved (production)"


# --- overdue cases ---------------------------------------------------------------------------


async def opened_case(bench: Bench) -> tuple[Worked, CaseOpening, Entered]:
    order, window = await late_order(bench)
    await bench.due_lines.record_marks(marks(order, window, Mark.WARNING, Mark.BREACH))
    opening = CaseOpening(
        order_id=order.id,
        case_id=case_workflow_id(window.key),
        window=window.key,
        role=window.role,
        now=window.due_at,
    )
    first, again = await asyncio.gather(
        bench.cases.open_case(opening), bench.cases.open_case(opening)
    )
    assert first == again
    return order, opening, first


def answer(opening: CaseOpening, entered: Entered, outcome: str, **data: str) -> CaseStep:
    [task] = entered.tasks
    decision = Decision(
        task_id=task.id,
        role=task.role,
        outcome=outcome,
        by="desk",
        at=opening.now + timedelta(minutes=5),
        note="the form lay in another tray",
        data=data,
    )
    return CaseStep(
        order_id=opening.order_id, case_id=opening.case_id, now=decision.at, decision=decision
    )


async def test_a_case_asks_for_its_cause_within_its_own_window(bench: Bench) -> None:
    _, opening, entered = await opened_case(bench)

    [task], [window] = entered.tasks, entered.windows
    assert (task.id, task.role) == (f"{opening.case_id}.cause", "department_head")
    assert task.outcomes == tuple(Cause)
    assert (window.key, window.rule) == (f"{opening.case_id}/cause", "GEN.cause")
    [row] = await bench.rows(tables.tasks, id=task.id)
    assert (row["workflow_id"], row["due_at"]) == (opening.case_id, window.due_at)
    assert len(await bench.rows(tables.overdue_cases)) == 1


@pytest.mark.parametrize(
    ("cause", "responsible"),
    [(Cause.CLERK_ERROR, "order desk"), (Cause.CUSTOMER_CHANGE, "customer")],
)
async def test_a_case_is_closed_with_cause_and_responsible(
    bench: Bench, cause: Cause, responsible: str
) -> None:
    _, opening, entered = await opened_case(bench)
    await bench.cases.record_cause(answer(opening, entered, cause))
    closing = await bench.cases.open_closing(opening)
    assert closing.tasks[0].requires == ("responsible",)

    await bench.cases.close_case(answer(opening, closing, "closed", responsible="order desk"))

    [row] = await bench.rows(tables.overdue_cases)
    assert (row["state"], row["cause"], row["responsible"]) == ("closed", cause, responsible)
    assert row["closed_at"] is not None
    states = {
        row["key"].rpartition("/")[2]: row["state"]
        for row in await bench.rows(tables.windows)
        if row["key"].startswith("case-")
    }
    assert states == {"cause": "kept", "closing": "kept"}


async def test_a_cases_own_mark_says_nothing_of_the_order_or_to_the_customer(bench: Bench) -> None:
    open_minded = PROFILE.model_copy(update={"customer_notice": "on_warning"})
    order = await bench.order(profile=open_minded)
    entered = await order.move("open_step", None, "entry")
    opening = CaseOpening(
        order_id=order.id,
        case_id=case_workflow_id(entered.windows[0].key),
        window=entered.windows[0].key,
        role=entered.windows[0].role,
        now=MONDAY,
    )
    case = await bench.cases.open_case(opening)

    await bench.due_lines.record_marks(marks(order, case.windows[0], Mark.WARNING))

    assert (await order.row())["slack"] == "on_time"
    assert "customer" not in await listeners(bench, order, "window_warning")


async def test_a_case_outlives_its_order(bench: Bench) -> None:
    order, _, entered = await opened_case(bench)

    await order.end(OrderState.CANCELLED)

    [task] = await bench.rows(tables.tasks, id=entered.tasks[0].id)
    [window] = await bench.rows(tables.windows, key=entered.windows[0].key)
    assert (task["state"], window["state"]) == ("open", "open")


# --- changes -----------------------------------------------------------------------------------


async def test_a_change_makes_the_next_version_once(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("confirm")
    lines = [{"line": 1, "quantity": 3}]
    await wish(bench, order, "c1", patch={"lines": lines, "remarks": "Ring twice."})
    applied = verdict(order, "c1", ChangeState.APPLIED)

    settled = await asyncio.gather(*(bench.changes.settle_change(applied) for _ in range(4)))

    assert {(s.version, s.state) for s in settled} == {(2, ChangeState.APPLIED)}
    row = await order.row()
    assert (row["version"], row["amount"], row["body"]["remarks"]) == (2, 30, "Ring twice.")
    assert row["body"]["contact"]["name"] == "Wang Fang"
    assert (await bench.rows(tables.changes))[0]["state"] == "applied"
    assert await listeners(bench, order, "change_applied") == {"customer", "sales", "order_desk"}


async def test_a_change_against_an_old_version_is_refused_and_says_what_changed(
    bench: Bench,
) -> None:
    order = await (await bench.order()).advance_to("confirm")
    await wish(bench, order, "c1")
    await wish(bench, order, "c2", patch={"requirements": "None."})
    await bench.changes.settle_change(verdict(order, "c1", ChangeState.APPLIED))

    settled = await bench.changes.settle_change(verdict(order, "c2", ChangeState.APPLIED))

    assert (settled.version, settled.state) == (2, ChangeState.REFUSED)
    [row] = await bench.rows(tables.changes, id="c2")
    assert row["reason"] == (
        "the order is at version 2 and the change is against version 1; remarks changed since then"
    )
    assert "requirements" not in {k for k, v in (await order.row())["body"].items() if v}


async def test_a_change_that_makes_no_valid_order_is_refused_without_quoting_it(
    bench: Bench,
) -> None:
    order = await (await bench.order()).advance_to("confirm")
    await wish(bench, order, "c1", patch={"contact": {"name": "Secret Name", "phone": ""}})

    settled = await bench.changes.settle_change(verdict(order, "c1", ChangeState.APPLIED))

    [row] = await bench.rows(tables.changes)
    assert (settled.version, settled.state) == (1, ChangeState.REFUSED)
    assert row["reason"].startswith("contact.phone: ")
    assert "Secret" not in row["reason"]


async def test_a_refusal_keeps_its_reason_and_changes_nothing(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("confirm")
    await wish(bench, order, "c1")

    settled = await bench.changes.settle_change(
        verdict(order, "c1", ChangeState.REFUSED, reason="too late")
    )

    assert (settled.version, settled.state) == (1, ChangeState.REFUSED)
    assert (await bench.rows(tables.changes))[0]["reason"] == "too late"


async def test_the_end_of_an_order_settles_the_wish_that_ended_it(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("confirm")
    await wish(bench, order, "c1", kind="cancellation", reason="no need", against_version=None)

    await order.end(OrderState.CANCELLED, change_id="c1")

    [row] = await bench.rows(tables.changes)
    assert (row["state"], row["reason"]) == ("applied", "no need")
    assert await listeners(bench, order, "order_cancelled") == {
        "customer",
        "production",
        "warehouse",
        "purchasing",
        "finance",
        "logistics",
    }
