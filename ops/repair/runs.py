"""Runs of an order as the engine keeps them: what happened, what it was told, what it asked for."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from workflows.contract import REPEAT, Repeat
from workflows.state import RepeatedMessage, Repetition

RUNS_MAX = 100
"""No order hands itself on more often than this."""

SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
HEARD = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
TASK_STARTED = EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
TASK_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
TASK_FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
TASK_TIMED_OUT = EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT
TASK_ENDS = {TASK_COMPLETED, TASK_FAILED, TASK_TIMED_OUT}
SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
UPDATED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
CANCEL_REQUESTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED


@dataclass(frozen=True)
class Call:
    """An activity that a run asked for; `key` names its effect, where it has one."""

    event_id: int
    task_event_id: int
    name: str
    key: str | None
    request: dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One run of a workflow."""

    workflow_id: str
    run_id: str
    events: Sequence[HistoryEvent]

    @property
    def before(self) -> str | None:
        """The run that handed the order on to this one."""
        started = self.events[0].workflow_execution_started_event_attributes
        return started.continued_execution_run_id or None


@dataclass
class Told:
    """What an order was told after a point, and when it heard of its activities."""

    messages: list[RepeatedMessage] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    moments: dict[str, datetime] = field(default_factory=dict)


async def fetch_run(client: Client, workflow_id: str, run_id: str | None = None) -> Run | None:
    """A run with its history, by default the present one; none when retention has deleted it."""
    try:
        if run_id is None:
            described = await describe(client, workflow_id)
            run_id = described.workflow_execution_info.execution.run_id
        handle = client.get_workflow_handle(workflow_id, run_id=run_id)
        return Run(workflow_id, run_id, (await handle.fetch_history()).events)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def describe(client: Client, workflow_id: str) -> DescribeWorkflowExecutionResponse:
    """What the engine says of a workflow's present run. Raises RPCError.

    The SDK's own description, and its list, break on a workflow that somebody has paused.
    """
    return await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
        )
    )


async def fetch_chain(client: Client, workflow_id: str, run_id: str | None = None) -> list[Run]:
    """The present run and those that handed the order on to it, the newest first.

    Ends early when retention has deleted the older ones.
    """
    found: list[Run] = []
    wanted: str | None = run_id
    while len(found) < RUNS_MAX:
        run = await fetch_run(client, workflow_id, wanted)
        if run is None:
            break
        found.append(run)
        wanted = run.before
        if wanted is None:
            break
    return found


async def calls_of(client: Client, run: Run) -> list[Call]:
    """The activities that a run asked for, in order."""
    found = []
    for event in run.events:
        if event.event_type != SCHEDULED:
            continue
        asked = event.activity_task_scheduled_event_attributes
        request = await _read(client, asked.input)
        given = request if isinstance(request, dict) else {}
        found.append(
            Call(
                event_id=event.event_id,
                task_event_id=asked.workflow_task_completed_event_id,
                name=asked.activity_type.name,
                key=given.get("key"),
                request=given,
            )
        )
    return found


async def told_after(client: Client, runs: Sequence[Run], event_id: int) -> Told:
    """What an order was told after an event of the first of these runs, the oldest run first.

    What was applied again after an earlier reset is taken from there, with its first instants.
    """
    told = Told()
    known: set[str] = set()
    repeated = await _handed_on(client, runs[0])
    for number, run in enumerate(runs):
        after = event_id if number == 0 else 0
        told.moments |= await _moments(client, run, after)
        heard = _heard_at(run)
        for event in run.events:
            if event.event_id <= after:
                await _messages(client, run, event, heard, repeated)
                continue
            if event.event_type == CANCEL_REQUESTED:
                told.dropped.append(("cancel request", "operations have asked for it to go on"))
                continue
            for message in await _messages(client, run, event, heard, repeated):
                if message.id in known:
                    told.dropped.append((message.name, f"{message.id} was told twice"))
                else:
                    known.add(message.id)
                    told.messages.append(message)
    told.moments |= repeated
    return told


async def _handed_on(client: Client, run: Run) -> dict[str, datetime]:
    """The moments that a run was begun with, because its order was still repeating."""
    start = await _read(client, run.events[0].workflow_execution_started_event_attributes.input)
    progress = start.get("progress") if isinstance(start, dict) else None
    repetition = (progress or {}).get("repetition")
    return Repetition.model_validate(repetition).moments if repetition else {}


async def _messages(
    client: Client,
    run: Run,
    event: HistoryEvent,
    heard: dict[int, datetime],
    repeated: dict[str, datetime],
) -> list[RepeatedMessage]:
    at = heard.get(event.event_id, instant(event))
    if event.event_type == UPDATED:
        accepted = event.workflow_execution_update_accepted_event_attributes.accepted_request
        body = await _read(client, accepted.input.args)
        return [_message(accepted.meta.update_id, accepted.input.name, at, body)]
    if event.event_type == SIGNALED:
        signal = event.workflow_execution_signaled_event_attributes
        body = await _read(client, signal.input)
        if signal.signal_name == REPEAT:
            repeat = Repeat.model_validate(body)
            repeated |= {k: at for k, at in repeat.moments.items() if k not in repeated}
            return list(repeat.messages)
        return [_message(f"{run.run_id}/{event.event_id}", signal.signal_name, at, body)]
    return []


def _message(id: str, name: str, at: datetime, body: Any) -> RepeatedMessage:
    text = None if body is None else json.dumps(body, ensure_ascii=False)
    return RepeatedMessage(id=id, name=name, at=at, body=text)


async def _moments(client: Client, run: Run, after: int) -> dict[str, datetime]:
    """When the run heard of each activity that ended after an event, by the activity's key."""
    heard = _heard_at(run)
    keys = {call.event_id: call.key for call in await calls_of(client, run) if call.key}
    found = {}
    for event in run.events:
        if event.event_type == HEARD and event.event_id > after:
            asked = event.activity_task_completed_event_attributes.scheduled_event_id
            if asked in keys and event.event_id in heard:
                found[keys[asked]] = heard[event.event_id]
    return found


def _heard_at(run: Run) -> dict[int, datetime]:
    """The time of the workflow task that took each event: what the workflow called now."""
    found: dict[int, datetime] = {}
    taken: list[int] = []
    waiting: list[int] = []
    started: datetime | None = None
    for event in run.events:
        if event.event_type == TASK_STARTED:
            started = instant(event)
            taken, waiting = waiting, []
        elif event.event_type == TASK_COMPLETED and started is not None:
            found |= dict.fromkeys(taken, started)
        elif event.event_type in {TASK_FAILED, TASK_TIMED_OUT}:
            waiting = [*taken, *waiting]
        elif event.event_type == UPDATED and started is not None:
            found[event.event_id] = started
        else:
            waiting.append(event.event_id)
    return found


def task_ends(run: Run) -> Iterator[HistoryEvent]:
    """The ends of the run's workflow tasks: what a run can be reset to."""
    for event in run.events:
        if event.event_type in TASK_ENDS:
            yield event


def instant(event: HistoryEvent) -> datetime:
    """When an event happened."""
    # As the SDK does it, to the last digit: instants are parts of keys.
    return datetime.fromtimestamp(event.event_time.ToNanoseconds() / 1e9, UTC)


async def _read(client: Client, given: Payloads) -> Any:
    """The first argument as plain values; none without arguments."""
    if not given.payloads:
        return None
    values = await client.data_converter.decode(given.payloads)
    return values[0]
