"""Windows: what a limit means, when its marks fall, and what became of it (catalogue 3, 4.4)."""

from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from pydantic import Field

from domain.base import Record
from domain.limits import LimitText
from domain.roles import Role


class Mark(StrEnum):
    """A rung of the ladder, E0 to E5 (catalogue 4.4).

    `due_date` falls on windows of the promised date only, and `closing` on none: it is told when
    an order with overdue cases ends. A `reminder` is no rung: it comes before the warning, at each
    share of the limit that a window names.
    """

    WARNING = "warning"
    BREACH = "breach"
    ANALYSIS = "analysis"
    LEADERSHIP = "leadership"
    DUE_DATE = "due_date"
    CLOSING = "closing"
    REMINDER = "reminder"

    @property
    def level(self) -> int:
        """The rung: 0 for the warning, 1 for the breach, up to 5; -1 for a mere reminder."""
        return -1 if self is Mark.REMINDER else tuple(Mark).index(self)

    @classmethod
    def named(cls, name: str) -> "Mark":
        """The mark behind a name such as `warning` or `reminder_50`."""
        return cls.REMINDER if name.startswith(cls.REMINDER) else cls(name)


class MarkAt(Record):
    """A mark and the absolute instant at which it falls; `percent` tells reminders apart."""

    mark: Mark
    at: datetime
    percent: int | None = None

    @property
    def name(self) -> str:
        """What a window has once: `warning`, `reminder_50`."""
        return self.mark.value if self.percent is None else f"{self.mark.value}_{self.percent}"


class Slack(StrEnum):
    """How an order or a window stands against its due line; the worst one counts."""

    ON_TIME = "on_time"
    WARNED = "warned"
    BREACHED = "breached"


class WindowState(StrEnum):
    """What became of a window."""

    OPEN = "open"
    KEPT = "kept"
    BREACHED = "breached"
    STOPPED = "stopped"


class PauseReason(StrEnum):
    """Whom a paused window waits for: its time is not the department's.

    `hold` is operations' own: it pauses every window of a held order, and no rule names it. So does
    `change` while an order is frozen until a change is decided.
    """

    CUSTOMER = "customer"
    PAYMENT = "payment"
    SUPPLIER = "supplier"
    HOLD = "hold"
    CHANGE = "change"

    @property
    def words(self) -> str:
        """As a reader says it: `waits for the customer`."""
        if self is PauseReason.HOLD:
            return "is on hold"
        if self is PauseReason.CHANGE:
            return "is frozen until a change is decided"
        return "waits for payment" if self is PauseReason.PAYMENT else f"waits for the {self}"


MAY_PAUSE: dict[PauseReason, frozenset[Role]] = {
    PauseReason.CUSTOMER: frozenset(
        {Role.SALES, Role.SALES_MANAGER, Role.ORDER_DESK, Role.CUSTOMER_SERVICE, Role.TECHNICAL}
    ),
    PauseReason.PAYMENT: frozenset({Role.FINANCE, Role.SALES_MANAGER}),
    PauseReason.SUPPLIER: frozenset({Role.PURCHASING, Role.PLANNING}),
    PauseReason.HOLD: frozenset(),
    PauseReason.CHANGE: frozenset(),
}
"""Who may say that a window waits: those who talk to the one waited for. A hold and a change are
no such word: they stop the whole order.
"""

MAY_RESET: frozenset[Role] = frozenset({Role.LEADERSHIP, Role.CONTROL, Role.OPERATIONS})
"""Who may let a window begin anew."""


class LedgerKind(StrEnum):
    """What happened to a window: each is a line of its ledger."""

    OPENED = "opened"
    PAUSED = "paused"
    RESUMED = "resumed"
    RESET = "reset"
    RECALCULATED = "recalculated"
    STOPPED = "stopped"
    AT_RISK = "at_risk"
    IN_HAND = "in_hand"


class DueWindow(Record):
    """An opened window as it stands: absolute instants, computed by activities, kept in history.

    `due_at` is none for nothing: every window has one. `marks` are sorted by instant.
    `calendar` names the calendar and its version, for example `cn@3`.

    `used` is what of the limit was used before `running_since`, in the limit's own unit: seconds
    for working and elapsed time, days for working and bank days. While it is paused neither the
    due instant nor a later mark counts. `paused_seconds` sums up elapsed seconds of past pauses.
    """

    key: str
    rule: str
    step: str
    role: Role
    limit: LimitText
    started_at: datetime
    due_at: datetime
    marks: tuple[MarkAt, ...] = Field(min_length=1)
    calendar: str
    provisional: bool = False
    pauses: tuple[PauseReason, ...] = ()
    running_since: datetime | None = None
    used: Fraction = Fraction(0)
    paused_at: datetime | None = None
    paused_for: tuple[PauseReason, ...] = ()
    pause_count: int = 0
    paused_seconds: int = 0
    reset_at: datetime | None = None

    @property
    def counted_since(self) -> datetime:
        """Since when the present stretch runs."""
        return self.running_since or self.started_at

    @property
    def calendar_name(self) -> str:
        """The calendar without its version."""
        return self.calendar.partition("@")[0]
