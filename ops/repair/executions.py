"""What the engine knows of a workflow: whether it runs, what is tried again, what it fails with."""

from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.base import Record

LAST_EVENTS = 10
"""A failed workflow task is among the last events of a history that cannot go on."""
ERROR_LENGTH_MAX = 300
OPEN_STATES = frozenset({"running", "paused"})
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
    try:
        described = await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    raw = described.raw_description
    return Execution(
        workflow_id=workflow_id,
        run_id=described.run_id,
        status=_status(described.status),
        started_at=described.start_time,
        closed_at=described.close_time,
        activities=tuple(_pending(info) for info in raw.pending_activities),
        failing=await _failing(client, described),
    )


def _status(status: WorkflowExecutionStatus | None) -> str:
    return status.name.lower() if status is not None else "unknown"


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


async def _failing(client: Client, described: WorkflowExecutionDescription) -> FailingTask | None:
    raw = described.raw_description
    if not raw.HasField("pending_workflow_task") or raw.pending_workflow_task.attempt <= 1:
        return None
    task = raw.pending_workflow_task
    return FailingTask(
        attempt=task.attempt,
        since=_instant(task, "original_scheduled_time"),
        error=await _last_task_error(client, described) or "the engine does not say why",
    )


async def _last_task_error(client: Client, described: WorkflowExecutionDescription) -> str | None:
    """What the last failed workflow task said; later attempts leave no event."""
    answer = await client.workflow_service.get_workflow_execution_history_reverse(
        GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=described.id, run_id=described.run_id),
            maximum_page_size=LAST_EVENTS,
        )
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
    text = " ".join(failure.message.split())
    text = f"{kind}: {text}" if kind and not text.startswith(kind) else text
    return text if len(text) <= ERROR_LENGTH_MAX else f"{text[:ERROR_LENGTH_MAX]}…"


def _instant(message: Any, field: str) -> datetime | None:
    if not message.HasField(field):
        return None
    stamp: Timestamp = getattr(message, field)
    return stamp.ToDatetime(tzinfo=UTC)
