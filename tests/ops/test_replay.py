"""`ops replay` says before a deployment which orders would not survive it, and why."""

import json
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.workflowservice.v1 import PauseWorkflowExecutionRequest

from ops.repair.replay import Recorded, replay_here
from ops.repair.site import Site
from tests.histories.test_replay import RECORDED
from tests.ops.conftest import Dueline
from tests.workflow.conftest import staffed
from tests.workflow.floor import Floor, Placed
from worker import WORKFLOWS

IN_TIME = next(path for path in RECORDED if path.stem == "in_time")


def other_activity(text: str) -> tuple[str, int]:
    """The history as another build would have made it, and the task that asked for it."""
    history = json.loads(text)
    asked = [
        event["activityTaskScheduledEventAttributes"]
        for event in history["events"]
        if "activityTaskScheduledEventAttributes" in event
    ]
    asked[4]["activityType"]["name"] = "another_activity"
    return json.dumps(history), int(asked[4]["workflowTaskCompletedEventId"])


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


async def listed(site: Site, placed: Placed, query: str, count: int) -> None:
    """Waits until the engine's list shows it: it lags."""
    scoped = f"TaskQueue = '{site.task_queue}' AND {query}"

    async def there() -> bool:
        return (await site.client.count_workflows(scoped)).count >= count

    await placed.until(there, f"{count} of {query} are listed")


async def test_a_history_that_does_not_fit_is_named_with_its_event_and_its_cause(
    dueline: Dueline, tmp_path: Path
) -> None:
    text, event = other_activity(text_of(IN_TIME))
    (tmp_path / "bad.json").write_text(text, encoding="utf-8")
    (tmp_path / "good.json").write_bytes(IN_TIME.read_bytes())

    said = await dueline("ops", "replay", "--file", str(tmp_path), "--json")

    [red] = said.json["failures"]
    assert (said.code, said.json["histories"], said.json["red"]) == (4, 2, 1)
    assert (red["workflow_id"], red["kind"], red["event"]) == ("bad", "non-determinism", event)
    assert "another_activity" in red["message"]
    assert "workflow.patched" in red["cause"]


@pytest.mark.parametrize("path", RECORDED[:4], ids=lambda path: path.stem)
async def test_whatever_task_another_build_went_wrong_at_is_found(path: Path) -> None:
    text, event = other_activity(text_of(path))

    [replayed] = await replay_here([Recorded("bad", "", text.encode(), is_json=True)], WORKFLOWS)

    assert replayed.red
    assert replayed.event == event
    assert replayed.good_until is not None
    assert replayed.good_until < event


async def test_an_order_is_replayed_with_all_its_runs_and_its_cases(
    floor: Floor, site: Site, dueline: Dueline
) -> None:
    placed = await floor.place(events_max=30)
    await placed.walk(("entry", "confirm", "review"))
    await placed.at("plan")
    await placed.skip(timedelta(days=10))
    await placed.until(partial(placed.open_tasks, "cause"), "the case asks for its cause")
    runs = f"(WorkflowId = '{placed.handle.id}' OR WorkflowId STARTS_WITH 'case-{placed.order_id}')"
    await listed(site, placed, runs, 3)

    said = await dueline("ops", "replay", placed.order_id[:13], "--json")

    assert said.code == 0, said.err
    assert said.json["histories"] >= 3
    assert said.json["red"] == 0


async def test_what_somebody_has_paused_is_open_too(
    idle_floor: Floor, site: Site, dueline: Dueline
) -> None:
    async with staffed(idle_floor):
        placed = await idle_floor.place()
        await placed.at("entry")
    await site.client.workflow_service.pause_workflow_execution(
        PauseWorkflowExecutionRequest(
            namespace=site.client.namespace,
            workflow_id=placed.handle.id,
            identity="a test",
            reason="a test",
            request_id=str(uuid4()),
        )
    )
    await listed(site, placed, "ExecutionStatus = 'Paused'", 1)

    said = await dueline("ops", "replay", "--open", "--json")

    assert said.code == 0, said.err
    assert said.json["histories"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "Say what to replay"),
        (("--open", "--recorded"), 2, "Say what to replay"),
        (("--recorded", "--histories", "nowhere"), 1, "a release carries no recorded histories"),
        (("--file", "pyproject.toml"), 1, "pyproject.toml is no history"),
        (("--query", "DuelineStage ="), 1, "The engine does not understand the query"),
    ],
)
async def test_what_cannot_be_replayed_is_said_with_the_cure(
    dueline: Dueline, arguments: tuple[Any, ...], code: int, sentence: str
) -> None:
    said = await dueline("ops", "replay", *arguments)

    assert said.code == code, said.err
    assert sentence in said.err
