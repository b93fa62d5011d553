"""Whether a history fits this code: replayed here, before an order is sent to it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from domain.errors import DuelineError
from workflows.assessment import AssessmentWorkflow
from workflows.order import OrderWorkflow
from workflows.overdue_case import OverdueCaseWorkflow
from workflows.publication import CalendarPublicationWorkflow

WORKFLOWS: tuple[type, ...] = (
    OrderWorkflow,
    OverdueCaseWorkflow,
    AssessmentWorkflow,
    CalendarPublicationWorkflow,
)
FAILURE_LENGTH_MAX = 300


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

    async def replayed(
        self, histories: AsyncIterator[WorkflowHistory]
    ) -> AsyncIterator[tuple[WorkflowHistory, str | None]]:
        """Each history, and in one line why it does not fit this code; none when it does."""
        replayer = Replayer(
            workflows=list(self.workflows),
            data_converter=pydantic_data_converter,
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        async with replayer.workflow_replay_iterator(histories) as results:
            async for result in results:
                failure = result.replay_failure
                why = " ".join(str(failure).split())[:FAILURE_LENGTH_MAX] if failure else None
                yield result.history, why


async def failure_of(client: Client, code: Code, workflow_id: str, run_id: str) -> str | None:
    """Why a run that lives in the engine does not fit this code; none when it does. RPCError."""

    async def history() -> AsyncIterator[WorkflowHistory]:
        yield await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()

    [why] = [why async for _, why in code.replayed(history())]
    return why
