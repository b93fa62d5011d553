"""The state of what runs: one serialisable model, which an order hands on to a fresh run."""

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from activities.case_models import CasePart
from activities.models import Decision, HoldNote, Leave, OpenTask, StepVisit
from domain.base import Record
from domain.changes import ChangeClass, ReceiptCondition, Touch
from domain.windows import DueWindow, LedgerKind, Mark, MarkAt, PauseReason, Slack

ANSWERS_KEPT = 100
"""Answers remembered by request id; a retry comes within minutes, not a hundred answers later."""


CHANGES_KEPT = 100
"""Decided changes remembered; a repeated signal comes within hours, not a hundred changes later."""


class Mutable(BaseModel):
    """Changes in place; everything inside survives JSON."""

    model_config = ConfigDict(extra="forbid")


class RunningWindow(Mutable):
    """A window, which of its marks have been recorded, and whether its overdue case was told.

    A window that was stopped stays until every mark that fell before the stop is recorded: being
    late and being done in the same second is still late. `held_at` stops the clock as soon as
    somebody asks for a pause; the activity that follows counts what is used.
    """

    window: DueWindow
    fired: list[str] = Field(default_factory=list)
    held_at: datetime | None = None
    stopped_at: datetime | None = None
    told: bool = False

    @property
    def pending(self) -> list[MarkAt]:
        """Marks still to come, earliest first; none beyond a pause."""
        ends = (self.window.paused_at, self.held_at, self.stopped_at)
        end = min((at for at in ends if at is not None), default=None)
        return [
            mark
            for mark in self.window.marks
            if mark.name not in self.fired and (end is None or mark.at <= end)
        ]

    @property
    def paused(self) -> bool:
        """True while its time stands still."""
        return self.window.paused_at is not None or self.held_at is not None

    @property
    def breached(self) -> bool:
        """True once the breach is recorded."""
        return Mark.BREACH in self.fired

    @property
    def slack(self) -> Slack:
        """How the window stands."""
        if self.breached:
            return Slack.BREACHED
        return Slack.WARNED if Mark.WARNING in self.fired else Slack.ON_TIME

    @property
    def level(self) -> int:
        """The highest rung reached, -1 for none."""
        return max((Mark.named(name).level for name in self.fired), default=-1)


class WaitingChange(Record):
    """A wish in the queue: a change, a cancellation or a receipt that has to be refused.

    `untold` says that nobody has heard of a change that waits for the one before it.
    """

    change_id: str
    version: int | None = None
    fields: tuple[str, ...] = ()
    touches: tuple[Touch, ...] = ()
    refused_because: str | None = None
    rush: bool = False
    untold: bool = False


class WaitingReceipt(Record):
    """What the customer says of the goods, as far as it does not end the order."""

    change_id: str
    condition: ReceiptCondition
    rest_open: bool = False


class WindowWish(Record):
    """Something to be done to running windows, as of `at`.

    `calendar` is the label under which a recalculated window stands afterwards.
    """

    action: LedgerKind
    at: datetime
    reason: PauseReason | None = None
    windows: tuple[str, ...] = ()
    calendar: str | None = None
    note: str | None = None
    by: str | None = None


class RepeatedMessage(Record):
    """A message that an earlier run took at `at`; `body` is what it carried, as JSON."""

    id: str
    name: str
    at: datetime
    body: str | None = None


class Repetition(Mutable):
    """What a reset order still has to live through again.

    `count` numbers the order's resets. `moments` says when the earlier run heard of an activity, by
    the activity's key; `refused` names messages that could not be applied again, and why.
    """

    count: int
    owed: list[RepeatedMessage] = Field(default_factory=list)
    known: list[str] = Field(default_factory=list)
    moments: dict[str, datetime] = Field(default_factory=dict)
    refused: list[str] = Field(default_factory=list)


class TaskProgress(Mutable):
    """What orders and cases share: open tasks, windows, and answers already given.

    `lives_at` is the instant of an earlier run that a reset order lives through again.
    """

    tasks: list[OpenTask] = Field(default_factory=list)
    decisions: list[Decision] = Field(default_factory=list)
    windows: list[RunningWindow] = Field(default_factory=list)
    answers: dict[str, str] = Field(default_factory=dict)
    window_wishes: list[WindowWish] = Field(default_factory=list)
    lives_at: datetime | None = None


class MovedPromise(Record):
    """A new promised date that is not written down yet; `key` names who decided it.

    `change` is the change that is applied with it; `written` says that this is done already, and
    that only the windows begin anew.
    """

    key: str
    promised_at: datetime
    change: str | None = None
    written: bool = False


class Changing(Record):
    """The change that is being decided: one at a time.

    `visit` is the question that stands open, `decided` says that all have agreed, and `back_to` is
    the step to which the order goes back then. `promised_at` is the new date, none where it stays.
    `rest` is the class of what it `touches` besides the technical.
    """

    change_id: str
    of: ChangeClass
    touches: tuple[Touch, ...] = ()
    rest: ChangeClass = ChangeClass.MINOR
    at: datetime
    costs_more: bool = False
    later: bool = False
    promised_at: datetime | None = None
    visit: StepVisit | None = None
    decided: bool = False
    back_to: str | None = None

    @property
    def freezes(self) -> bool:
        """While a date is looked at the work goes on; what will be made otherwise is not made."""
        return self.of in {ChangeClass.TECHNICAL, ChangeClass.STRUCTURAL}


class Hold(Record):
    """Operations hold the order: nobody answers, no window runs, nothing is lost."""

    at: datetime
    by: str
    because: str


class SkipProposal(Record):
    """One pair of eyes wants a visit skipped; another has to agree."""

    at: datetime
    by: str
    step: str
    visit: int
    because: str


class AskedCancellation(Record):
    """A cancellation that somebody has to answer while the order goes on.

    `kept_max` is the most that the answer may keep, in steps of `unit`; `forfeitable` is the
    deposit.
    """

    change_id: str
    visit: StepVisit
    kept_max: Decimal
    unit: Decimal
    forfeitable: Decimal


class Cancelling(Mutable):
    """Wishes to cancel that are not settled: one that is asked about with its answer, and others.

    `kept`, `forfeitable` and `answered` belong to the one that ends the order.
    """

    behind: list[str] = Field(default_factory=list)
    asked: AskedCancellation | None = None
    answer: Decision | None = None
    kept: Decimal = Decimal(0)
    forfeitable: Decimal = Decimal(0)
    answered: Leave | None = None


class OrderProgress(TaskProgress):
    """Where the order is and what it owes.

    `held` are the visits of resource steps whose stock or slot a rewind would give back.
    `beside` are the alongside visits that are open. `since` is when the order came to where it
    is, `hold` that operations stopped it, `went_on_at` when it last went on after a hold or a
    change that froze it, `renew` that it shall go on in a fresh run, `repeats` how
    often it was reset. `money_news` says that money has moved since it last looked, `looks` how
    often it did; `rush_open` that a rush fee is agreed and not paid, and `rush_news` that money has
    moved meanwhile. `changing` is the change that is being decided, `changed_by` are those that
    were: each is decided once.

    `disputes` are the follow-ups that keep it from being taken as received by itself, `undisputed`
    those that were closed; `wait_anew` says that the last of them is settled. `complained` are the
    receipts that were heard and did not end it. `rest_open` says that a part of it has not been
    shipped yet.
    """

    current: StepVisit | None = None
    blocked: str | None = None
    visits: dict[str, int] = Field(default_factory=dict)
    beside: list[StepVisit] = Field(default_factory=list)
    held: list[StepVisit] = Field(default_factory=list)
    reported: list[Decision] = Field(default_factory=list)
    changes: list[WaitingChange] = Field(default_factory=list)
    changing: Changing | None = None
    changed_by: list[str] = Field(default_factory=list)
    cancellation: str | None = None
    cancelling: Cancelling = Field(default_factory=Cancelling)
    received: str | None = None
    money_news: bool = False
    looks: int = 0
    rush_open: bool = False
    rush_news: bool = False
    disputes: list[str] = Field(default_factory=list)
    undisputed: list[str] = Field(default_factory=list)
    wait_anew: bool = False
    receipts: list[WaitingReceipt] = Field(default_factory=list)
    complained: list[str] = Field(default_factory=list)
    rest_open: bool = False
    auto_at: datetime | None = None
    shipped: bool = False
    version: int = 1
    promised_at: datetime | None = None
    promises: list[MovedPromise] = Field(default_factory=list)
    promised_by: list[str] = Field(default_factory=list)
    since: datetime | None = None
    hold: Hold | None = None
    went_on_at: datetime | None = None
    hold_notes: list[HoldNote] = Field(default_factory=list)
    skip: SkipProposal | None = None
    renew: bool = False
    repeats: int = 0
    repetition: Repetition | None = None

    def end_changing(self, changing: Changing) -> None:
        """The change is decided; a repeated signal of it changes nothing."""
        self.changing = None
        self.changed_by.append(changing.change_id)
        del self.changed_by[:-CHANGES_KEPT]


class CaseProgress(TaskProgress):
    """What an overdue case waits for; it is short and never needs a fresh run.

    `wanted` are the parts to be opened next, `asked` all that were ever wanted: each is asked for
    once.
    """

    step_left: bool = False
    wanted: list[CasePart] = Field(default_factory=list)
    asked: list[CasePart] = Field(default_factory=list)


class FollowUpProgress(TaskProgress):
    """Where a follow-up is; it is short and never needs a fresh run.

    `visits` counts how often each step was entered, `answered_by` names the key that answered it
    last. `blocked` says why the last answer could not be done.
    """

    current: StepVisit | None = None
    visits: dict[str, int] = Field(default_factory=dict)
    answered_by: dict[str, str] = Field(default_factory=dict)
    blocked: str | None = None
