"""Counting an order's histories: its own, and those of its overdue cases."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle

from activities.models import case_workflow_id
from store import tables
from tests.scale.records import History
from tests.workflow.floor import Placed

COUNTED = {
    "workflow_tasks": EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    "activities": EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    "timers": EventType.EVENT_TYPE_TIMER_STARTED,
    "updates": EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
    "signals": EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
    "upserts": EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
}
OF_SKIPPING = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
}


async def history_of(placed: Placed) -> History:
    """What one order has written, with its cases."""
    handles = [placed.handle]
    for row in await placed.rows(tables.overdue_cases):
        workflow_id = case_workflow_id(row["window"])
        handles.append(placed.floor.client.get_workflow_handle(workflow_id))
    counts: Counter[str] = Counter(workflows=len(handles))
    own_events = 0
    for handle in handles:
        events, skipping = await _events(handle)
        own_events = own_events or len(events)
        kinds = Counter(event.event_type for event in events)
        counts.update({name: kinds[kind] for name, kind in COUNTED.items()})
        counts["events"] += len(events)
        counts["history_bytes"] += sum(event.ByteSize() for event in events)
        # Each event of skipping was a transition of its own.
        counts["state_transitions"] += await _transitions(handle) - skipping
    return History(**{name: counts[name] for name in _SUMMED}, own_events=own_events)


_SUMMED = ("workflows", "events", "history_bytes", "state_transitions", *COUNTED)


async def mean_history(placed: Sequence[Placed], at_once: int) -> History:
    """The mean of many orders."""
    gate = asyncio.Semaphore(at_once)

    async def one(order: Placed) -> History:
        async with gate:
            return await history_of(order)

    found = await asyncio.gather(*(one(order) for order in placed))
    return History(
        **{
            name: sum(getattr(history, name) for history in found) / len(found)
            for name in History.model_fields
        }
    )


async def start_event_bytes(placed: Placed) -> int:
    """The size of the first event."""
    events, _ = await _events(placed.handle)
    return events[0].ByteSize()


async def activity_seconds(placed: Placed) -> float:
    """How long an activity of this order took on average, from its start to its end."""
    took = await _activities(placed.handle)
    return sum(took) / len(took)


async def first_activity_seconds(handle: WorkflowHandle[Any, Any]) -> float:
    """How long the first finished activity of a workflow took."""
    return (await _activities(handle))[0]


async def _activities(handle: WorkflowHandle[Any, Any]) -> list[float]:
    events, _ = await _events(handle)
    started = {
        event.event_id: event.event_time.ToNanoseconds()
        for event in events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    }
    return [
        (
            event.event_time.ToNanoseconds()
            - started[event.activity_task_completed_event_attributes.started_event_id]
        )
        / 1e9
        for event in events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
    ]


async def _events(handle: WorkflowHandle[Any, Any]) -> tuple[list[HistoryEvent], int]:
    """The events that count, and how many do not."""
    events = (await handle.fetch_history()).events
    counting = [event for event in events if event.event_type not in OF_SKIPPING]
    return counting, len(events) - len(counting)


async def _transitions(handle: WorkflowHandle[Any, Any]) -> int:
    described = await handle.describe()
    return int(described.raw_description.workflow_execution_info.state_transition_count)
