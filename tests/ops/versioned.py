"""A floor whose workers are versions: orders begin on the current one and stay there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.errors import DuelineError
from ops.repair.deployment import find_deployment, make_current, read_deployment
from ops.repair.residents import Pin, pin_of
from ops.repair.site import Site
from store import tables
from tests.workflow.floor import PATIENCE_SECONDS, Floor, Placed
from worker import build_worker

PLACED_AT_ONCE = 8


class VersionedFloor:
    """A floor with a deployment of its own."""

    def __init__(self, floor: Floor, site: Site) -> None:
        self.floor = floor
        self.site = site
        self.name = f"floor-{uuid4().hex}"

    @asynccontextmanager
    async def serving(self, build: str) -> AsyncIterator[Worker]:
        """A worker that serves a version, once the engine knows of it."""
        worker = build_worker(
            self.floor.skipper.client,
            self.floor.engine,
            self.floor.task_queue,
            # As in production: the sandbox would import the workflows anew for each order.
            runner=UnsandboxedWorkflowRunner(),
            deployment=WorkerDeploymentVersion(self.name, build),
        )
        async with self.served(worker, build):
            yield worker

    @asynccontextmanager
    async def served(self, worker: Worker, build: str) -> AsyncIterator[None]:
        """Any worker at all, once the engine knows its version."""
        async with worker:
            await self.until(lambda: self.known(build), f"the engine knows {build}")
            yield

    async def known(self, build: str) -> bool:
        """Whether the engine knows that a worker serves this version."""
        found = await find_deployment(self.site, self.name)
        return found is not None and any(
            known.build == build and known.served for known in found.builds
        )

    async def make_current(self, build: str) -> None:
        """New orders begin on this version; asked again while its queues are not all known yet."""

        async def taken() -> bool:
            try:
                await make_current(self.site, await read_deployment(self.site, self.name), build)
            except DuelineError as refused:
                if "missing active task queues" in str(refused):
                    return False
                raise
            return True

        await self.until(taken, f"the engine knows all queues of {build}")

    async def place(self, how_many: int) -> list[Placed]:
        """Orders that wait at their first step."""
        gate = asyncio.Semaphore(PLACED_AT_ONCE)

        async def one() -> Placed:
            async with gate:
                return await self.floor.place(lines=[LINE])

        orders = list(await asyncio.gather(*(one() for _ in range(how_many))))

        async def all_there() -> bool:
            there = {row["id"] for row in await self.floor.rows(tables.orders, step="entry")}
            return all(placed.order_id in there for placed in orders)

        await self.until(all_there, f"{how_many} orders are at their first step")
        return orders

    async def pin(self, placed: Placed) -> Pin:
        """Where the order is."""
        pin = await pin_of(self.site, placed.handle.id)
        assert pin is not None
        return pin

    async def on(self, build: str, orders: Sequence[Placed]) -> bool:
        """Whether all of these orders are pinned to this version and can go on there."""
        for placed in orders:
            pin = await self.pin(placed)
            if pin.is_open and (pin.build, pin.target, pin.failing) != (build, None, False):
                return False
        return True

    async def until(self, met: Callable[[], Awaitable[Any]], what: str) -> Any:
        """Waits for an effect; fails with `what` was awaited."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    if value := await met():
                        return value
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            raise AssertionError(f"it never came about that {what}") from error


LINE = {"product": "EL-A4", "quantity": 1, "unit_price": "18.50"}
"""Small enough that the stock is enough for all."""


@pytest.fixture
def versions(site: Site, idle_floor: Floor, monkeypatch: pytest.MonkeyPatch) -> VersionedFloor:
    """The floor's versions; the command line knows their deployment."""
    floor = VersionedFloor(idle_floor, site)
    monkeypatch.setenv("DUELINE_DEPLOYMENT", floor.name)
    return floor
