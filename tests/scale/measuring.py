"""Runs orders of each kind on servers of their own, and reads the gauges before and after."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import update

from store import tables
from store.engine import Engine, create_engine
from tests.own_floor import own_floor
from tests.scale import gauges, rates
from tests.scale.histories import mean_history, start_event_bytes
from tests.scale.kinds import AT_ONCE, KINDS, Live, many, placed_only
from tests.scale.records import Costs, History, Idle, Measured, Rates
from tests.workflow.floor import Floor, Placed
from worker import build_worker

IDLE_ORDERS = 200
WARM_UP = 6


class Bench:
    """A floor whose worker has an engine of its own, so that the driver's reading counts apart."""

    def __init__(self, floor: Floor, worker_engine: Engine, engine_file: Path) -> None:
        self.floor = floor
        self.worker_engine = worker_engine
        self.engine_file = engine_file

    async def costs(self, live: Live, orders: int) -> Costs:
        """What `orders` orders of a kind cost, a mean for each figure."""
        placed, costs = await self.lived(live, orders)
        history = await mean_history(placed, AT_ONCE)
        return costs.model_copy(update={"history": _rounded(history)})

    async def lived(self, live: Live, orders: int) -> tuple[list[Placed], Costs]:
        """The orders and what they cost, but for the history, which one order stands for."""
        db = self.floor.engine
        await gauges.pack(db)
        rows, sizes = await gauges.table_rows(db), await gauges.table_bytes(db)
        log, engine = await gauges.log_bytes(db), gauges.engine_bytes(self.engine_file)
        with gauges.counting(self.worker_engine) as asked:
            placed = await many(self.floor, live, orders)
        log = await gauges.log_bytes(db) - log
        grown = gauges.each(await gauges.table_bytes(db), sizes, orders)
        added = gauges.each(await gauges.table_rows(db), rows, orders)
        in_engine = gauges.each(gauges.engine_bytes(self.engine_file), engine, orders)
        await gauges.pack(db)
        packed = gauges.each(await gauges.table_bytes(db), sizes, orders)
        return placed, Costs(
            orders=orders,
            history=await mean_history(placed[:1], AT_ONCE),
            statements=round(asked.statements / orders, 1),
            commits=round(asked.commits / orders, 1),
            wal_bytes=round(log / orders),
            rows=added,
            grown_bytes=grown,
            packed_bytes=packed,
            engine_bytes=in_engine,
        )


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    """Servers as `make up` runs them, and a worker that is warm."""
    async with own_floor(folder) as floor:
        engine = create_engine(str(floor.engine.url))
        try:
            async with build_worker(floor.skipper.client, engine, floor.task_queue):
                await _restock(floor)
                found = Bench(floor, engine, folder / "temporal" / "temporal.db")
                await many(floor, KINDS["s08_in_time"], WARM_UP)
                yield found
        finally:
            await engine.dispose()


async def measure(folder: Path, orders: int, few: int, say: Callable[[str], None]) -> Measured:
    """Everything. `orders` of the common kind for the sizes of tables, `few` of each other."""
    async with bench(folder) as found:
        costs = {}
        for kind, live in KINDS.items():
            count = orders if kind == "s08_in_time" else few
            say(f"{count} orders: {kind}")
            costs[kind] = await found.costs(live, count)
        say("whole orders a second")
        replayed = await rates.replayed_events()
        quiet = await rates.quiet_activity_seconds(found.floor)
        orders_a_second, cpu = await rates.whole_orders(found.floor)
        say(f"{IDLE_ORDERS} orders that wait")
        idle = await _idle(found)
        say("scans and a calendar's new version")
        describes, listed = await rates.scans(found.floor)
        moved, told = await rates.windows_moved(found.floor)
    return Measured(
        cores=os.cpu_count() or 1,
        costs=costs,
        idle=idle,
        rates=Rates(
            orders=orders_a_second,
            describes=describes,
            listed=listed,
            windows_moved=moved,
            told=told,
            replayed_events=replayed,
            activity_seconds=quiet,
            cpu_seconds=cpu,
        ),
    )


async def _restock(floor: Floor) -> None:
    """The example factory's stock ends after ninety orders."""
    async with floor.engine.begin() as conn:
        await conn.execute(
            update(tables.materials).values(on_hand=tables.materials.c.on_hand * 100)
        )


async def _idle(found: Bench) -> Idle:
    before = gauges.resident_bytes()
    placed, costs = await found.lived(placed_only, IDLE_ORDERS)
    cached = (gauges.resident_bytes() - before) / IDLE_ORDERS
    return Idle(
        costs=costs,
        start_event_bytes=await start_event_bytes(placed[0]),
        state_bytes=round(gauges.state_bytes(found.engine_file, {one.handle.id for one in placed})),
        cached_bytes=round(max(cached, 0)),
    )


def _rounded(history: History) -> History:
    return type(history)(**{name: round(value, 1) for name, value in history.model_dump().items()})
