"""Where an order can be taken back to: a step by its name, or the last task that went well."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from temporalio.client import Client

from domain.base import Record
from domain.errors import DuelineError, InvalidField
from ops.repair.runs import TASK_STARTED, Call, Run, calls_of, instant


class Point(Record):
    """The end of a workflow task: everything from it on is done anew. `since` is its time."""

    run_id: str
    event_id: int
    since: datetime
    step: str | None = None
    visit: int | None = None


async def point_of_step(
    client: Client, chain: Sequence[Run], step: str, visit: int | None
) -> Point:
    """The task that let the order enter a step, by default for the last time.

    `chain` are the order's runs, the newest first. Raises InvalidField when it never entered it,
    and DuelineError when the run in which it did is gone.
    """
    entered: list[str] = []
    for run in chain:
        for call in reversed(await calls_of(client, run)):
            for found, number in _visits(call):
                entered.append(found)
                if found == step and visit in {None, number}:
                    return point_at(run, call.task_event_id, step=step, visit=number)
    which = f"{step!r}" if visit is None else f"visit {visit} of {step!r}"
    if chain and chain[-1].before is not None:
        raise DuelineError(
            f"The run in which the order may have entered {which} is older than what the engine "
            f"keeps; a step of its present run is possible: {_known(entered)}."
        )
    raise InvalidField("to", f"the order has never entered {which}; it entered {_known(entered)}")


def point_at(
    run: Run, event_id: int, *, step: str | None = None, visit: int | None = None
) -> Point:
    """The point at the end of this workflow task."""
    started = [
        event
        for event in run.events
        if event.event_type == TASK_STARTED and event.event_id < event_id
    ]
    return Point(
        run_id=run.run_id,
        event_id=event_id,
        since=instant(started[-1] if started else run.events[0]),
        step=step,
        visit=visit,
    )


def _visits(call: Call) -> Iterator[tuple[str, int]]:
    """The visits that an activity was asked to open."""
    request = call.request
    found: list[Any] = [(request.get(name) or {}).get("at") for name in ("enter", "then")]
    found += request.get("following") or []
    for at in found:
        if isinstance(at, dict):
            yield at["step"], at["visit"]


def _known(entered: list[str]) -> str:
    return ", ".join(dict.fromkeys(reversed(entered))) or "nothing yet"
