"""What goes into the activities of receipts and comes out; pure types and names, too."""

from datetime import datetime

from activities.models import StepVisit
from domain.base import Record
from domain.changes import ReceiptCondition

HEAR_RECEIPT = "hear_receipt"
WAIT_ANEW = "wait_anew"


class ReceiptHeard(Record):
    """What the customer says of the goods, where that does not end the order (L31).

    `follow_up` is the kind of follow-up that looks into it, `key` what it is about; none where the
    regulation has none. `rest_open` says that a part of the order has not been shipped yet.
    """

    order_id: str
    change_id: str
    now: datetime
    condition: ReceiptCondition
    follow_up: str | None = None
    key: str | None = None
    rest_open: bool = False


class ReceiptSettled(Record):
    """The follow-up that looks into what the customer said, by its id; none where there is none."""

    follow_up: str | None = None


class WaitAnew(Record):
    """The time after which a receipt confirms itself begins anew: what held it back is settled."""

    order_id: str
    key: str
    now: datetime
    at: StepVisit
