"""Whether a history fits this code: replayed here, before an order is sent to it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from temporalio.api.history.v1 import History
from temporalio.client import Client

from domain.errors import DuelineError
from ops.repair.replay import Recorded, Replayed, replay_many
from workflows.assessment import AssessmentWorkflow
from workflows.follow_up import FollowUpWorkflow
from workflows.order import OrderWorkflow
from workflows.overdue_case import OverdueCaseWorkflow
from workflows.publication import CalendarPublicationWorkflow

WORKFLOWS: tuple[type, ...] = (
    OrderWorkflow,
    OverdueCaseWorkflow,
    FollowUpWorkflow,
    AssessmentWorkflow,
    CalendarPublicationWorkflow,
)


@dataclass(frozen=True)
class Code:
    """The workflows of one release; `build` is its name, none where nobody gave it one."""

    build: str | None = None
    workflows: Sequence[type] = WORKFLOWS

    def require(self, build: str) -> None:
        """Raises DuelineError when this code is known to be another version than `build`."""
        if self.build is not None and self.build != build:
            raise DuelineError(
                f"This is the code of {self.build}: histories have to be replayed on the code of "
                f"{build}. Run the command from that release."
            )

    def replayed(self, histories: AsyncIterator[Recorded]) -> AsyncIterator[Replayed]:
        """How each history goes on this code, in no order."""
        return replay_many(histories, self.workflows)


async def fetched(client: Client, workflow_id: str, run_id: str) -> Recorded:
    """A run that lives in the engine, ready to be replayed. Raises RPCError."""
    history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    data = History(events=history.events).SerializeToString()
    return Recorded(workflow_id, run_id, data)


async def failure_of(client: Client, code: Code, workflow_id: str, run_id: str) -> str | None:
    """Why a run that lives in the engine does not fit this code; none when it does. RPCError."""

    async def history() -> AsyncIterator[Recorded]:
        yield await fetched(client, workflow_id, run_id)

    [replayed] = [replayed async for replayed in code.replayed(history())]
    return replayed.message if replayed.red else None
