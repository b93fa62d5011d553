"""The table of what the load needs; each row says what its figure stands on."""

from collections.abc import Iterator, Sequence

from tests.scale.load import Load, Servers
from tests.scale.records import Measured
from tests.scale.sizing import (
    Peaks,
    Shards,
    Storage,
    Sweeps,
    Workers,
    blend,
    peaks,
    shards,
    storage,
    sweeps,
    workers,
)

Row = tuple[str, str, str]

HEAD = ("what", "figure", "stands on")
MEASURED = "an order, measured; load"
SLOTS = 100
"""Activities that a worker runs at once, by the SDK's default."""


def needs(measured: Measured) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """What the load of the issue needs."""
    load, servers = Load(), Servers()
    order = blend(measured, load)
    peak = peaks(order, load)
    work = workers(measured, order, peak, load, servers)
    return HEAD, [
        *_rates(peak),
        *_shards(shards(peak, load, servers)),
        *_workers(work),
        *_storage(storage(measured, order, peak, load)),
        *_sweeps(sweeps(measured, order, peak, load, servers)),
    ]


def _rates(peak: Peaks) -> Iterator[Row]:
    yield (
        "orders a second: mean of working hours, peak",
        f"{peak.orders:.1f}, {peak.orders_peak:.1f}",
        "load",
    )
    yield "state transitions a second at the peak", f"{peak.transitions_peak:,.0f}", MEASURED
    yield (
        "workflow tasks, activities, updates a second",
        f"{peak.workflow_tasks_peak:,.0f}, {peak.activities_peak:,.0f}, {peak.updates_peak:,.0f}",
        MEASURED,
    )
    yield (
        "SQL statements, commits a second",
        f"{peak.statements_peak:,.0f}, {peak.commits_peak:,.0f}",
        MEASURED,
    )


def _shards(found: Shards) -> Iterator[Row]:
    yield (
        "history shards: busy at once, needed, with growth, **to set**",
        f"{found.busy:.0f}, {found.needed}, {found.with_growth:,}, **{found.chosen:,}**",
        "transitions measured; 10 ms, 5 % and growth assumed",
    )
    yield "open orders in a shard", f"{found.open_orders_each:,.0f}", "load"


def _workers(work: Workers) -> Iterator[Row]:
    spent = "processor time measured here; 60 % of a core assumed"
    yield (
        "worker cores, and more for replays",
        f"{work.worker_cores:.1f}, {work.replay_cores:.1f}",
        spent,
    )
    yield "worker processes", f"{work.processes}", "one core each"
    yield "engine cores", f"{work.engine_cores:.1f}", f"{spent}; on SQLite"
    yield "PostgreSQL cores for our tables", f"{work.postgres_cores:.1f}", spent
    yield (
        "activities at once; slots by default",
        f"{work.activity_slots:.0f}; {work.processes * SLOTS:,}",
        "time of an activity measured, Little's law",
    )
    yield (
        "activity pollers: needed; by default",
        f"{work.pollers}; {work.pollers_by_default}",
        "20 ms a round assumed",
    )
    yield (
        "connections to PostgreSQL: at work, at most",
        f"{work.activity_slots:.0f}, {work.connections_max}",
        "pool of `store/engine.py`",
    )
    yield (
        "open orders in the memory of the workers; memory of a process for it",
        f"{work.cached_share:.1%}; {work.cache_bytes_each / 1e6:,.0f} MB",
        "memory measured, 1,000 workflows a process by default",
    )
    yield (
        "memory for every open order, so that none is replayed",
        f"{work.cache_bytes_all / 1e9:,.0f} GB",
        "memory measured",
    )


def _storage(disk: Storage) -> Iterator[Row]:
    low, high = disk.bytes_a_year
    yield (
        "our tables a year",
        f"{disk.rows_a_year / 1e9:.1f} billion rows, {low / 1e12:.1f} to {high / 1e12:.1f} TB",
        MEASURED,
    )
    yield (
        "write-ahead log a day: ours, the engine's",
        f"{disk.wal_bytes_a_day / 1e9:.0f} GB, {disk.engine_wal_bytes_a_day / 1e9:.0f} GB",
        "ours measured; the engine's reckoned from state and history, without its task tables",
    )
    yield (
        "the engine's histories: open, closed and kept",
        f"{disk.engine_open_bytes / 1e9:.0f} GB, {disk.engine_closed_bytes / 1e9:,.0f} GB",
        "bytes measured; 90 days",
    )
    yield (
        "visibility: rows, writes a second, size",
        f"{disk.visibility_rows / 1e6:.1f} million, {disk.visibility_writes_peak:,.0f}, "
        f"{disk.visibility_bytes / 1e9:.0f} GB",
        "upserts measured; a row's size with its indexes on SQLite",
    )
    yield "durable timers", f"{disk.timers:,.0f}", "one an open order, measured"


def _sweeps(sweep: Sweeps) -> Iterator[Row]:
    yield (
        "marks in one second, 16:24 on a working day",
        f"{sweep.marks_at_once:,.0f}",
        "half in production, 5 % not reported: assumed",
    )
    yield (
        "until they are recorded",
        f"{sweep.marks_drained * 60:.0f} min",
        "as many activities as at the peak",
    )
    yield (
        "notices a day; one channel, a message each",
        f"{sweep.notices_a_day / 1e6:.1f} million; {sweep.one_channel_a_day / 1e6:.1f} million",
        "notices measured; 0.3 s a message assumed",
    )
    scans = "rate measured here; ten times that on a cluster assumed"
    yield "describing every open order: as here, on a cluster", _pair(sweep.describe_all), scans
    yield "listing every open order", _pair(sweep.list_all), scans
    yield "a calendar's new version reaches every window", _pair(sweep.calendar), scans
    yield (
        "windows that the report of a month reads",
        f"{sweep.report_rows / 1e6:.0f} million",
        "windows of an order measured",
    )


def _pair(hours: tuple[float, float]) -> str:
    here, there = hours
    return f"{here:.1f} h, {there * 60:.0f} min"
