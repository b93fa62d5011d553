"""A bad deploy: orders leave their entry a moment later, and changes cannot be settled."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    UnsandboxedWorkflowRunner,
    Worker,
)

import worker
from activities.change_models import SETTLE_CHANGE
from policy.steps import RouteStep
from tests.workflow.floor import Floor
from workflows.contract import ORDER_WORKFLOW, OrderResult, OrderStart
from workflows.journey import Journey
from workflows.order import OrderWorkflow

MOMENT_SECONDS = 0.01


class HesitantJourney(Journey):
    """Asks for a timer that no order before it has asked for."""

    async def go(self, outcome: str, target: RouteStep) -> None:
        """Leaves the entry a moment later."""
        if self._route.current.id == "entry":
            await workflow.sleep(MOMENT_SECONDS)
        await super().go(outcome, target)


@workflow.defn(name=ORDER_WORKFLOW)
class BadOrderWorkflow(OrderWorkflow):
    """The order of the bad build."""

    @workflow.init
    def __init__(self, start: OrderStart) -> None:
        super().__init__(start)
        self._journey = HesitantJourney(
            start, self._progress, self._route, self._due_lines, self._windows
        )

    @workflow.run
    async def run(self, start: OrderStart) -> OrderResult:
        """Lives the order through."""
        return await super().run(start)


class Raising(Interceptor):
    """The activity of the bad build that always fails."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        class Inbound(ActivityInboundInterceptor):
            async def execute_activity(self, input: ExecuteActivityInput) -> Any:
                if activity.info().activity_type == SETTLE_CHANGE:
                    raise KeyError("version")
                return await super().execute_activity(input)

        return Inbound(next)


def good_worker(floor: Floor) -> Worker:
    """The worker as it should be, as fast as in production."""
    return worker.build_worker(
        floor.client, floor.engine, floor.task_queue, runner=UnsandboxedWorkflowRunner()
    )


@contextmanager
def bad_worker(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """The worker of the bad build, to be entered."""
    with monkeypatch.context() as patched:
        patched.setattr(worker, "WORKFLOWS", [BadOrderWorkflow, *worker.WORKFLOWS[1:]])
        yield worker.build_worker(
            floor.client,
            floor.engine,
            floor.task_queue,
            interceptors=[Raising()],
            runner=UnsandboxedWorkflowRunner(),
        )
