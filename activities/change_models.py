"""What goes into the activities of changes and comes out; pure types and names, too."""

from datetime import datetime

from activities.models import Decision, OpenTask, StepVisit
from domain.base import Record
from domain.changes import ChangeClass, ChangeState
from domain.windows import DueWindow

SETTLE_CHANGE = "settle_change"
REGISTER_CHANGE = "register_change"
ANSWER_CHANGE = "answer_change"
NOTE_WAITING_CHANGE = "note_waiting_change"


class ChangeVerdict(Record):
    """Apply a recorded change, or refuse it with a reason. `left` is the question that ends so."""

    order_id: str
    change_id: str
    now: datetime
    state: ChangeState
    reason: str | None = None
    left: StepVisit | None = None


class ChangeSettled(Record):
    """The order's version after the verdict; an apply against an old version comes back refused."""

    version: int
    state: ChangeState


class ChangeAsked(Record):
    """A change of class `of` is taken up while the order is in `step`.

    `rest` is the class of what it touches besides the technical. `candidates` are the visits of
    all steps that may have to agree, in order.
    """

    order_id: str
    workflow_id: str
    change_id: str
    key: str
    now: datetime
    of: ChangeClass
    step: str
    rest: ChangeClass = ChangeClass.MINOR
    candidates: tuple[StepVisit, ...] = ()


class ChangeWaits(Record):
    """A change of class `of` has come in while another one is decided."""

    order_id: str
    change_id: str
    key: str
    now: datetime
    of: ChangeClass


class ChangeRegistered(Record):
    """What a change that was taken up amounts to; `visit` is the first question, if there is one.

    A change that no longer fits the order comes back refused. `promised_at` is the new promised
    date, none where it stays. `remakes` says that goods are made anew for it.
    """

    state: ChangeState
    costs_more: bool = False
    later: bool = False
    remakes: bool = False
    promised_at: datetime | None = None
    visit: StepVisit | None = None
    tasks: tuple[OpenTask, ...] = ()
    windows: tuple[DueWindow, ...] = ()


class ChangeAnswered(Record):
    """A role has answered a change, which is of class `of` now; `following` is the next question.

    `refused` says why the answer ends the change.
    """

    order_id: str
    workflow_id: str
    change_id: str
    key: str
    now: datetime
    left: StepVisit
    decision: Decision
    of: ChangeClass
    following: StepVisit | None = None
    refused: str | None = None
