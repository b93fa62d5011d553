"""A new version before it gets work: replayed against every history, then let in step by step."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from temporalio.client import WorkflowHistory

from domain.base import Record
from domain.errors import DuelineError, InvalidField
from ops.repair.deployment import (
    Deployment,
    make_current,
    ramp_to,
    read_deployment,
    require_served,
)
from ops.repair.fitness import Code
from ops.repair.residents import OPEN, Pin, pin_of, residents
from ops.repair.site import Site

RECORDED = Path(__file__).resolve().parents[2] / "tests" / "histories" / "recorded"
"""One history of each shape that an order's life takes; they come with the code."""

FULL = 100.0
LOOK_SECONDS = 1.0
LOOKED_AT_MAX = 200
SAID_EVERY = 50

Say = Callable[[str], None]


class RedHistory(Record):
    """A history that does not fit the new code."""

    workflow_id: str
    why: str


class CheckReport(Record):
    """How many histories and events were replayed, and which of them are red."""

    histories: int
    events: int
    red: tuple[RedHistory, ...]


async def check(code: Code, histories: AsyncIterator[WorkflowHistory], say: Say) -> CheckReport:
    """Replays histories on this code."""
    total, events, red = 0, 0, []
    async for history, failure in code.replayed(histories):
        total, events = total + 1, events + len(history.events)
        if failure is not None:
            red.append(RedHistory(workflow_id=history.workflow_id, why=failure))
        if total % SAID_EVERY == 0:
            say(f"{total} histories replayed, {len(red)} red")
    return CheckReport(histories=total, events=events, red=tuple(red))


async def recorded(folder: Path = RECORDED) -> AsyncIterator[WorkflowHistory]:
    """The histories that come with the code."""
    for path in await asyncio.to_thread(lambda: sorted(folder.glob("*.json"))):
        text = await asyncio.to_thread(path.read_text, encoding="utf-8")
        yield WorkflowHistory.from_json(path.stem, text)


async def live(site: Site) -> AsyncIterator[WorkflowHistory]:
    """The history of everything open on this platform. Raises RPCError."""
    found = [each async for each in residents(site, f"TaskQueue = '{site.task_queue}' AND {OPEN}")]
    for each in found:
        handle = site.client.get_workflow_handle(each.workflow_id, run_id=each.run_id)
        yield await handle.fetch_history()


class Ramped(Record):
    """How a ramp ended: `current`, or back where it was because these orders failed on it."""

    build: str
    current: bool
    failing: tuple[str, ...] = ()


class Release(Record):
    """What the check found, and how the ramp ended, when all was green."""

    recorded: CheckReport
    live: CheckReport
    ramped: Ramped | None = None

    @property
    def red(self) -> tuple[RedHistory, ...]:
        """Every history that does not fit the new code."""
        return self.recorded.red + self.live.red


async def release(
    site: Site,
    name: str,
    build: str | None,
    code: Code,
    say: Say,
    *,
    steps: Sequence[float],
    soak_seconds: float,
    folder: Path = RECORDED,
) -> Release:
    """Replays everything on this code; when all is green, lets `build` in. None changes nothing.

    Raises as `ramp_up`, and DuelineError when this code is known to be another version.
    """
    if build is not None:
        code.require(build)
        require_served((await read_deployment(site, name)).build(build))
    checked = Release(
        recorded=await check(code, recorded(folder), say), live=await check(code, live(site), say)
    )
    if checked.red or build is None:
        return checked
    ramped = await ramp_up(site, name, build, steps, soak_seconds, say)
    return checked.model_copy(update={"ramped": ramped})


async def ramp_up(
    site: Site, name: str, build: str, steps: Sequence[float], soak_seconds: float, say: Say
) -> Ramped:
    """Gives a version more and more of the new orders, the last step makes it current.

    After each step it watches for `soak_seconds`; as soon as an order's workflow task fails on the
    version, everything is as before. Raises as `make_current`, InvalidField for odd steps.
    """
    if not steps or list(steps) != sorted(set(steps)) or not 0 < steps[0] <= steps[-1] <= FULL:
        raise InvalidField("ramp", "write growing percentages such as 5,25,100")
    before = await read_deployment(site, name)
    if build == before.current:
        raise DuelineError(f"{build} is current already.")
    began_at = datetime.now(UTC)
    for percent in steps:
        standing = await read_deployment(site, name)
        if percent < FULL:
            await ramp_to(site, standing, build, percent)
            say(f"{percent:g} % of the new orders begin on {build}")
        else:
            await make_current(site, standing, build)
            say(f"{build} is current")
        failing = await _soak(site, build, began_at, soak_seconds)
        if failing:
            await _as_before(site, before, build)
            return Ramped(build=build, current=False, failing=failing)
    return Ramped(build=build, current=steps[-1] == FULL)


async def _as_before(site: Site, before: Deployment, build: str) -> None:
    standing = await read_deployment(site, before.name)
    if standing.current == build:
        await make_current(site, standing, before.current, force=True)
    elif standing.ramping is not None:
        await ramp_to(site, standing, None, 0.0)


async def _soak(site: Site, build: str, since: datetime, seconds: float) -> tuple[str, ...]:
    """Watches new orders and those that the engine reports; returns what fails on `build`."""
    give_up_at = time.monotonic() + seconds
    here = f"TaskQueue = '{site.task_queue}' AND {OPEN}"
    began = f"{here} AND StartTime >= '{since.isoformat()}'"
    while True:
        failing = set()
        for query in (began, f"{here} AND TemporalReportedProblems IS NOT NULL"):
            looked = 0
            async for each in residents(site, query):
                pin = await pin_of(site, each.workflow_id)
                if pin is not None and pin.failing and _on(pin, build):
                    failing.add(each.workflow_id)
                looked += 1
                if looked == LOOKED_AT_MAX:
                    break
        if failing or time.monotonic() > give_up_at:
            return tuple(sorted(failing))
        await asyncio.sleep(LOOK_SECONDS)


def _on(pin: Pin, build: str) -> bool:
    # A new order has no version before its first task is done, and that one may be what fails.
    return build == pin.target or pin.build in {None, build}
