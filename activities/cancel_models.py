"""What goes into the activities of cancellations and comes out; pure types and names, too."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from activities.models import Leave, OpenTask, StepVisit
from domain.base import Record
from domain.windows import DueWindow

CONSIDER_CANCELLATION = "consider_cancellation"
ANSWER_CANCELLATION = "answer_cancellation"


class CancellationAsked(Record):
    """The order is in `step` and shall be cancelled on terms that are more than free.

    `visit` is the question that is opened where somebody has to answer.
    """

    order_id: str
    workflow_id: str
    change_id: str
    key: str
    now: datetime
    step: str
    visit: StepVisit


class Considered(Record):
    """What became of a wish to cancel: granted, refused as dearer than accepted, or asked.

    `kept` is what the customer loses so far and `forfeitable` the deposit that may be lost;
    `kept_max` is the most that an answer may keep, in steps of `unit`.
    """

    outcome: Literal["granted", "refused", "asked"]
    kept: Decimal = Decimal(0)
    forfeitable: Decimal = Decimal(0)
    kept_max: Decimal = Decimal(0)
    unit: Decimal = Decimal("0.01")
    visit: StepVisit | None = None
    tasks: tuple[OpenTask, ...] = ()
    windows: tuple[DueWindow, ...] = ()


class CancellationRefused(Record):
    """A question about a cancellation ends without one: somebody said no, or the goods were faster.

    `left` closes its task and its window.
    """

    order_id: str
    change_id: str
    key: str
    now: datetime
    left: Leave
    reason: str
