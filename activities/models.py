"""What goes into the activities and comes out: the seam between the workflows and the world.

Pure types and names; importing this module touches no database. Nothing here is personal data.
"""

from datetime import datetime

from pydantic import Field

from domain.base import Record
from domain.orders import ChangeState, OrderState
from domain.roles import Role
from domain.windows import DueWindow, Mark

OPEN_STEP = "open_step"
CLOSE_ORDER = "close_order"
RECORD_DECISION = "record_decision"
RECORD_PROGRESS = "record_progress"
RECORD_MARKS = "record_marks"
SETTLE_CHANGE = "settle_change"
CASE_WORKFLOW = "OverdueCaseWorkflow"

OPEN_CASE = "open_case"
RECORD_CAUSE = "record_cause"
OPEN_CLOSING = "open_closing"
CLOSE_CASE = "close_case"
# The department activities carry the names of `policy.model.Work`.


class StepVisit(Record):
    """A step and which time the order is in it, from 1."""

    step: str
    visit: int

    def key(self, order_id: str) -> str:
        """The identity of everything done in this visit: `order/step/visit`."""
        return f"{order_id}/{self.step}/{self.visit}"


class Decision(Record):
    """One role's answer to its task."""

    task_id: str
    role: Role
    outcome: str
    by: str
    at: datetime
    note: str | None = None
    data: dict[str, str] = Field(default_factory=dict)


class OpenTask(Record):
    """A task that waits for a role; `outcomes` are the answers it takes."""

    id: str
    step: str
    visit: int
    role: Role
    outcomes: tuple[str, ...]
    requires: tuple[str, ...] = ()


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
    result. `now` is the workflow's time.
    """

    order_id: str
    workflow_id: str
    key: str
    now: datetime
    leave: Leave | None = None
    enter: Enter | None = None
    then: Enter | None = None
    undo: tuple[StepVisit, ...] = ()


class Entered(Record):
    """What stands open after a transition.

    `at` is the route step that was opened, none when the transition only left one. `blocked`
    says in plain words why a resource or gate could not succeed. `auto_at` is the instant at which
    a wait ends by itself.
    """

    at: StepVisit | None = None
    tasks: tuple[OpenTask, ...] = ()
    windows: tuple[DueWindow, ...] = ()
    blocked: str | None = None
    auto_at: datetime | None = None


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


def case_workflow_id(window_key: str) -> str:
    """The one spelling of an overdue case's id: a window breaches once."""
    return f"case-{window_key.replace('/', '.')}"


class CaseStart(Record):
    """A window was breached: an overdue case begins beside the order and outlives it."""

    order_id: str
    case_id: str
    customer: str
    profile: str
    window: DueWindow
    opened_at: datetime


class MarksRecord(Record):
    """Marks to record and to tell about, each once, in order of their instants.

    `cases` are the overdue cases of the breaches among them; starting one again changes nothing.

    """

    order_id: str
    now: datetime
    marks: tuple[MarkDue, ...]
    cases: tuple[CaseStart, ...] = ()


class OrderEnd(Record):
    """The order's record closes; whatever is still held is given back (completed: nothing is).

    `open` are the visits whose tasks and windows close with it.
    """

    order_id: str
    key: str
    now: datetime
    state: OrderState
    reason: str | None = None
    leave: Leave | None = None
    change_id: str | None = None


class ChangeVerdict(Record):
    """Apply a recorded change, or refuse it with a reason."""

    order_id: str
    change_id: str
    now: datetime
    state: ChangeState
    reason: str | None = None


class ChangeSettled(Record):
    """The order's version after the verdict; an apply against an old version comes back refused."""

    version: int
    state: ChangeState


class CaseOpening(Record):
    """A part of an overdue case opens: its task and that task's window.

    `open_case` also writes the case's row and asks for the cause; `open_closing` asks to close.
    """

    order_id: str
    case_id: str
    window: str
    role: Role
    now: datetime


class CaseStep(Record):
    """A case's task was answered: `record_cause` keeps the cause, `close_case` closes the row."""

    order_id: str
    case_id: str
    now: datetime
    decision: Decision
