"""Lets the engine stop one department's activity: it has to hear of it before a worker begins."""

from dataclasses import replace
from typing import Any

from temporalio.worker import (
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.workflow import ActivityHandle

from policy.steps import Work

BREAKABLE = frozenset(work.value for work in Work)
"""The departments' activities. The others write only what an order knows already."""


class Breakable(Interceptor):
    """Sends the departments' activities through their task queue.

    The engine hands all others straight to the worker that asks for them, which is cheaper; and
    it looks at its rules only in the queue.
    """

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        """What stands between a workflow and its worker."""
        return _Inbound


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))


class _Outbound(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> ActivityHandle[Any]:
        if input.activity in BREAKABLE:
            input = replace(input, disable_eager_execution=True)
        return super().start_activity(input)
