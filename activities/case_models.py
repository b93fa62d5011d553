"""What goes into the activities of overdue cases and comes out; pure types and names, too."""

from datetime import datetime
from enum import StrEnum

from activities.models import Decision
from domain.base import Record
from domain.roles import Role

OPEN_CASE = "open_case"
RECORD_CAUSE = "record_cause"
OPEN_PART = "open_part"
RECORD_PART = "record_part"
LOOK_AT_WINDOW = "look_at_window"
OPEN_CLOSING = "open_closing"
CLOSE_CASE = "close_case"


class CasePart(StrEnum):
    """What an overdue case asks for; each is a task with a window of its own (catalogue 4.1)."""

    CAUSE = "cause"
    ANALYSIS = "analysis"
    MEASURE = "measure"
    DECISION = "decision"
    CLOSING = "closing"

    @property
    def words(self) -> str:
        """What is asked for, as a reader says it."""
        return _PARTS[self]


_PARTS = {
    CasePart.CAUSE: "state the cause",
    CasePart.ANALYSIS: "analyse it and name a measure",
    CasePart.MEASURE: "do the measure",
    CasePart.DECISION: "decide how it goes on",
    CasePart.CLOSING: "close the case",
}


class CaseOpening(Record):
    """A part of an overdue case opens: its task and that task's window.

    `open_case` also writes the case's row and asks for the cause; `open_closing` asks to close.
    `open_part` opens `part`, or nothing where the profile does not ask for it.
    """

    order_id: str
    case_id: str
    window: str
    role: Role
    now: datetime
    part: CasePart | None = None
    opened_by: str | None = None
    why: str | None = None


class CaseStep(Record):
    """A case's task was answered: `record_cause` keeps the cause, `close_case` closes the row,
    `record_part` keeps what was answered to `part`.
    """

    order_id: str
    case_id: str
    now: datetime
    decision: Decision
    part: CasePart | None = None


class CaseAnswer(Record):
    """What a part's answer means: a new promised date, as the instant at which it is over."""

    promised_at: datetime | None = None


class WindowLook(Record):
    """How does the window of a case stand that was opened by hand?"""

    order_id: str
    window: str
    now: datetime


class WindowSeen(Record):
    """Whether its step is over; `breached` windows are followed by their order from then on."""

    stopped: bool
    breached: bool
    due_at: datetime
