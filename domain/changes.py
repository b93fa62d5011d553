"""Changes of an order: what a patch touches, and into which class it falls (catalogue 5)."""

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, StrictBool

from domain.base import Code, Instant, Record, Text, is_no_flag
from domain.orders import ATTACHMENTS_MAX, LINES_MAX, Address, Attachment, Contact, Quantity

LineNumber = Annotated[int, BeforeValidator(is_no_flag), Field(strict=True, ge=1, le=LINES_MAX)]
"""Which line of the order, from 1, as it stood at the version that the change names."""


class ChangeClass(StrEnum):
    """How far a change reaches (S35, catalogue 5.2), lightest first."""

    MINOR = "minor"
    DATE = "date"
    TECHNICAL = "technical"
    STRUCTURAL = "structural"
    REFUSED = "refused"

    @property
    def weight(self) -> int:
        """The heaviest class of all that a change touches is the class of the change."""
        return list(ChangeClass).index(self)

    @property
    def words_zh(self) -> str:
        """The class as a Chinese notice names it."""
        return _CLASSES_ZH[self]


_CLASSES_ZH = {
    ChangeClass.MINOR: "一般变更",
    ChangeClass.DATE: "交期变更",
    ChangeClass.TECHNICAL: "技术更改",
    ChangeClass.STRUCTURAL: "结构变更",
    ChangeClass.REFUSED: "不可变更",
}


class Touch(StrEnum):
    """What a change touches: the rows of a profile's matrix."""

    CONTACT = "contact"
    DELIVER_TO = "deliver_to"
    REQUIREMENTS = "requirements"
    REMARKS = "remarks"
    ATTACHMENTS = "attachments"
    PROMISED_AT = "promised_at"
    SPECIFICATION = "lines.specification"
    QUANTITY_UP = "lines.quantity_up"
    QUANTITY_DOWN = "lines.quantity_down"
    LINE_ADDED = "lines.added"
    LINE_REMOVED = "lines.removed"
    PRODUCT = "lines.product"


class ChangedLine(Record):
    """One line that changes: `line` names one of the order, none adds a new one.

    Only what is set is touched. Prices are agreed with sales and never part of a change.
    """

    line: LineNumber | None = None
    product: Code | None = None
    quantity: Quantity | None = None
    specification: Text | None = None
    remove: StrictBool = False


class ChangeRequest(Record):
    """A customer's wish to change an order, against the version it saw (C06, C10).

    Only the fields that are set are touched. `evidence` refers to the customer's written text
    (C04, G32), `identity` to how sales made sure who asks (C06, G27).
    """

    version: Annotated[int, BeforeValidator(is_no_flag), Field(strict=True, ge=1)]
    reason: Text | None = None
    evidence: Attachment | None = None
    identity: Text | None = None
    promised_at: Instant | None = None
    contact: Contact | None = None
    deliver_to: Address | None = None
    requirements: Text | None = None
    remarks: Text | None = None
    lines: Annotated[tuple[ChangedLine, ...], Field(min_length=1, max_length=LINES_MAX)] | None = (
        None
    )
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=ATTACHMENTS_MAX)] | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The order's fields that the change touches, in alphabetical order."""
        about = {"version", "reason", "evidence", "identity"}
        return tuple(sorted(self.model_fields_set - about))


class ChangeState(StrEnum):
    """What became of a change."""

    RECEIVED = "received"
    APPLIED = "applied"
    REFUSED = "refused"


class ReceiptCondition(StrEnum):
    """What a customer says of the goods: only complete goods end the order (L31, L35)."""

    COMPLETE = "complete"
    DAMAGED = "damaged"
    INCOMPLETE = "incomplete"
    NOT_RECEIVED = "not_received"
