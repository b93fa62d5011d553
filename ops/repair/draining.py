"""Empties a version: its orders go on at the current one, a few at first, and never blindly."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from temporalio.service import RPCError, RPCStatusCode

from domain.base import Record
from domain.errors import DuelineError
from ops.repair.deployment import Deployment, require_served
from ops.repair.fitness import Code
from ops.repair.moving import Move, move, nudge
from ops.repair.residents import (
    Blocker,
    Pin,
    Resident,
    explained,
    pin_of,
    residents,
    version_query,
)
from ops.repair.site import Site

BATCH = 50
LANDING_SECONDS = 10.0
"""An order that has not moved within this is busy with something; the others need not wait."""

POLL_SECONDS = 0.5
AT_ONCE = 8
LEFT_SHOWN = 50

Say = Callable[[str], None]


class Drained(Record):
    """What a drain has done. `landed` have gone on at the current version, `red` do not fit this
    code and stay, `failing` stopped it: they have moved, and fail there. `left` is what still
    blocks, at most fifty of `left_count`.
    """

    build: str
    current: str
    landed: int
    red: tuple[Move, ...]
    failing: tuple[str, ...]
    left: tuple[Blocker, ...]
    left_count: int


@dataclass
class _Drain:
    site: Site
    deployment: Deployment
    build: str
    current: str
    served: bool
    code: Code
    rate: float
    say: Say
    landed: set[str] = field(default_factory=set)
    red: list[Move] = field(default_factory=list)
    failing: list[str] = field(default_factory=list)
    on_their_way: dict[str, str] = field(default_factory=dict)
    busy: dict[str, str] = field(default_factory=dict)

    async def work(self, found: Sequence[Resident]) -> None:
        """One first, then batches; stops as soon as one fails at the current version."""
        batches = [found[:1], *(found[at : at + BATCH] for at in range(1, len(found), BATCH))]
        done = 0
        for batch in batches:
            for resident in batch:
                await self._send(resident)
                await asyncio.sleep(1 / self.rate)
            await self._landing(LANDING_SECONDS)
            done += len(batch)
            self.say(f"{done} of {len(found)} asked, {len(self.landed)} have moved")
            if self.failing:
                return

    async def _send(self, resident: Resident) -> None:
        try:
            pin = await pin_of(self.site, resident.workflow_id)
            if pin is None or not pin.is_open or pin.build != self.build:
                return
            if resident.is_order and self.served and not pin.failing:
                await nudge(self.site, resident.workflow_id, pin.run_id)
                self.on_their_way[resident.workflow_id] = pin.run_id
                return
            moved = await move(self.site, self.code, resident, self.deployment.name, self.current)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return  # it has ended meanwhile
            raise
        if moved.outcome == "red":
            self.red.append(moved)
        elif moved.run_id is not None and resident.can_be_woken:
            self.on_their_way[resident.workflow_id] = moved.run_id

    async def _landing(self, seconds: float, *, leave_busy: bool = True) -> None:
        """Waits until all have landed or one fails there; who takes too long is busy."""
        give_up_at = time.monotonic() + seconds
        while True:
            await self._look(leave_busy)
            if not self.on_their_way or self.failing:
                return
            if time.monotonic() > give_up_at:
                self.busy |= self.on_their_way
                self.on_their_way = {}
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _look(self, leave_busy: bool) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def look(workflow_id: str, run_id: str) -> None:
            async with gate:
                pin = await pin_of(self.site, workflow_id)
            if pin is None or not pin.is_open or self._there(pin):
                self.landed.add(workflow_id)
            elif pin.failing and self._goes_there(pin, run_id):
                self.failing.append(workflow_id)
            elif leave_busy and pin.run_id == run_id and pin.activity is not None:
                self.busy[workflow_id] = run_id
            else:
                return
            del self.on_their_way[workflow_id]

        await asyncio.gather(*(look(*sent) for sent in list(self.on_their_way.items())))

    def _there(self, pin: Pin) -> bool:
        return pin.build == self.current and pin.target is None and not pin.failing

    def _goes_there(self, pin: Pin, run_id: str) -> bool:
        """A fresh run belongs to the current version before its first task is done."""
        return pin.run_id != run_id or self.current in {pin.build, pin.target}

    async def wait(self, seconds: float) -> None:
        """Waits for those that were busy."""
        if self.busy and not self.failing:
            self.say(f"{len(self.busy)} are busy; waiting for them up to {seconds:g} s")
            self.on_their_way, self.busy = self.busy, {}
            await self._landing(seconds, leave_busy=False)


async def drain(
    site: Site,
    deployment: Deployment,
    build: str,
    code: Code,
    *,
    rate: float,
    wait_seconds: float,
    say: Say,
) -> Drained:
    """Moves everything open from `build` to the current version, `rate` of them a second.

    Orders are nudged into a fresh run while a worker serves `build`; what cannot be nudged is
    moved after a green replay on this code. A second call goes on where the first one stopped.
    Raises DuelineError when there is no current version to go to.
    """
    current = deployment.current
    if current is None:
        raise DuelineError(
            "No version is current: make one with `dueline ops versions current BUILD`."
        )
    state = deployment.build(build)
    if build == current:
        raise DuelineError(f"{build} is current: make another version current first.")
    require_served(deployment.build(current))
    query = version_query(site, deployment.name, build)
    work = _Drain(site, deployment, build, current, state.served, code, rate, say)
    found = [resident async for resident in residents(site, query)]
    say(f"{len(found)} open on {build}; going to {current}")
    await work.work(found)
    await work.wait(wait_seconds)
    stayed = [resident for resident in found if resident.workflow_id not in work.landed]
    left = await _left(site, stayed, state.served, build)
    return Drained(
        build=build,
        current=current,
        landed=len(work.landed),
        red=tuple(work.red),
        failing=tuple(work.failing),
        left=tuple(left[:LEFT_SHOWN]),
        left_count=len(left),
    )


async def _left(site: Site, found: Sequence[Resident], served: bool, build: str) -> list[Blocker]:
    # Asked one by one: the engine's lists lag behind by a second.
    left = []
    for at in range(0, len(found), BATCH):
        left += await explained(site, found[at : at + BATCH], build, served=served)
    return left
