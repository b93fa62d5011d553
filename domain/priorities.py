"""Which order comes first where orders compete (S07, catalogue 6.3)."""

from datetime import UTC, datetime
from enum import StrEnum

from domain.base import Record

NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class Priority(StrEnum):
    """How urgent an order is: its rush fee is paid, it was entered as urgent (S02), or neither."""

    RUSH = "rush"
    URGENT = "urgent"
    NORMAL = "normal"

    @classmethod
    def at_entry(cls, *, rush: bool) -> "Priority":
        """What an order begins with: only a fee that is paid makes it a rush."""
        return cls.URGENT if rush else cls.NORMAL


class Rival(Record):
    """What an order has to show when it competes with others. `paid_at` is its first payment."""

    order_id: str
    priority: Priority
    paid_in_full: bool
    paid_at: datetime | None
    received_at: datetime


def rank(rival: Rival) -> tuple[bool, bool, bool, datetime, datetime, str]:
    """Sorts rivals, the first one first.

    The rush fee counts first, then a price that is paid in full, then the urgency mark, the earlier
    payment and the earlier receipt.
    """
    return (
        rival.priority is not Priority.RUSH,
        not rival.paid_in_full,
        rival.priority is not Priority.URGENT,
        rival.paid_at or NEVER,
        rival.received_at,
        rival.order_id,
    )
