"""What of an order's story its customer may see, and how a customer's system hears of it."""

from collections.abc import Mapping
from typing import Any, Final

from domain.follow_ups import PREFIX

BESIDE: Final = ("case-", PREFIX)
"""How the keys of windows begin that are the company's own: of overdue cases and of follow-ups."""

# Overdue cases, follow-ups, the upper ladder and what a way back undoes are the company's own.
_INTERNAL: Final = (
    "case_",
    "follow_up_",
    "window_analysis",
    "window_leadership",
    "money_looked_at",
    "purchase_withdrawn",
    "undone",
)

NOTED: Final = "order.noted"
"""What a system is told of a kind of line that has no name in the vocabulary yet."""

PING: Final = "ping"
"""Sent on demand, to see whether an endpoint listens. It belongs to no order."""

EVENT_TYPES: Final[Mapping[str, str]] = {
    "step_opened": "order.step_opened",
    "step_blocked": "order.step_blocked",
    "step_done": "order.step_done",
    "shipped": "order.shipped",
    "promise_moved": "order.promise_moved",
    "order_held": "order.held",
    "order_goes_on": "order.resumed",
    "order_completed": "order.completed",
    "order_cancelled": "order.cancelled",
    "order_refused": "order.refused",
    "change_applied": "order.change_applied",
    "change_refused": "order.change_refused",
    "cancellation_applied": "order.cancellation_applied",
    "cancellation_refused": "order.cancellation_refused",
    "receipt_applied": "order.receipt_applied",
    "receipt_refused": "order.receipt_refused",
    "window_reminder": "order.window_reminded",
    "window_warning": "order.window_warned",
    "window_breach": "order.window_breached",
    "window_due_date": "order.window_due_date_missed",
    "window_paused": "order.window_paused",
    "window_resumed": "order.window_resumed",
    "window_reset": "order.window_reset",
    "window_recalculated": "order.window_recalculated",
    "window_without_date": "order.window_without_date",
}
"""The vocabulary: a type never changes its meaning, because customers' programs branch on it."""

ALL_TYPES: Final = tuple(sorted({*EVENT_TYPES.values(), NOTED}))
"""What an endpoint can ask for."""

# The rest of a line's data holds names and notes; its text may quote what somebody wrote.
_FACTS: Final = (
    "visit",
    "window",
    "rule",
    "due_at",
    "promised_at",
    "change",
    "shipment",
    "carrier",
    "tracking",
)


def is_for_customers(kind: str, window: str = "") -> bool:
    """Whether a customer sees a line of this kind; `window` is the key of the one it is about."""
    return not kind.startswith(_INTERNAL) and not window.startswith(BESIDE)


def event_type(kind: str) -> str:
    """What a customer's system hears of a kind of line."""
    return EVENT_TYPES.get(kind, NOTED)


def event_facts(kind: str, step: str | None, data: Mapping[str, Any]) -> dict[str, Any] | None:
    """What an event says of its line: names of ours and instants, never what somebody wrote.

    None when the line is the company's own.
    """
    if not is_for_customers(kind, str(data.get("window", ""))):
        return None
    facts = {name: data[name] for name in _FACTS if data.get(name) is not None}
    return {"kind": kind, **({"step": step} if step else {}), **facts}


def event_id(order_id: str, sequence: int) -> str:
    """The same whenever and wherever the event is sent: receivers drop what they know."""
    return f"evt_{order_id}_{sequence}"
