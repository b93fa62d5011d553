"""Replays histories on this code, over all cores: which would stop at the next deployment, and why.

The caller names the workflows: they travel to the child processes by their import names.
"""

import asyncio
import multiprocessing
import os
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Literal

from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from domain.base import Record
from ops.repair.runs import TASK_STARTED, Run, task_ends

Kind = Literal["non-determinism", "exception"]

BATCH = 20
"""Histories that a process takes at once; a few megabytes."""
FEW = 10
"""So few are done before a process has started."""
BATCHES_WAITING_A_PROCESS = 2
DIVERGED = re.compile(r"TMPRL1100|[Nn]on-?determini")
EVENT_ID = re.compile(r"\bid: (\d+)")
SAID = re.compile(r'message: "((?:[^"\\]|\\.)*)"')
WORDS_MAX = 300


@dataclass(frozen=True)
class Recorded:
    """A history to be replayed; `data` is the engine's own encoding or, from a file, JSON."""

    workflow_id: str
    run_id: str
    data: bytes
    is_json: bool = False

    def history(self) -> WorkflowHistory:
        """What the replayer takes. Raises ValueError when it is none."""
        if self.is_json:
            return WorkflowHistory.from_json(self.workflow_id, self.data.decode())
        return WorkflowHistory(self.workflow_id, list(History.FromString(self.data).events))


class Replayed(Record):
    """How a replay went. `event` is the end of the first workflow task that goes wrong."""

    workflow_id: str
    run_id: str
    events: int
    kind: Kind | None = None
    event: int | None = None
    good_until: int | None = None
    message: str = ""
    cause: str = ""

    @property
    def red(self) -> bool:
        """Whether this code cannot go on with it."""
        return self.kind is not None


def recorded(run: Run) -> Recorded:
    """A run as it travels to a process."""
    data = History(events=run.events).SerializeToString()
    return Recorded(run.workflow_id, run.run_id, data)


async def replay_many(
    histories: AsyncIterator[Recorded], workflows: Sequence[type], processes: int | None = None
) -> AsyncIterator[Replayed]:
    """Replays as they come, in no order; holds only a few batches in memory."""
    batches = _batches(histories)
    nothing: list[Recorded] = []
    first = await anext(batches, nothing)
    if len(first) <= FEW:
        for replayed in await replay_here(first, workflows):
            yield replayed
        return
    count = processes or os.cpu_count() or 1
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, _begin, (tuple(workflows),)) as pool:
        waiting: set[asyncio.Future[list[Replayed]]] = set()
        waiting.add(asyncio.wrap_future(_submit(pool, first)))
        async for batch in batches:
            waiting.add(asyncio.wrap_future(_submit(pool, batch)))
            if len(waiting) >= count * BATCHES_WAITING_A_PROCESS:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for ended in done:
                    for replayed in ended.result():
                        yield replayed
        for soon in asyncio.as_completed(waiting):
            for replayed in await soon:
                yield replayed


def _submit(pool: ProcessPoolExecutor, batch: list[Recorded]) -> "Future[list[Replayed]]":
    return pool.submit(_replay_batch, batch)


async def _batches(histories: AsyncIterator[Recorded]) -> AsyncIterator[list[Recorded]]:
    batch: list[Recorded] = []
    async for history in histories:
        batch.append(history)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def replay_here(histories: Iterable[Recorded], workflows: Sequence[type]) -> list[Replayed]:
    """Replays a few in this process."""
    replayer = _replayer(tuple(workflows))
    return [await _replay(replayer, history) for history in histories]


_workflows: tuple[type, ...] = ()


def _begin(workflows: tuple[type, ...]) -> None:
    """Prepares a child process."""
    global _workflows  # noqa: PLW0603  what a process pool hands to its children
    _workflows = workflows


def _replay_batch(batch: list[Recorded]) -> list[Replayed]:
    return asyncio.run(replay_here(batch, _workflows))


def _replayer(workflows: tuple[type, ...]) -> Replayer:
    return Replayer(
        workflows=workflows,
        data_converter=pydantic_data_converter,
        # The sandbox imports everything anew for each history; the tests replay inside it.
        workflow_runner=UnsandboxedWorkflowRunner(),
        runtime=_quiet(),
    )


@cache
def _quiet() -> Runtime:
    """The SDK would print each failure, too, between what a command prints."""
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter="OFF")))


async def _replay(replayer: Replayer, recorded: Recorded) -> Replayed:
    """Replays one; of a red one it finds the task at which it begins to go wrong."""
    history = recorded.history()
    failure = await _failure(replayer, history)
    facts = {"workflow_id": recorded.workflow_id, "run_id": recorded.run_id}
    if failure is None:
        return Replayed(**facts, events=len(history.events))
    good, bad = await _turning_point(replayer, history)
    return Replayed(
        **facts,
        events=len(history.events),
        kind="non-determinism" if DIVERGED.search(failure) else "exception",
        event=bad,
        good_until=good,
        message=failure[:WORDS_MAX],
        cause=_cause(failure),
    )


async def _failure(replayer: Replayer, history: WorkflowHistory) -> str | None:
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    failure = result.replay_failure
    if failure is None:
        return None
    said = SAID.search(str(failure))
    return f"{type(failure).__name__}: {said.group(1) if said else failure}"


async def _turning_point(
    replayer: Replayer, history: WorkflowHistory
) -> tuple[int | None, int | None]:
    """The last workflow task that went well and the first that does not, by their end events.

    A history that is cut after the start of a task replays exactly when all tasks before it fit.
    """
    run = Run(history.workflow_id, "", history.events)
    ends = [event.event_id for event in task_ends(run)]
    starts = [event.event_id for event in history.events if event.event_type == TASK_STARTED]
    cuts = [max(start for start in starts if start < end) for end in ends]
    low, high = 0, len(cuts)  # tasks before `low` fit, at `high` they do not
    while low < high:
        middle = (low + high + 1) // 2
        whole = middle == len(cuts)
        cut = history.events[-1].event_id if whole else cuts[middle]
        part = WorkflowHistory(history.workflow_id, history.events[:cut])
        if not whole and await _failure(replayer, part) is None:
            low = middle
        else:
            high = middle - 1
    good = ends[low - 1] if low else None
    return good, ends[low] if low < len(ends) else None


def _cause(failure: str) -> str:
    """The likely cause in plain words."""
    if "not registered" in failure or "NotFoundError" in failure:
        return "this build does not know the workflow's type; it was renamed or taken out"
    if DIVERGED.search(failure):
        at = EVENT_ID.search(failure)
        where = f" at event {at.group(1)}" if at else ""
        return (
            f"this code asks for other activities or timers than the order did{where}: undo the "
            'change, or keep both ways with workflow.patched("what-changed")'
        )
    if "ValidationError" in failure:
        return "a model has changed: what an activity or a message carried then fits no more"
    return "the code raises where it did not before: the message says what is to be mended"
