"""`ops stuck` names everything that cannot move, with its cause and cure, and nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import func, select

from ops.repair.site import Site
from ops.repair.stuck import find_stuck
from ops.repair.stuck_model import StuckCause, StuckReport
from store import tables
from tests.ops import ward as wards
from tests.ops.ward import KINDS, Ill, Ward, give_keys
from tests.workflow.floor import Floor, Placed
from tests.workflow.storm import until

HEALTHY = 200
AT_ONCE = 20
FOUND_WITHIN_SECONDS = 60.0


@pytest.fixture
async def ward(idle_floor: Floor) -> AsyncIterator[Ward]:
    """A floor at work; every role but one has a key."""
    await give_keys(idle_floor.engine)
    async with AsyncExitStack() as stack:
        made = Ward(idle_floor, stack)
        await made.deploy(idle_floor)
        try:
            yield made
        finally:
            t = time.monotonic()
            await made.close()
            print("CLOSED", time.monotonic() - t)


async def healthy_orders(ward: Ward, count: int) -> list[Placed]:
    """Orders that wait for people in time, at different steps."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def place(number: int) -> Placed:
        async with gate:
            placed = await ward.floor.place()
            if number % 20 == 0:
                await placed.walk(("entry", "confirm")[: 1 + number % 40 // 20])
            return placed

    placed = list(await asyncio.gather(*(place(number) for number in range(count))))
    there = (
        select(func.count())
        .select_from(tables.orders)
        .where(
            tables.orders.c.id.in_([one.order_id for one in placed]),
            tables.orders.c.step.is_not(None),
        )
    )
    await until(ward.floor, there, count)
    return placed


async def found(site: Site, ill: list[Ill]) -> StuckReport:
    """The report, as soon as it names every ill one with its cause; retries take their time."""
    wanted = {(one.workflow_id, one.cause) for one in ill}
    report = await find_stuck(site)
    give_up_at = time.monotonic() + FOUND_WITHIN_SECONDS
    while time.monotonic() < give_up_at:
        if wanted <= {(one.workflow_id, one.cause) for one in report.findings}:
            break
        await asyncio.sleep(1)
        report = await find_stuck(site)
    return report


async def all_ill(ward: Ward) -> list[Ill]:
    """One of each kind, several at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def make(kind: Callable[[Ward], Awaitable[Ill]]) -> Ill:
        async with gate:
            return await kind(ward)

    return list(await asyncio.gather(*(make(kind) for kind in KINDS)))


def named(report: StuckReport) -> set[tuple[str, StuckCause]]:
    return {(one.workflow_id, one.cause) for one in report.findings}


async def test_every_kind_of_stuck_is_named_among_healthy_orders(ward: Ward, site: Site) -> None:
    t = time.monotonic()
    ill, healthy, late = await asyncio.gather(
        all_ill(ward),
        healthy_orders(ward, HEALTHY),
        asyncio.gather(*(wards.late(ward) for _ in range(3))),
    )
    print("MADE", time.monotonic() - t)

    report = await found(site, ill)
    print("FOUND", time.monotonic() - t, report.seconds, report.workflows)

    wanted = {(one.workflow_id, one.cause) for one in ill}
    missing = [one.kind for one in ill if (one.workflow_id, one.cause) not in named(report)]
    assert missing == []
    assert named(report) == wanted
    assert {one.order_id for one in report.findings}.isdisjoint(
        {placed.order_id for placed in (*healthy, *late)}
    )
