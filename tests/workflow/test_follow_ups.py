"""Follow-ups on the real engine: asked, answered, late, signed by two, and never twice."""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from activities.follow_up_starter import FollowUpStarter
from domain.follow_ups import follow_up_workflow_id
from domain.roles import Role
from store import follow_ups, tables
from store.follow_up_tables import follow_ups as follow_up_rows
from tests.workflow.floor import Floor, Placed
from workflows.answering import complete_task
from workflows.contract import TaskCompletion
from workflows.starting import start_follow_up

MINUTE = timedelta(minutes=1)


@dataclass
class Following:
    """A follow-up of an order, on a clock of its own."""

    placed: Placed
    id: str

    @property
    def workflow_id(self) -> str:
        return follow_up_workflow_id(self.placed.order_id, self.id)

    async def row(self) -> dict[str, Any]:
        [row] = await self.placed.floor.rows(follow_up_rows, id=self.id)
        return row

    async def asked(self, step: str) -> dict[str, Any]:
        """Waits until the step is asked for."""

        async def there() -> list[dict[str, Any]]:
            return await self.placed.floor.rows(
                tables.tasks, workflow_id=self.workflow_id, step=step, state="open"
            )

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


async def test_a_complaint_that_becomes_serious_goes_to_the_leadership_and_a_late_answer_to_a_case(
    floor: Floor,
) -> None:
    placed = await floor.place(profile="GEN")
    complaint = await wanted(placed, "complaint", text="it crackles", facts={"order_line": 1})
    service = await wanted(placed, "service")
    starter = starter_of(floor)

    assert await starter.round() == 2
    assert await starter.round() == 0, "what was started is left alone"
    assert await starter_of(floor).round() in (0, 1, 2), "another one may ask again"

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
    assert contact["due_at"] == (await placed.window("GEN.service_contact"))["due_at"]
    said = str([await placed.rows(table) for table in (tables.outbox, tables.timeline)])
    assert "it crackles" not in said
