"""Follow-ups on the real engine: asked, answered, late, signed by two, and never twice."""

import asyncio
import os
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.money import Currency, PaymentRoute, Purpose
from store import tables
from store.follow_up_tables import follow_ups as follow_up_rows
from store.ledger import standing
from store.payments import Arrived, book
from tests.workflow.conftest import staffed
from tests.workflow.floor import Floor, Placed
from tests.workflow.following import Following, begun, starter_of, wanted
from tests.workflow.policies import changed
from tests.workflow.test_killed import immortal

SHORT = changed("GEN").model_copy(update={"steps": changed("GEN").steps[:1]})
"""The general profile as far as its entry: what follows is all that matters here."""


async def late_and_settled(placed: Placed, service: Following) -> datetime:
    """The contact is days late: its case climbs to the leadership, and is closed once it is made.

    Returns when the contact was due.
    """
    floor = placed.floor
    await service.answer("hand_over", "passed")
    handle = floor.client.get_workflow_handle(service.workflow_id)
    contact = await service.asked("contact")
    key = f"{service.workflow_id}/contact/1"
    await floor.skipper.fast_forward(handle, timedelta(days=12))
    [case] = await placed.until(
        partial(placed.rows, tables.overdue_cases, window=key), "the breach has its case"
    )
    await placed.until(partial(placed.open_tasks, "analysis"), "the ladder drives the case")
    await service.answer("contact", "settled")
    await placed.answer((await placed.open_tasks("cause"))[0], "CAPACITY")
    until = (placed.now + timedelta(days=30)).date().isoformat()
    told = {"analysis": "-", "measure": "-", "owner": "technical", "until": until}
    await placed.answer((await placed.open_tasks("analysis"))[0], "analysed", **told)
    for part, outcome in (("decision", "resources"), ("measure", "done")):
        [task] = await placed.until(partial(placed.open_tasks, part), part)
        await placed.answer(task, outcome)
    [closing] = await placed.until(partial(placed.open_tasks, "closing"), "the step is left")
    await placed.answer(closing, "closed", responsible="technical")
    await floor.client.get_workflow_handle(case["id"]).result()
    due_at: datetime = contact["due_at"]
    return due_at


async def test_survey_complaint_and_service_outlive_their_order_and_a_late_one_gets_a_case(
    floor: Floor,
) -> None:
    placed = await floor.place(policy=SHORT)
    await placed.walk(("entry",))
    await placed.handle.result()
    complaint = await wanted(placed, "complaint", text="it crackles", facts={"order_line": 1})
    service = await wanted(placed, "service")
    starter = starter_of(floor)

    assert await starter.round() == 3, "the survey has begun by itself"
    assert await starter.round() == 0, "what was started is left alone"
    await starter_of(floor).round()  # another worker may start them again

    [row] = await placed.rows(follow_up_rows, kind="survey")
    survey = Following(placed, row["id"])
    await survey.answer("ask", "dissatisfied", about="the wait")
    improve = await survey.asked("improve")
    assert improve["facts"]["about"] == "the wait"
    await survey.answer("improve", "done", improvement="tell the date earlier")
    assert (await survey.closed())["outcome"] == "done"

    await complaint.answer("record", "ordinary")
    await complaint.answer("analyse", "serious", interim_plan="a new panel goes out today")
    decision = await complaint.asked("decide")
    assert decision["role"] == "leadership"
    assert decision["facts"]["interim_plan"] == "a new panel goes out today"
    assert decision["facts"]["order_line"] == 1
    await complaint.answer("decide", "agreed")
    await complaint.answer("analyse", "analysed", cause="a loose wire")
    await complaint.answer("solve", "not_solved", reason="it still crackles")
    await complaint.answer("analyse", "analysed", cause="the driver")
    await complaint.answer("solve", "solved", solution="a new driver")

    due_at = await late_and_settled(placed, service)

    assert (await service.closed())["outcome"] == "settled"
    await complaint.answer("summarise", "done", summary="check every driver")
    assert (await complaint.closed())["outcome"] == "done"
    assert await complaint.steps() == [
        "record", "analyse", "decide", "analyse", "solve", "analyse", "solve", "summarise",
    ]  # fmt: skip
    breach = await placed.rows(tables.outbox, kind="window_breach")
    assert {row["to_role"] for row in breach} == {
        "customer_service",
        "department_head",
        "order_desk",
    }
    assert all("Contact with the customer" in row["text"] for row in breach)
    assert due_at == (await placed.window("GEN.service_contact"))["due_at"]
    said = str([await placed.rows(table) for table in (tables.outbox, tables.timeline)])
    assert "it crackles" not in said


async def refused(following: Following, step: str, outcome: str, by: str, **data: str) -> str:
    """The sentence with which an answer of this key is refused."""
    with pytest.raises(WorkflowUpdateFailedError) as error:
        await following.answer(step, outcome, by=by, **data)
    cause = error.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.type, cause.details[0]) == ("NotAllowed", "by")
    return cause.message


async def paid_too_much(placed: Placed) -> None:
    """The customer pays 500.00 for goods of 185.00."""
    async with placed.floor.engine.begin() as conn:
        await book(
            conn,
            Arrived(
                source="finance",
                reference=f"B-{placed.order_id[:8]}",
                digest="-",
                order=placed.order_id,
                amount=Decimal("500.00"),
                currency=Currency.CNY,
                route=PaymentRoute.ACCOUNT,
                purpose=Purpose.GOODS,
                arrived_at=placed.now,
                reported_by="key-of-finance",
                held_unfit=False,
            ),
            placed.now,
        )


async def test_money_goes_back_by_four_eyes_and_damage_is_told_to_the_order(floor: Floor) -> None:
    placed = await floor.place(profile="GEN")
    await placed.at("entry")
    await paid_too_much(placed)
    damage = await wanted(placed, "damage")
    payment = await begun(placed, "payment")

    await payment.answer("place", "assign", order="SO-NOBODYS")
    again = await payment.asked("place")
    assert again["visit"] == 2
    assert "there is no order" in again["facts"]["blocked"]
    await payment.answer("place", "refund", by="key-of-finance")
    await payment.closed()
    refund = await begun(placed, "refund")

    assert (await refund.asked("approve"))["facts"]["amount"] == "315.00"
    assert "has proposed it" in await refused(refund, "approve", "approved", "key-of-finance")
    await refund.answer("approve", "approved", by="key-of-control")
    transfer = {"reference": "T-1"}
    assert "has answered" in await refused(refund, "pay", "paid", "key-of-control", **transfer)
    await refund.answer("pay", "paid", by="key-of-finance", **transfer)
    await refund.closed()

    await damage.answer("look", "known", finding="a wet box")
    await damage.answer("answer", "refunded", amount="9999.00")
    blocked = (await damage.asked("answer"))["facts"]["blocked"]
    assert "more than there is" in blocked
    await damage.answer("answer", "kept")
    await damage.closed()

    async with floor.engine.connect() as conn:
        money = await standing(conn, placed.order_id, "CNY")
    assert (money.received, money.refunded, money.applied) == (
        Decimal(500),
        Decimal(315),
        Decimal(185),
    )
    events = (await placed.handle.fetch_history()).events
    signals = (event.workflow_execution_signaled_event_attributes for event in events)
    heard = [one.signal_name for one in signals if one.signal_name]
    assert heard == ["follow_up_opened", "money_moved", "follow_up_closed"]
    told = await placed.rows(tables.outbox, to_role="customer")
    assert [row["kind"] for row in told if "follow_up" in row["kind"]] == [
        "follow_up_opened",
        "follow_up_closed",
    ]


async def test_a_worker_killed_when_the_money_was_paid_pays_it_once(
    idle_floor: Floor, database_url: str, temporal: str, tmp_path: Path
) -> None:
    floor = idle_floor
    async with staffed(floor):
        placed = await floor.place(profile="GEN")
        await placed.at("entry")
        await paid_too_much(placed)
        payment = await begun(placed, "payment")
        await payment.answer("place", "refund")
        await payment.closed()
        refund = await begun(placed, "refund")
        await refund.answer("approve", "approved")
        await refund.asked("pay")

    async with immortal([database_url, temporal, floor.task_queue, str(tmp_path), "after_commit"]):
        paying = asyncio.create_task(refund.answer("pay", "paid", reference="T-1"))
        await refund.closed()
        await asyncio.gather(paying, return_exceptions=True)

    assert "move_follow_up" in os.listdir(tmp_path)
    async with floor.engine.connect() as conn:
        money = await standing(conn, placed.order_id, "CNY")
    assert (money.received, money.refunded) == (Decimal(500), Decimal(315))
    closed = await placed.rows(tables.timeline, kind="follow_up_closed")
    assert len(closed) == 2, "each follow-up is closed once"
