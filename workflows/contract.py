"""What others say to a workflow and hear from it: one model in, one model out.

No personal data travels here: names, addresses and phone numbers stay in PostgreSQL.
"""

from datetime import datetime

from pydantic import Field

from domain.base import Record
from domain.orders import OrderState
from domain.roles import Role
from policy.model import Profile
from workflows.state import OrderProgress

ORDER_WORKFLOW = "OrderWorkflow"

COMPLETE_TASK = "complete_task"
REQUEST_CHANGE = "request_change"
REQUEST_CANCELLATION = "request_cancellation"
CONFIRM_RECEIPT = "confirm_receipt"
STEP_LEFT = "step_left"

STILL_MOVING = "StillMoving"
"""The type of a refusal that is worth a second try: the order is between two steps."""

HISTORY_EVENTS_MAX = 4_000
"""Below the 4,096 at which the server begins to ask for a fresh run."""


def order_workflow_id(order_id: str) -> str:
    """The one spelling of an order's workflow id."""
    return f"order-{order_id}"


class OrderStart(Record):
    """Starts an order with its pinned profile; `progress` carries it over continue-as-new.

    `history_events_max` is the length of history at which the next run takes over.
    """

    order_id: str
    customer: str
    profile: Profile
    promised_at: datetime
    rush: bool
    received_at: datetime
    version: int = 1
    history_events_max: int = HISTORY_EVENTS_MAX
    progress: OrderProgress | None = None


class OrderResult(Record):
    """How the order ended."""

    order_id: str
    state: OrderState
    reason: str | None = None


class TaskCompletion(Record):
    """A person's answer. `roles` are those the caller's key holds; `by` names the key.

    The same `request_id` gets the first answer again, also over continue-as-new.
    """

    task_id: str
    roles: tuple[Role, ...]
    outcome: str
    by: str
    request_id: str
    note: str | None = None
    data: dict[str, str] = Field(default_factory=dict)


class TaskCompleted(Record):
    """The answer was taken."""

    task_id: str
    outcome: str


class ChangeNotice(Record):
    """A change lies in the database under `change_id` and touches these fields."""

    change_id: str
    version: int
    fields: tuple[str, ...]


class CancellationNotice(Record):
    """A cancellation lies in the database under `change_id`."""

    change_id: str


class ReceiptNotice(Record):
    """The customer has the goods (L31)."""

    change_id: str


class OrderView(Record):
    """What the order says of itself when it is asked."""

    order_id: str
    step: str | None
    waits_for: str
    due_at: datetime | None
    open_tasks: tuple[str, ...]
    state: OrderState


class StepLeft(Record):
    """The order has left the breached step; the case may be closed."""

    at: datetime
