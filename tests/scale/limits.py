"""The first limits, each as the orders a day at which it is met; pure arithmetic."""

from collections.abc import Iterator

from domain.base import Record
from tests.scale.load import Load, Servers
from tests.scale.records import Measured
from tests.scale.sizing import WORKING_DAYS_A_MONTH, Blend, Peaks, Workers

CHAT_ROBOT_A_MINUTE = 20
ROUND_SECONDS = 600
SCAN_PATIENCE_SECONDS = 600
FACT_BYTES = 3_000
REPORT_MEMORY_BYTES = 4e9
COMMITS_A_SECOND = 5_000
TERABYTE = 1e12
SMALL_SHARDS = 512


class Limit(Record):
    """One limit: at how many orders a day, and what the figure stands on."""

    what: str
    orders_a_day: float
    stands_on: str


def limits(
    measured: Measured, order: Blend, peak: Peaks, work: Workers, load: Load, servers: Servers
) -> list[Limit]:
    """The lowest first."""
    found = (
        *_of_people(order),
        *_of_open_orders(measured, load),
        *_of_cores(work, load),
        *_of_databases(order, peak, load, servers),
    )
    return sorted(found, key=lambda limit: limit.orders_a_day)


def _of_people(order: Blend) -> Iterator[Limit]:
    yield Limit(
        what="one chat robot gets every notice",
        orders_a_day=CHAT_ROBOT_A_MINUTE * 24 * 60 / order.outbox,
        stands_on=f"{order.outbox:.0f} notices an order measured; "
        f"{CHAT_ROBOT_A_MINUTE} messages a minute assumed, as chat platforms allow",
    )
    rows = REPORT_MEMORY_BYTES / FACT_BYTES
    yield Limit(
        what="the month's report holds all its windows in memory",
        orders_a_day=rows / (WORKING_DAYS_A_MONTH * order.windows),
        stands_on=f"{order.windows:.0f} windows an order measured; "
        f"{FACT_BYTES:,} bytes a window and {REPORT_MEMORY_BYTES / 1e9:.0f} GB assumed",
    )


def _of_open_orders(measured: Measured, load: Load) -> Iterator[Limit]:
    days = load.open_orders / load.orders_a_day
    rates = measured.rates
    yield Limit(
        what="a calendar's publication tells everybody within one round",
        orders_a_day=rates.told * ROUND_SECONDS / days,
        stands_on=f"{rates.told:.0f} told a second measured; "
        f"a round ends after {ROUND_SECONDS} s and begins anew",
    )
    yield Limit(
        what="a scan that describes each open order, within ten minutes",
        orders_a_day=rates.describes * SCAN_PATIENCE_SECONDS / days,
        stands_on=f"{rates.describes:.0f} described a second measured",
    )


def _of_cores(work: Workers, load: Load) -> Iterator[Limit]:
    cores = work.worker_cores + work.engine_cores + work.postgres_cores + work.replay_cores
    yield Limit(
        what="two cores for everything (`make up`)",
        orders_a_day=load.orders_a_day * 2 / cores,
        stands_on="processor seconds of an order and of replays measured",
    )
    yield Limit(
        what="one worker process",
        orders_a_day=load.orders_a_day / (work.worker_cores + work.replay_cores),
        stands_on="processor seconds of Python and of replays measured",
    )


def _of_databases(order: Blend, peak: Peaks, load: Load, servers: Servers) -> Iterator[Limit]:
    yield Limit(
        what="one PostgreSQL for orders and engine commits at the peak",
        orders_a_day=load.orders_a_day
        * COMMITS_A_SECOND
        / (peak.commits_peak + peak.transitions_peak),
        stands_on=f"commits and transitions of an order measured; {COMMITS_A_SECOND:,} durable "
        "commits a second assumed",
    )
    yield Limit(
        what="our tables grow by a terabyte a year",
        orders_a_day=TERABYTE / (load.working_days_a_year * order.packed_bytes),
        stands_on="bytes of an order measured, packed",
    )
    busy = SMALL_SHARDS * servers.shard_busy_share / servers.transition_seconds
    yield Limit(
        what=f"{SMALL_SHARDS} history shards begin to wait",
        orders_a_day=load.orders_a_day * busy / peak.transitions_peak,
        stands_on=f"transitions measured; {servers.transition_seconds * 1000:.0f} ms a write, "
        f"a shard {servers.shard_busy_share:.0%} busy assumed",
    )
