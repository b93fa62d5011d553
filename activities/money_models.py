"""What goes into the activities of money and comes out. Pure types and names."""

from datetime import datetime

from activities.models import StepVisit
from domain.base import Record
from domain.windows import DueWindow

LOOK_AGAIN = "look_again"
LOOK_AT_RUSH = "look_at_rush"


class GateLook(Record):
    """Money has moved or is reported: does the gate hold that the order stands at?

    `key` names the look. `not_before` is when the order was last let go on at this gate: while it
    stood still no time counts.
    """

    order_id: str
    key: str
    now: datetime
    at: StepVisit
    not_before: datetime | None = None


class GateSeen(Record):
    """What is still missing, in words; none when the gate may open.

    `windows` is the one that began with a payment's report, whether in this look or before it.
    """

    missing: str | None = None
    windows: tuple[DueWindow, ...] = ()


class RushLook(Record):
    """Money has moved: is the rush fee paid? `key` names the look."""

    order_id: str
    key: str
    now: datetime


class RushSeen(Record):
    """Whether the fee is paid: the order comes first, or it came too late and goes back."""

    paid: bool
