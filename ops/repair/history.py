"""What the engine remembers of a workflow: its runs, and the messages that it took."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowExecutionStatus
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryReverseRequest,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.base import Record
from ops.repair.calls import CALL_TIMEOUT, listed
from ops.repair.looking import Look
from ops.repair.serving import instant
from ops.repair.site import Site

MESSAGES_MAX = 50
RUNS_MAX = 20
PAGE_SIZE = 500

_STARTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
_SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
_UPDATED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED


class Message(Record):
    """A signal or an accepted update, without what it says."""

    at: datetime
    kind: str
    name: str
    event_id: int


class Run(Record):
    """One run of a workflow: the next one begins by continue-as-new or by a reset."""

    run_id: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    events: int


async def runs_of(site: Site, workflow_id: str) -> tuple[Run, ...]:
    """The newest runs of a workflow, the newest first. Raises RPCError."""
    found = []
    async for one in listed(site.client, f'WorkflowId = "{workflow_id}"', RUNS_MAX):
        status = WorkflowExecutionStatus.Name(one.status)
        found.append(
            Run(
                run_id=one.execution.run_id,
                status=status.removeprefix("WORKFLOW_EXECUTION_STATUS_").replace("_", " ").lower(),
                started_at=instant(one.start_time),
                ended_at=instant(one.close_time) if one.HasField("close_time") else None,
                events=one.history_length,
            )
        )
    return tuple(sorted(found, key=lambda run: run.started_at, reverse=True))


async def messages_of(site: Site, look: Look) -> tuple[Message, ...]:
    """The newest messages that a workflow took, over its runs, as they came. Raises RPCError."""
    found: list[Message] = []
    run_id: str | None = look.run_id
    for _ in range(RUNS_MAX):
        if not run_id or len(found) >= MESSAGES_MAX:
            break
        run_id = await _messages_of_run(site, look.workflow_id, run_id, found)
    return tuple(sorted(found[:MESSAGES_MAX], key=lambda message: message.at))


async def _messages_of_run(
    site: Site, workflow_id: str, run_id: str, found: list[Message]
) -> str | None:
    """Collects the messages of a run; returns the run before it."""
    token = b""
    while True:
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=site.client.namespace,
            execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            maximum_page_size=PAGE_SIZE,
            next_page_token=token,
        )
        try:
            said = await site.client.workflow_service.get_workflow_execution_history_reverse(
                request, retry=True, timeout=CALL_TIMEOUT
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None  # retention has taken this run
            raise
        found += _messages(said.history.events)
        token = said.next_page_token
        for event in said.history.events:
            if event.event_type == _STARTED:
                started = event.workflow_execution_started_event_attributes
                return started.continued_execution_run_id or None
        if not token or len(found) >= MESSAGES_MAX:
            return None


def _messages(events: Iterable[HistoryEvent]) -> Iterator[Message]:
    for event in events:
        if event.event_type == _SIGNALED:
            kind, name = "signal", event.workflow_execution_signaled_event_attributes.signal_name
        elif event.event_type == _UPDATED:
            accepted = event.workflow_execution_update_accepted_event_attributes
            kind, name = "update", accepted.accepted_request.input.name
        else:
            continue
        yield Message(at=instant(event.event_time), kind=kind, name=name, event_id=event.event_id)
