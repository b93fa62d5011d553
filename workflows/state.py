"""The state of a running order or case: one serialisable model that continue-as-new hands on."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from activities.models import Decision, OpenTask, StepVisit
from domain.base import Record
from domain.windows import DueWindow, Mark, MarkAt, Slack

ANSWERS_KEPT = 100
"""Answers remembered by request id; a retry comes within minutes, not a hundred answers later."""


class Mutable(BaseModel):
    """Changes in place; everything inside survives JSON."""

    model_config = ConfigDict(extra="forbid")


class RunningWindow(Mutable):
    """A window, which of its marks have been recorded, and whether its overdue case was told.

    A window that was stopped stays until every mark that fell before the stop is recorded: being
    late and being done in the same second is still late.
    """

    window: DueWindow
    fired: list[Mark] = Field(default_factory=list)
    stopped_at: datetime | None = None
    told: bool = False

    @property
    def pending(self) -> list[MarkAt]:
        """Marks still to come, earliest first."""
        return [
            mark
            for mark in self.window.marks
            if mark.mark not in self.fired
            and (self.stopped_at is None or mark.at <= self.stopped_at)
        ]

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
        return max((mark.level for mark in self.fired), default=-1)


class WaitingChange(Record):
    """A wish in the queue: a change, a cancellation or a receipt that has to be refused."""

    change_id: str
    version: int | None = None
    fields: tuple[str, ...] = ()
    refused_because: str | None = None


class TaskProgress(Mutable):
    """What orders and cases share: open tasks, windows, and answers already given."""

    tasks: list[OpenTask] = Field(default_factory=list)
    decisions: list[Decision] = Field(default_factory=list)
    windows: list[RunningWindow] = Field(default_factory=list)
    answers: dict[str, str] = Field(default_factory=dict)


class OrderProgress(TaskProgress):
    """Where the order is and what it owes.

    `held` are the visits of resource steps whose stock or slot a rewind would give back.
    `beside` are the alongside visits that are open.
    """

    current: StepVisit | None = None
    blocked: str | None = None
    visits: dict[str, int] = Field(default_factory=dict)
    beside: list[StepVisit] = Field(default_factory=list)
    held: list[StepVisit] = Field(default_factory=list)
    reported: list[Decision] = Field(default_factory=list)
    changes: list[WaitingChange] = Field(default_factory=list)
    cancellation: str | None = None
    received: str | None = None
    auto_at: datetime | None = None
    shipped: bool = False
    version: int = 1


class CaseProgress(TaskProgress):
    """What an overdue case waits for; it is short and never needs a fresh run."""

    step_left: bool = False
