"""What is measured of one order, and what a machine was seen to do; stored as `measured.json`."""

from pathlib import Path

from domain.base import Record

MEASURED = Path(__file__).with_name("measured.json")


class History(Record):
    """What the histories of one order hold: its own, and those of its overdue cases.

    Events that only the skipping of time writes are left out.
    """

    workflows: float
    events: float
    history_bytes: float
    state_transitions: float
    workflow_tasks: float
    activities: float
    timers: float
    updates: float
    signals: float
    upserts: float
    own_events: float
    """Events of the order's own history, which is what continue-as-new looks at."""

    @property
    def actions(self) -> float:
        """What Temporal Cloud would bill: starts, activities, timers, messages and upserts."""
        asked = self.activities + self.timers + self.updates + self.signals + self.upserts
        return self.workflows + asked


class Costs(Record):
    """One kind of order: the mean of so many orders, a figure each."""

    orders: int
    history: History
    statements: float
    commits: float
    wal_bytes: float
    rows: dict[str, float]
    grown_bytes: dict[str, float]
    """Heap, TOAST and indexes by table as they stood after the run, dead rows included."""
    packed_bytes: dict[str, float]
    """The same after VACUUM FULL: what nobody can get below."""
    engine_bytes: dict[str, float]
    """Pages of the embedded engine's own file, by its tables."""

    @property
    def rows_total(self) -> float:
        """Rows in all tables."""
        return sum(self.rows.values())

    @property
    def grown_total(self) -> float:
        """Bytes in all tables and their indexes."""
        return sum(self.grown_bytes.values())

    @property
    def packed_total(self) -> float:
        """Bytes in all tables and their indexes after VACUUM FULL."""
        return sum(self.packed_bytes.values())

    @property
    def engine_total(self) -> float:
        """Bytes in the engine's file."""
        return sum(self.engine_bytes.values())


class Idle(Record):
    """What an order costs that was placed and waits for its first answer."""

    costs: Costs
    start_event_bytes: float
    """The first event of the history: mostly the pinned profile."""
    state_bytes: float
    """What the engine writes anew at each transition: the open order's mutable state."""
    cached_bytes: float
    """Memory of the worker for the order's workflow while it is cached."""


class Rates(Record):
    """What two cores did in a second; everything ran on them: servers, worker and driver."""

    orders: float
    describes: float
    listed: float
    windows_moved: float
    """Windows that a calendar's new version has moved, from its publication to the last one."""
    told: float
    """Workflows that the publication tells of it, one after the other."""
    replayed_events: float
    """Events that are replayed in a second of processor time, by the recorded histories."""
    activity_seconds: float
    """From an activity's start to its end, on an idle machine."""
    cpu_seconds: dict[str, float]
    """Processor time of one whole S08 order: engine, postgres, python (worker and driver)."""


class Measured(Record):
    """Everything that `python -m tests.scale --write` has measured."""

    cores: int
    costs: dict[str, Costs]
    idle: Idle
    rates: Rates


def load_measured() -> Measured:
    """The committed figures."""
    return Measured.model_validate_json(MEASURED.read_text(encoding="utf-8"))
