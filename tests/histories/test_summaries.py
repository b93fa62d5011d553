"""In the Web UI every activity, timer and child says what it is for; recorded orders prove it."""

from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from tests.histories.test_replay import RECORDED, recorded

NEED_A_SUMMARY = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
}

TEACHING = """{events} say nothing in the timeline of the Web UI.

Give the call a `summary` (activities: `workflows/calls.py`; timers: `timeout_summary`), in words
that a person understands and without personal data.
"""


def silent(history: WorkflowHistory) -> list[str]:
    """Events that should say what they are for and do not."""
    return [_name(event) for event in _needing(history) if not _summary(event)]


def summaries(history: WorkflowHistory) -> list[str]:
    """What the timeline says."""
    return [_summary(event) for event in _needing(history)]


def _needing(history: WorkflowHistory) -> list[HistoryEvent]:
    return [event for event in history.events if event.event_type in NEED_A_SUMMARY]


def _summary(event: HistoryEvent) -> str:
    return event.user_metadata.summary.data.decode()


def _name(event: HistoryEvent) -> str:
    return f"{event.event_id} {EventType.Name(event.event_type)}"


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_every_step_of_a_recorded_history_has_a_summary(path: Path) -> None:
    history = recorded(path)

    assert summaries(history)
    assert not silent(history), TEACHING.format(events=silent(history))
