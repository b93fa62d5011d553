"""What is asked of the platform, and what we assume of servers that we have not got."""

from domain.base import Record


class Load(Record):
    """The company of issue and document; every figure here is assumed."""

    orders_a_day: int = 100_000
    open_orders: int = 1_000_000
    working_days_a_year: int = 250
    working_hours_a_day: float = 8.0
    peak_factor: float = 3.0
    """Busiest quarter of an hour to the mean one of working hours; `simulation.py` stays below."""
    breached_share: float = 0.12
    """Orders of which one step is late."""
    escalated_share: float = 0.03
    """Orders of which one step is late up to the leadership."""
    reports: int = 5
    """Working days of production, each with its progress report."""
    reports_forgotten_share: float = 0.05
    """Reports that are not posted when their warning falls, at 80 % of the working day."""
    in_production_share: float = 0.5
    """Of the open orders; five of their ten working days."""
    growth: float = 4.0
    """What must not need a new engine: history shards cannot be changed."""
    retention_days: int = 90


class Servers(Record):
    """Servers of production; every figure here is assumed, none was measured."""

    transition_seconds: float = 0.01
    """One write of the engine into a PostgreSQL near by, the shard's lock held."""
    shard_busy_share: float = 0.05
    """A shard writes one thing at a time; so rarely busy, hardly anything waits."""
    core_busy_share: float = 0.6
    """What is planned of a core, so that a burst has room."""
    poll_seconds: float = 0.02
    """A poller's round: it is given a task, hands it on and asks again."""
    message_seconds: float = 0.3
    """One message to a chat robot or mail server."""
    scans_factor: float = 10.0
    """How much faster a cluster describes and lists than two cores that also do all the rest."""
