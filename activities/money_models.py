"""What goes into the activities of money and comes out. Pure types and names."""

from datetime import datetime

from activities.models import StepVisit
from domain.base import Record

LOOK_AGAIN = "look_again"
LOOK_AT_RUSH = "look_at_rush"


class GateLook(Record):
    """Money has moved: does the gate hold that the order stands at? `key` names the look."""

    order_id: str
    key: str
    now: datetime
    at: StepVisit


class GateSeen(Record):
    """What is still missing, in words; none when the gate may open."""

    missing: str | None = None


class RushLook(Record):
    """Money has moved: is the rush fee paid? `key` names the look."""

    order_id: str
    key: str
    now: datetime


class RushSeen(Record):
    """Whether the fee is paid: the order comes first, or it came too late and goes back."""

    paid: bool
