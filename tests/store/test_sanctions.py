"""Fines and rewards of a profile: a ledger entry for each event, and never a second one."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from activities.case_models import CaseOpening, CaseStep
from activities.models import CaseStart, Decision, Entered, MarkDue, MarksRecord, case_workflow_id
from domain.causes import Cause
from domain.orders import OrderState
from domain.windows import DueWindow, Mark
from policy.model import Profile
from policy.sanctions import Sanction
from store import tables
from tests.store.bench import MONDAY, PROFILE, Bench, Worked

LATE = timedelta(minutes=5)


def sanction(rule_id: str, **fields: Any) -> Sanction:
    """A fine of 100 yuan for any missed window, as S26 has it, with fields replaced."""
    fine = {
        "id": rule_id,
        "on": "window_breached",
        "kind": "fine",
        "amount": "100",
        "currency": "CNY",
        "charged": "owner",
        "text": "The plan was not reported in time.",
        "text_zh": "未按时上报计划。",
    }
    return Sanction.model_validate({**fine, **fields})


ENTRY = sanction("S26.W01", rule="S08.W01")
OTHER_WINDOW = sanction("S26.W02", rule="S08.W02")
REVIEWER = sanction("S05.W01", amount="20", charged="order_desk")
IN_TIME = sanction("S01.R01", on="order_on_time", kind="reward", amount="50", charged="logistics")


def charging(*sanctions: Sanction) -> Profile:
    """S08 with sanctions."""
    return PROFILE.model_copy(update={"sanctions": sanctions})


async def breached(bench: Bench, profile: Profile) -> tuple[Worked, DueWindow]:
    """An order whose entry was done five minutes late."""
    order = await bench.order(profile=profile)
    [window] = (await order.move("open_step", None, "entry")).windows
    mark = MarkDue(window=window.key, mark=Mark.BREACH, at=window.due_at)
    case = CaseStart(
        order_id=order.id,
        case_id=case_workflow_id(window.key),
        customer="C-0001",
        profile=profile.id,
        window=window,
        opened_at=window.due_at,
    )
    record = MarksRecord(order_id=order.id, now=window.due_at, marks=(mark,), cases=(case,))
    await bench.due_lines.record_marks(record)
    bench.now = window.due_at + LATE
    await order.advance_to("confirm")
    return order, window


async def to_be_closed(
    bench: Bench, order: Worked, window: DueWindow, cause: Cause = Cause.CLERK_ERROR, **data: str
) -> CaseStep:
    """The case with its cause stated, and the answer that closes it."""
    opening = CaseOpening(
        order_id=order.id,
        case_id=case_workflow_id(window.key),
        window=window.key,
        role=window.role,
        now=bench.now,
    )

    def answered(entered: Entered, outcome: str, **data: str) -> CaseStep:
        [task] = entered.tasks
        decision = Decision(
            task_id=task.id, role=task.role, outcome=outcome, by="desk", at=bench.now, data=data
        )
        return CaseStep(
            order_id=order.id, case_id=opening.case_id, now=bench.now, decision=decision
        )

    await bench.cases.record_cause(answered(await bench.cases.open_case(opening), cause))
    closing = await bench.cases.open_closing(opening)
    return answered(closing, "closed", **({"responsible": "sales"} | data))


async def test_a_missed_window_is_fined_once_however_often_the_closing_is_tried(
    bench: Bench,
) -> None:
    order, window = await breached(bench, charging(ENTRY, OTHER_WINDOW, REVIEWER))
    step = await to_be_closed(bench, order, window)

    await asyncio.gather(*(bench.cases.close_case(step) for _ in range(5)))
    await bench.cases.close_case(step)

    rows = {row["rule"]: row for row in await bench.rows(tables.performance_ledger)}
    assert set(rows) == {"S26.W01", "S05.W01"}
    fine = rows["S26.W01"]
    assert fine["key"] == f"{case_workflow_id(window.key)}/S26.W01"
    assert (fine["kind"], fine["amount"], fine["currency"]) == ("fine", Decimal(100), "CNY")
    assert (fine["role"], fine["person"]) == ("sales", "desk")
    assert (rows["S05.W01"]["role"], rows["S05.W01"]["person"]) == ("order_desk", None)
    told = await bench.rows(tables.outbox, kind="case_fine")
    assert sorted(row["to_role"] for row in told) == ["order_desk", "sales"]
    assert all("desk" not in row["text"].replace("order desk", "") for row in told)


@pytest.mark.parametrize("cause", [c for c in Cause if c.value.startswith("CUSTOMER_")])
async def test_a_customers_cause_charges_nobody_inside(bench: Bench, cause: Cause) -> None:
    order, window = await breached(bench, charging(ENTRY))

    await bench.cases.close_case(await to_be_closed(bench, order, window, cause))

    assert await bench.rows(tables.performance_ledger) == []
    [case] = await bench.rows(tables.overdue_cases)
    assert case["responsible"] == "customer"


async def test_a_fine_can_be_waived_with_a_reason(bench: Bench) -> None:
    order, window = await breached(bench, charging(ENTRY))
    waived = await to_be_closed(bench, order, window, sanction_waived="first time in ten years")

    await bench.cases.close_case(waived)

    assert await bench.rows(tables.performance_ledger) == []
    [line] = await bench.rows(tables.timeline, kind="case_closing_waived")
    assert "ten years" not in line["text"]


async def test_a_case_by_hand_of_a_window_that_was_kept_costs_nothing(bench: Bench) -> None:
    order = await bench.order(profile=charging(ENTRY))
    [window] = (await order.move("open_step", None, "entry")).windows
    await order.advance_to("confirm")

    await bench.cases.close_case(await to_be_closed(bench, order, window))

    assert await bench.rows(tables.performance_ledger) == []


@pytest.mark.parametrize(("promised_after", "rewards"), [(60, 1), (0, 0)])
async def test_an_order_that_left_by_its_promised_date_is_rewarded_once(
    bench: Bench, promised_after: int, rewards: int
) -> None:
    promised_at = MONDAY + timedelta(days=promised_after)
    order = await bench.order(profile=charging(ENTRY, IN_TIME), promised_at=promised_at)
    bench.now = MONDAY + timedelta(minutes=1)
    await order.advance_to("receipt")

    for _ in range(2):
        leave = order.leave("receipt", "received")
        await order.end(OrderState.COMPLETED, leave=leave)

    rows = await bench.rows(tables.performance_ledger)
    assert [row["key"] for row in rows] == [f"{order.id}/S01.R01"] * rewards


@pytest.mark.parametrize(
    ("fields", "cure"),
    [
        ({"amount": "1.005"}, "write a multiple of 0.01"),
        ({"amount": "0"}, "greater than 0"),
        ({"on": "order_on_time", "rule": "S08.W01", "charged": "sales"}, "leave rule out"),
        ({"on": "order_on_time"}, "name a role in charged"),
    ],
)
def test_a_sanction_that_cannot_be_booked_is_refused(fields: dict[str, Any], cure: str) -> None:
    with pytest.raises(ValidationError, match=cure):
        sanction("S26.W01", **fields)
