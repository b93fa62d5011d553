"""Follow-ups on the floor: wanted, started, answered on clocks of their own."""

from dataclasses import dataclass, field, replace
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


async def begun(placed: Placed, kind: str) -> Following:
    """Starts what is wanted; the order's newest follow-up of this kind."""
    await starter_of(placed.floor).round()
    rows = await placed.rows(follow_up_rows, kind=kind)
    return Following(placed, max(rows, key=lambda row: row["requested_at"])["id"])
