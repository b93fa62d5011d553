"""Follow-ups on the real engine: asked, answered, late, signed by two, and never twice."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.follow_up_starter import FollowUpStarter
from domain.follow_ups import follow_up_workflow_id
from domain.money import Currency, PaymentRoute, Purpose
from domain.roles import Role
from store import follow_ups, tables
from store.follow_up_tables import follow_ups as follow_up_rows
from store.ledger import standing
from store.payments import Arrived, book
from tests.workflow.floor import Floor, Placed
from tests.workflow.policies import changed
from workflows.answering import complete_task
from workflows.contract import TaskCompletion
from workflows.starting import start_follow_up

SHORT = changed("GEN").model_copy(update={"steps": changed("GEN").steps[:1]})
"""The general profile as far as its entry: what follows is all that matters here."""


@dataclass
class Following:
    """A follow-up of an order, on a clock of its own."""

    placed: Placed
    id: str
    answered: set[str] = field(default_factory=set)

    @property
    def workflow_id(self) -> str:
        return follow_up_workflow_id(self.placed.order_id, self.id)

    async def row(self) -> dict[str, Any]:
        [row] = await self.placed.floor.rows(follow_up_rows, id=self.id)
        return row

    async def asked(self, step: str) -> dict[str, Any]:
        """Waits until the step is asked for, or asked for once more."""

        async def there() -> list[dict[str, Any]]:
            found = await self.placed.floor.rows(
                tables.tasks, workflow_id=self.workflow_id, step=step, state="open"
            )
            return [task for task in found if task["id"] not in self.answered]

        [task] = await self.placed.until(there, f"{self.id} asks for {step}")
        return dict(task)

    async def answer(self, step: str, outcome: str, *, by: str | None = None, **data: str) -> None:
        task = await self.asked(step)
        await complete_task(
            self.placed.floor.client.get_workflow_handle(self.workflow_id),
            TaskCompletion(
                task_id=task["id"],
                roles=(Role(task["role"]),),
                outcome=outcome,
                by=by or f"key-of-{task['role']}",
                request_id=str(uuid4()),
                data=data,
            ),
        )
        self.answered.add(task["id"])

    async def closed(self) -> dict[str, Any]:
        """Waits until it is closed; its workflow ends, too."""
        await self.placed.floor.client.get_workflow_handle(self.workflow_id).result()
        row = await self.row()
        assert row["state"] == "closed"
        return row

    async def steps(self) -> list[str]:
        """What was asked, as it came."""
        rows = await self.placed.floor.rows(tables.tasks, workflow_id=self.workflow_id)
        return [row["step"] for row in sorted(rows, key=lambda row: row["opened_at"])]


def starter_of(floor: Floor) -> FollowUpStarter:
    return FollowUpStarter(
        floor.engine, partial(start_follow_up, floor.skipper.client, floor.task_queue)
    )


async def wanted(placed: Placed, kind: str, **fields: Any) -> Following:
    """Stores that a follow-up is wanted. Starts nothing."""
    one = follow_ups.Wanted(
        key=f"{placed.order_id}/{kind}/{uuid4()}",
        kind=kind,
        order_id=placed.order_id,
        requested_by="key-of-customer",
        requested_at=placed.now,
    )
    async with placed.floor.engine.begin() as conn:
        return Following(placed, await follow_ups.want(conn, replace(one, **fields)))


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


async def begun(placed: Placed, kind: str) -> Following:
    """Starts what is wanted; the order's newest follow-up of this kind."""
    await starter_of(placed.floor).round()
    rows = await placed.rows(follow_up_rows, kind=kind)
    return Following(placed, max(rows, key=lambda row: row["requested_at"])["id"])


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
