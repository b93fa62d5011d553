"""What the engine knows of a workflow: whether it runs, what is tried again, what it fails with."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, PendingActivityState, WorkflowExecutionStatus
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryReverseRequest,
    ListWorkflowExecutionsRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.base import Record

CALL_TIMEOUT = timedelta(seconds=10)
PAGE = 1000
LAST_EVENTS = 10
"""A failed workflow task is among the last events of a history that cannot go on."""
ERROR_LENGTH_MAX = 300
OPEN_STATES = frozenset({"running", "paused"})
_STATUS = "WORKFLOW_EXECUTION_STATUS_"
_PAUSED = frozenset(
    {
        PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED,
        PendingActivityState.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED,
    }
)


class PendingActivity(Record):
    """An activity that is not done. `attempt` counts from 1, `error` is what the last one said."""

    id: str
    type: str
    attempt: int
    paused: bool
    scheduled_at: datetime | None
    next_try_at: datetime | None
    error: str | None


class FailingTask(Record):
    """The workflow's own code fails; `error` is what it says, as far as the history tells."""

    attempt: int
    since: datetime | None
    error: str


class Execution(Record):
    """A workflow as the engine describes it; `status` is `running`, `paused`, `completed` …"""

    workflow_id: str
    run_id: str
    status: str
    started_at: datetime
    closed_at: datetime | None
    activities: tuple[PendingActivity, ...]
    failing: FailingTask | None

    @property
    def is_open(self) -> bool:
        """Whether it runs or is paused."""
        return self.status in OPEN_STATES


async def execution_of(client: Client, workflow_id: str) -> Execution | None:
    """The newest run of a workflow, none when the engine has none. Raises RPCError."""
    # The SDK's own describe() raises at the status of a paused workflow, which it does not know.
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
    )
    try:
        described = await client.workflow_service.describe_workflow_execution(
            request, timeout=CALL_TIMEOUT
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    info = described.workflow_execution_info
    started_at = _instant(info, "start_time")
    assert started_at is not None, "whatever runs was started"
    return Execution(
        workflow_id=workflow_id,
        run_id=info.execution.run_id,
        status=WorkflowExecutionStatus.Name(info.status).removeprefix(_STATUS).lower(),
        started_at=started_at,
        closed_at=_instant(info, "close_time"),
        activities=tuple(_pending(pending) for pending in described.pending_activities),
        failing=await _failing(client, described),
    )


async def open_workflow_ids(
    client: Client, task_queue: str, workflow_type: str
) -> AsyncIterator[str]:
    """Ids of what runs or is paused, as the engine's lists show it, a moment late."""
    query = (
        f'TaskQueue = "{task_queue}" AND WorkflowType = "{workflow_type}" '
        'AND ExecutionStatus IN ("Running", "Paused")'
    )
    token = b""
    while True:
        page = await client.workflow_service.list_workflow_executions(
            ListWorkflowExecutionsRequest(
                namespace=client.namespace, query=query, page_size=PAGE, next_page_token=token
            ),
            timeout=CALL_TIMEOUT,
        )
        for info in page.executions:
            yield info.execution.workflow_id
        token = page.next_page_token
        if not token:
            return


def _pending(info: PendingActivityInfo) -> PendingActivity:
    return PendingActivity(
        id=info.activity_id,
        type=info.activity_type.name,
        attempt=max(info.attempt, 1),
        paused=info.paused or info.state in _PAUSED,
        scheduled_at=_instant(info, "scheduled_time"),
        next_try_at=_instant(info, "next_attempt_schedule_time"),
        error=said(info.last_failure) if info.HasField("last_failure") else None,
    )


async def _failing(
    client: Client, described: DescribeWorkflowExecutionResponse
) -> FailingTask | None:
    task = described.pending_workflow_task
    if task.attempt <= 1:
        return None
    run = described.workflow_execution_info.execution
    return FailingTask(
        attempt=task.attempt,
        since=_instant(task, "original_scheduled_time"),
        error=await _last_task_error(client, run) or "the engine does not say why",
    )


async def _last_task_error(client: Client, run: WorkflowExecution) -> str | None:
    """What the last failed workflow task said; later attempts leave no event."""
    answer = await client.workflow_service.get_workflow_execution_history_reverse(
        GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.namespace,
            execution=run,
            maximum_page_size=LAST_EVENTS,
        ),
        timeout=CALL_TIMEOUT,
    )
    for event in answer.history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            return said(event.workflow_task_failed_event_attributes.failure)
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
            return "no worker has answered in time"
    return None


def said(failure: Failure) -> str:
    """The innermost words of a failure, on one line."""
    while failure.HasField("cause") and failure.cause.message:
        failure = failure.cause
    kind = failure.application_failure_info.type
    # PostgreSQL's detail shows the row, and a row may hold somebody's telephone number.
    message = failure.message.partition("DETAIL:")[0].partition("[SQL:")[0]
    text = " ".join(message.split())
    text = f"{kind}: {text}" if kind and not text.startswith(kind) else text
    return text if len(text) <= ERROR_LENGTH_MAX else f"{text[:ERROR_LENGTH_MAX]}…"


def _instant(message: Any, field: str) -> datetime | None:
    if not message.HasField(field):
        return None
    found: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    return found
