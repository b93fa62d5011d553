"""An assessment (catalogue 4.1, 6.7): what is counted, and the report that comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from domain.base import Record
from domain.orders import OrderState
from domain.roles import Role
from domain.stages import Stage
from domain.windows import DueWindow, WindowState
from domain.worktime import WorkCalendar


@dataclass(frozen=True)
class WindowFact:
    """A window that was decided in the period, or stood overdue in it.

    `person` is who answered last, `cause` the cause code of its overdue case. `window` is none
    for windows of a release that did not keep them.
    """

    role: Role
    person: str | None
    profile: str
    stage: Stage
    cause: str | None
    state: WindowState
    started_at: datetime
    due_at: datetime
    stopped_at: datetime | None
    warned: bool
    window: DueWindow | None

    @property
    def calendar(self) -> str | None:
        """The label of the calendar that it was counted with; none when that was not kept."""
        return None if self.window is None else self.window.calendar


@dataclass(frozen=True)
class OrderFact:
    """An order that was open at some time in the period."""

    state: OrderState
    promised_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True)
class ShipmentFact:
    """An order that was shipped in the period: by now's promised date and by the first one."""

    shipped_at: datetime
    promised_at: datetime
    first_promised_at: datetime


@dataclass(frozen=True)
class InspectionFact:
    """An inspection in the period; `first` of its order or a later one."""

    passed: bool
    first: bool


@dataclass(frozen=True)
class SanctionFact:
    """A fine or a reward in the period; stage and cause are those of its overdue case."""

    kind: str
    role: Role
    person: str | None
    profile: str
    stage: Stage | None
    cause: str | None
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Facts:
    """Everything a report is computed from.

    `titles` are profiles' titles, English and Chinese; `calendars` the published versions that
    windows were counted with, by label, such as `cn@3`.
    """

    windows: Sequence[WindowFact] = ()
    orders: Sequence[OrderFact] = ()
    shipments: Sequence[ShipmentFact] = ()
    inspections: Sequence[InspectionFact] = ()
    sanctions: Sequence[SanctionFact] = ()
    titles: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    calendars: Mapping[str, WorkCalendar] = field(default_factory=dict)


class Sum(Record):
    """Money in one currency."""

    amount: Decimal
    currency: str


class Score(Record):
    """One line of a table: windows, time used and days overdue, money.

    `kept` and `breached` count against whoever the line is about; `breached_by_customer` counts
    against nobody inside; `given_up` windows ended with their order, or their promise moved.
    Percentages have one decimal, days too.
    """

    key: str
    name: str
    name_zh: str
    kept: int
    warned: int
    breached: int
    breached_by_customer: int
    given_up: int
    overdue_percent: Decimal | None
    used_p50_percent: Decimal | None
    used_p90_percent: Decimal | None
    overdue_days: Decimal
    overdue_longest_days: Decimal
    fines: tuple[Sum, ...] = ()
    rewards: tuple[Sum, ...] = ()


class Kpi(Record):
    """One indicator: `count` of `out_of`, in percent, and whether it `met` its target.

    Without a target, or with nothing to count, it neither met nor missed it.
    """

    key: str
    name: str
    name_zh: str
    count: int
    out_of: int
    percent: Decimal | None
    target_percent: Decimal | None
    met: bool | None
    definition: str
    definition_zh: str


class Definition(Record):
    """What a column counts, in both languages."""

    term: str
    term_zh: str
    text: str
    text_zh: str


class Report(Record):
    """The assessment of one period.

    `counted_until` is the period's end, or the present while it runs: then it is not `complete`.
    `persons` is none for readers who are not to see them.
    """

    period: str
    from_at: datetime
    to_at: datetime
    counted_until: datetime
    complete: bool
    computed_at: datetime
    kpis: tuple[Kpi, ...]
    total: Score
    departments: tuple[Score, ...]
    persons: tuple[Score, ...] | None
    profiles: tuple[Score, ...]
    stages: tuple[Score, ...]
    causes: tuple[Score, ...]
    definitions: tuple[Definition, ...]


def percentile(values: Sequence[Decimal], percent: int) -> Decimal | None:
    """The smallest value that at least `percent` of all reach or stay below; none of nothing."""
    if not values:
        return None
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(rank, 1) - 1]
