"""Every recorded history replays on this code: running orders survive the next deployment."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Interceptor, Replayer

from telemetry.tracing import Tracing
from worker import WORKFLOWS, sandbox

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.json"))
SHAPES_AT_LEAST = {"in_time", "late", "rework", "cancelled", "changed", "shortage"}

TEACHING = """{name} does not replay: {failure}

Orders that run in production have this shape and would stop at the next deployment. Either
- undo what changed the order of activities, timers and signals, or
- keep both ways with `workflow.patched("what-changed")`, and record the new shape under a new name:
  .venv/bin/python -m tests.histories.record SHAPE
"""


def test_at_least_the_six_shapes_of_an_order_are_recorded() -> None:
    assert {path.name.split(".")[0] for path in RECORDED} >= SHAPES_AT_LEAST


def recorded(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path) -> None:
    await replay(path, [])


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
async def test_a_history_of_before_tracing_replays_with_it(path: Path) -> None:
    await replay(path, [Tracing("replay").interceptor])


async def replay(path: Path, interceptors: Sequence[Interceptor]) -> None:
    history = recorded(path)
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=pydantic_data_converter,
        workflow_runner=sandbox(),
        interceptors=interceptors,
    )

    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)

    failure = result.replay_failure
    assert failure is None, TEACHING.format(name=path.name, failure=failure)
