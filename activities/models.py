"""What goes into the activities and comes out: the seam between the workflows and the world.

Pure types and names; importing this module touches no database. Nothing here is personal data.
"""

from datetime import datetime
from decimal import Decimal

from pydantic import Field

from domain.base import Record
from domain.orders import OrderState
from domain.roles import Role
from domain.windows import DueWindow, LedgerKind, Mark, MarkAt, PauseReason

OPEN_STEP = "open_step"
CLOSE_ORDER = "close_order"
RECORD_DECISION = "record_decision"
RECORD_PROGRESS = "record_progress"
RECORD_MARKS = "record_marks"
ADJUST_WINDOWS = "adjust_windows"
MOVE_PROMISE = "move_promise"
NOTE_HOLD = "note_hold"
CASE_WORKFLOW = "OverdueCaseWorkflow"

TELL_WORKFLOWS = "tell_workflows"
CALENDAR_PUBLISHED = "calendar_published"

# The department activities carry the names of `policy.model.Work`.


class StepVisit(Record):
    """A step and which time the order is in it, from 1."""

    step: str
    visit: int

    def key(self, order_id: str) -> str:
        """The identity of everything done in this visit: `order/step/visit`."""
        return f"{order_id}/{self.step}/{self.visit}"


class Decision(Record):
    """One role's answer to its task; `skipped` says that operations gave it in the role's place.

    `version` is the order's as the workflow knew it when the answer came, kept for the record: a
    change may be applied already of which it has not heard. A signature counts for what its task
    showed. It is none in answers of before there were signatures, and of overdue cases.
    """

    task_id: str
    role: Role
    outcome: str
    by: str
    at: datetime
    note: str | None = None
    data: dict[str, str] = Field(default_factory=dict)
    skipped: bool = False
    version: int | None = None


class OpenTask(Record):
    """A task that waits for a role; `outcomes` are the answers it takes.

    `waiting` are units by product that a shipment in parts may take, none for any other task.
    """

    id: str
    step: str
    visit: int
    role: Role
    outcomes: tuple[str, ...]
    requires: tuple[str, ...] = ()
    waiting: dict[str, int] | None = None


class Leave(Record):
    """The step that is left, how it came out, and what closes with it.

    `decisions` are all answers of the visit. `beside` are alongside visits that end with it.
    """

    at: StepVisit
    outcome: str
    decisions: tuple[Decision, ...] = ()
    beside: tuple[StepVisit, ...] = ()


class Enter(Record):
    """The step that is entered and the alongside visits that open with it."""

    at: StepVisit
    beside: tuple[StepVisit, ...] = ()


class Transition(Record):
    """One move of the order; one activity, one database transaction, one effect.

    The activity gives back what the steps in `undo` took, closes `leave`, does its own work and
    opens `enter`. A resource or gate that succeeds opens `then` instead; one that cannot opens
    itself with a task for its role. `key` names the effect: repeating it returns the first
    result. `now` is the workflow's time. `change` is the decided change with which the order goes
    back: it is applied before `enter` is opened.
    """

    order_id: str
    workflow_id: str
    key: str
    now: datetime
    leave: Leave | None = None
    enter: Enter | None = None
    then: Enter | None = None
    undo: tuple[StepVisit, ...] = ()
    change: str | None = None


class Entered(Record):
    """What stands open after a transition.

    `at` is the route step that was opened, none when the transition only left one. `blocked`
    says in plain words why a resource or gate could not succeed. `auto_at` is the instant at which
    a wait ends by itself. `back_to` is the step that has to be done anew before a gate can open.
    """

    at: StepVisit | None = None
    tasks: tuple[OpenTask, ...] = ()
    windows: tuple[DueWindow, ...] = ()
    blocked: str | None = None
    auto_at: datetime | None = None
    back_to: str | None = None


class DecisionRecord(Record):
    """An answer that does not end its step yet: one reviewer of several."""

    order_id: str
    now: datetime
    decision: Decision


class ProgressRecord(Record):
    """An alongside task was answered: close its visit, open `following` if there are any.

    `following` holds the next day's update, and the delay notice when a delay became known.
    """

    order_id: str
    workflow_id: str
    key: str
    now: datetime
    left: StepVisit
    decision: Decision
    following: tuple[StepVisit, ...] = ()


class MarkDue(Record):
    """A mark of a window that has fallen."""

    window: str
    mark: Mark
    at: datetime
    percent: int | None = None

    @property
    def name(self) -> str:
        """What a window has once: `warning`, `reminder_50`."""
        return MarkAt(mark=self.mark, at=self.at, percent=self.percent).name


def case_workflow_id(window_key: str) -> str:
    """The one spelling of an overdue case's id: a window breaches once."""
    return f"case-{window_key.replace('/', '.')}"


class CaseStart(Record):
    """A window was breached: an overdue case begins beside the order and outlives it.

    Or somebody opens it by hand: `opened_by` names the key, `why` is their reason, and `step_left`
    says that the step is over already.
    """

    order_id: str
    case_id: str
    customer: str
    profile: str
    window: DueWindow
    opened_at: datetime
    opened_by: str | None = None
    why: str | None = None
    step_left: bool = False


class CaseEscalation(Record):
    """A breached window has reached a higher rung: its case asks for more."""

    case: CaseStart
    mark: Mark
    at: datetime


class MarksRecord(Record):
    """Marks to record and to tell about, each once, in order of their instants.

    `cases` are the overdue cases of the breaches among them; starting one again changes nothing.
    `escalations` are told to the cases of windows that have climbed higher. `repeats` is how often
    the order was reset when they fell.
    """

    order_id: str
    now: datetime
    marks: tuple[MarkDue, ...]
    cases: tuple[CaseStart, ...] = ()
    escalations: tuple[CaseEscalation, ...] = ()
    repeats: int = 0


class Adjustment(Record):
    """Running windows are paused, resumed, reset or recalculated, as of `at`.

    `windows` are those that it concerns, as the workflow knows them. Doing it again with the same
    input changes nothing.
    """

    order_id: str
    at: datetime
    action: LedgerKind
    reason: PauseReason | None = None
    note: str | None = None
    by: str | None = None
    windows: tuple[DueWindow, ...]


class Adjusted(Record):
    """The windows as they stand now."""

    windows: tuple[DueWindow, ...] = ()


class HoldNote(Record):
    """The order is held from `at` on, or goes on; `because` is none when it goes on."""

    order_id: str
    at: datetime
    by: str
    because: str | None = None


class PromiseMove(Record):
    """The promised date moves: its windows end and open anew, those that hang on it are counted
    again.

    `left` and `following` are the visits of the steps alongside that watch the promise. `change` is
    the change that moves it, which is applied with it; `written` says that this is done already.
    """

    order_id: str
    workflow_id: str
    key: str
    now: datetime
    promised_at: datetime
    left: tuple[StepVisit, ...] = ()
    following: tuple[StepVisit, ...] = ()
    windows: tuple[DueWindow, ...] = ()
    change: str | None = None
    written: bool = False


class OrderEnd(Record):
    """The order's record closes; whatever is still held is given back (completed: nothing is).

    `kept` is what the customer loses of the money by a cancellation at cost, and `forfeitable` how
    much of that is a deposit. `answered` is the question about a cancellation that ends with it.
    """

    order_id: str
    key: str
    now: datetime
    state: OrderState
    reason: str | None = None
    leave: Leave | None = None
    change_id: str | None = None
    kept: Decimal = Decimal(0)
    forfeitable: Decimal = Decimal(0)
    answered: Leave | None = None


class CalendarPublished(Record):
    """A calendar has this new version: windows on an older one are counted anew."""

    calendar: str
    version: int

    @property
    def label(self) -> str:
        """As windows name it: `cn@3`."""
        return f"{self.calendar}@{self.version}"


class Told(Record):
    """How far a publication was before a round of telling, and whom the round reached.

    `left` are keys of windows that run on an older version, at most a screenful. `gone` workflows
    have ended without stopping theirs.
    """

    moved: int
    left_count: int
    left: tuple[str, ...] = ()
    told: int = 0
    gone: int = 0
