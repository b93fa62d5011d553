"""From the cost of one order to what a company of 100,000 orders a day needs. Pure arithmetic."""

import math

from domain.base import Record
from store.engine import OVERFLOW_CONNECTIONS_MAX, POOL_SIZE
from tests.scale.kinds import REPORTS_OF_A_LONG_ORDER
from tests.scale.load import Load, Servers
from tests.scale.records import Costs, Measured

HOUR_SECONDS = 3_600
DAYS_A_YEAR = 365
WORKING_DAYS_A_MONTH = 21
WINDOWS_WHILE_OPEN = 2
"""The step's own and the promise's."""
CACHED_MAX = 1_000
"""Workflows that a worker keeps in memory, by the SDK's default."""
POLLERS_OF_A_WORKER = 5
"""For workflow tasks and for activities each, by the SDK's default."""


class Blend(Record):
    """The mean order of the load: late as often and as long in production as that says."""

    events: float
    own_events: float
    history_bytes: float
    state_transitions: float
    workflow_tasks: float
    activities: float
    timers: float
    updates: float
    signals: float
    upserts: float
    workflows: float
    actions: float
    statements: float
    commits: float
    wal_bytes: float
    outbox: float
    windows: float
    rows: float
    packed_bytes: float
    grown_bytes: float


def blend(measured: Measured, load: Load) -> Blend:
    """Adds what reports and late steps cost to an order in time."""
    plain = _figures(measured.costs["s08_in_time"])
    long = _figures(measured.costs["s08_long"])
    late = _figures(measured.costs["s08_breached"])
    worst = _figures(measured.costs["s08_escalated"])
    extra_reports = load.reports - 1
    mean = {
        name: value
        + extra_reports * (long[name] - value) / (REPORTS_OF_A_LONG_ORDER - 1)
        + load.breached_share * (late[name] - value)
        + load.escalated_share * (worst[name] - value)
        for name, value in plain.items()
    }
    # Of few orders these two are mostly the first touch of each page: scaled by rows instead.
    by_rows = {
        name: plain[name] * mean["rows"] / plain["rows"] for name in ("wal_bytes", "grown_bytes")
    }
    return Blend(**(mean | by_rows))


def _figures(costs: Costs) -> dict[str, float]:
    history = costs.history.model_dump()
    own = {name: history[name] for name in Blend.model_fields if name in history}
    return own | {
        "actions": costs.history.actions,
        "statements": costs.statements,
        "commits": costs.commits,
        "wal_bytes": costs.wal_bytes,
        "outbox": costs.rows["outbox"],
        "windows": costs.rows["windows"],
        "rows": costs.rows_total,
        "packed_bytes": costs.packed_total,
        "grown_bytes": costs.grown_total,
    }


class Peaks(Record):
    """Rates a second: mean of the working hours, and at the peak."""

    orders: float
    orders_peak: float
    transitions_peak: float
    workflow_tasks_peak: float
    activities_peak: float
    updates_peak: float
    statements_peak: float
    commits_peak: float


def peaks(order: Blend, load: Load) -> Peaks:
    """An order's whole work falls into the hours in which people answer."""
    mean = load.orders_a_day / (load.working_hours_a_day * HOUR_SECONDS)
    peak = mean * load.peak_factor
    return Peaks(
        orders=mean,
        orders_peak=peak,
        transitions_peak=peak * order.state_transitions,
        workflow_tasks_peak=peak * order.workflow_tasks,
        activities_peak=peak * order.activities,
        updates_peak=peak * order.updates,
        statements_peak=peak * order.statements,
        commits_peak=peak * order.commits,
    )


class Shards(Record):
    """History shards: how many the peak needs, with growth, and what to set."""

    busy: float
    needed: int
    with_growth: int
    chosen: int
    open_orders_each: float


def shards(peak: Peaks, load: Load, servers: Servers) -> Shards:
    """A shard writes one transition at a time: so many are busy; the rest keeps them from waiting.

    The number is a power of two, as is the habit, and is for ever.
    """
    busy = peak.transitions_peak * servers.transition_seconds
    needed = busy / servers.shard_busy_share
    with_growth = needed * load.growth
    chosen = power_of_two(with_growth)
    return Shards(
        busy=busy,
        needed=math.ceil(needed),
        with_growth=math.ceil(with_growth),
        chosen=chosen,
        open_orders_each=load.open_orders / chosen,
    )


def power_of_two(at_least: float) -> int:
    """The smallest power of two that is not below."""
    return 1 << max(0, math.ceil(math.log2(at_least)))


class Workers(Record):
    """Cores and worker processes; a Python process uses one core."""

    worker_cores: float
    engine_cores: float
    postgres_cores: float
    processes: int
    activity_slots: float
    """Activities that run at once at the peak, by Little's law."""
    pollers: int
    """For activities, over all processes."""
    pollers_by_default: int
    connections_max: int
    replay_cores: float
    """For orders that are no longer in a worker's memory when their answer comes."""
    cached_share: float
    """Of the open orders, in the memory of all workers together."""
    cache_bytes_each: float
    cache_bytes_all: float
    """With every open order in memory, so that none is replayed."""


def workers(measured: Measured, order: Blend, peak: Peaks, load: Load, servers: Servers) -> Workers:
    """Scales the processor time of one whole S08 order by its state transitions."""
    plain = measured.costs["s08_in_time"].history
    more = order.state_transitions / plain.state_transitions
    cores = {
        name: peak.orders_peak * seconds * more / servers.core_busy_share
        for name, seconds in measured.rates.cpu_seconds.items()
    }
    # An answer finds its order half way on average; each but the first was a long wait ago.
    replayed = peak.updates_peak * order.own_events / 2
    replay = replayed / measured.rates.replayed_events / servers.core_busy_share
    processes = math.ceil(cores["python"] + replay)
    return Workers(
        worker_cores=cores["python"],
        engine_cores=cores["engine"],
        postgres_cores=cores["postgres"],
        processes=processes,
        activity_slots=peak.activities_peak * measured.rates.activity_seconds,
        pollers=math.ceil(peak.activities_peak * servers.poll_seconds),
        pollers_by_default=processes * POLLERS_OF_A_WORKER,
        connections_max=processes * (POOL_SIZE + OVERFLOW_CONNECTIONS_MAX),
        replay_cores=replay,
        cached_share=min(1.0, processes * CACHED_MAX / load.open_orders),
        cache_bytes_each=CACHED_MAX * measured.idle.cached_bytes,
        cache_bytes_all=load.open_orders * measured.idle.cached_bytes,
    )


class Storage(Record):
    """Bytes and rows on disk."""

    rows_a_year: float
    bytes_a_year: tuple[float, float]
    """Packed, and as grown with dead rows: the truth is between."""
    wal_bytes_a_day: float
    engine_wal_bytes_a_day: float
    engine_open_bytes: float
    engine_closed_bytes: float
    visibility_rows: float
    visibility_writes_peak: float
    visibility_bytes: float
    timers: float


def storage(measured: Measured, order: Blend, peak: Peaks, load: Load) -> Storage:
    """Our tables by the year; the engine's for what is open and what retention keeps."""
    a_year = load.orders_a_day * load.working_days_a_year
    kept = a_year * load.retention_days / DAYS_A_YEAR
    idle = measured.idle
    rewritten = order.state_transitions * idle.state_bytes + order.history_bytes
    half_a_life = (idle.costs.history.history_bytes + order.history_bytes) / 2
    visibility_rows = (load.open_orders + kept) * order.workflows
    return Storage(
        rows_a_year=a_year * order.rows,
        bytes_a_year=(a_year * order.packed_bytes, a_year * order.grown_bytes),
        wal_bytes_a_day=load.orders_a_day * order.wal_bytes,
        engine_wal_bytes_a_day=load.orders_a_day * rewritten,
        engine_open_bytes=load.open_orders * (half_a_life + idle.state_bytes),
        engine_closed_bytes=kept * (order.history_bytes + idle.state_bytes),
        visibility_rows=visibility_rows,
        visibility_writes_peak=peak.orders_peak * (order.upserts + 2 * order.workflows),
        visibility_bytes=visibility_rows * idle.costs.engine_bytes["executions_visibility"],
        timers=load.open_orders,
    )


class Sweeps(Record):
    """What touches everything that is open, in hours here and on a larger cluster."""

    describe_all: tuple[float, float]
    list_all: tuple[float, float]
    calendar: tuple[float, float]
    """Until a calendar's new version has moved every open window."""
    told_in_a_round: float
    """Workflows that one activity of the publication can tell before its timeout, by this rate."""
    marks_at_once: float
    """Warnings of progress reports that fall in one second of the afternoon."""
    marks_drained: float
    """Hours until they are recorded, beside a peak's other work, at the activities of one peak."""
    notices_a_day: float
    one_channel_a_day: float
    """Messages that one channel without a digest can send in a day and a night."""
    report_rows: float
    """Windows that the report of one month reads into one process."""


def sweeps(measured: Measured, order: Blend, peak: Peaks, load: Load, servers: Servers) -> Sweeps:
    """By the rates of two cores, and by those times what a cluster is assumed to do better."""
    rates = measured.rates
    windows = load.open_orders * WINDOWS_WHILE_OPEN
    marks = load.open_orders * load.in_production_share * load.reports_forgotten_share
    return Sweeps(
        describe_all=_hours(load.open_orders / rates.describes, servers),
        list_all=_hours(load.open_orders / rates.listed, servers),
        calendar=_hours(windows / rates.windows_moved, servers),
        told_in_a_round=rates.told * 600,
        marks_at_once=marks,
        marks_drained=marks / peak.activities_peak / HOUR_SECONDS,
        notices_a_day=load.orders_a_day * order.outbox,
        one_channel_a_day=24 * HOUR_SECONDS / servers.message_seconds,
        report_rows=WORKING_DAYS_A_MONTH * load.orders_a_day * order.windows,
    )


def _hours(seconds: float, servers: Servers) -> tuple[float, float]:
    here = seconds / HOUR_SECONDS
    return here, here / servers.scans_factor
