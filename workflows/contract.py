"""What others say to a workflow and hear from it: one model in, one model out.

No personal data travels here: names, addresses and phone numbers stay in PostgreSQL.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from activities.models import CALENDAR_PUBLISHED as CALENDAR_PUBLISHED  # noqa: PLC0414  ours, too
from activities.models import CalendarPublished as CalendarPublished  # noqa: PLC0414  ours, too
from activities.models import Decision, OpenTask, StepVisit
from domain.base import Record
from domain.changes import ReceiptCondition, Touch
from domain.orders import OrderState, Trait, traits
from domain.roles import Role
from domain.windows import DueWindow, LedgerKind, Mark, PauseReason
from policy.model import Profile
from workflows.state import Changing, Hold, OrderProgress, RepeatedMessage

ORDER_WORKFLOW = "OrderWorkflow"

COMPLETE_TASK = "complete_task"
REQUEST_CHANGE = "request_change"
REQUEST_CANCELLATION = "request_cancellation"
CONFIRM_RECEIPT = "confirm_receipt"
STEP_LEFT = "step_left"
ESCALATED = "escalated"
PROMISE_MOVED = "promise_moved"
REQUEST_RUSH = "request_rush"
MONEY_MOVED = "money_moved"
FOLLOW_UP_OPENED = "follow_up_opened"
FOLLOW_UP_CLOSED = "follow_up_closed"
ADJUST_WINDOWS = "adjust_windows"
HOLD_ORDER = "hold_order"
RELEASE_ORDER = "release_order"
SKIP_STEP = "skip_step"
RENEW = "renew"
STANDING = "standing"
REPEAT = "repeat"

STILL_MOVING = "StillMoving"
"""The type of a refusal that is worth a second try: the order is between two steps."""

ON_HOLD = "OnHold"
"""The type of a refusal: operations hold the order, and nobody can answer until it goes on."""

FROZEN = "Frozen"
"""The type of a refusal: a change is being decided, and no step is completed until then."""

CHANGED = "changed"
"""The outcome of a step that is left because the order goes back for a change."""

REVISION = 2
"""What new orders do: 2 shows since when they wait. An order keeps the one it was started with, so
that its history replays.
"""

HISTORY_EVENTS_MAX = 4_000
"""Below the 4,096 at which the server begins to ask for a fresh run."""


def order_workflow_id(order_id: str) -> str:
    """The one spelling of an order's workflow id."""
    return f"order-{order_id}"


class OrderStart(Record):
    """Starts an order with its pinned profile; `progress` carries it over continue-as-new.

    `history_events_max` is the length of history at which the next run takes over. `revision` is
    what the order does; see `REVISION`.
    """

    order_id: str
    customer: str
    profile: Profile
    promised_at: datetime
    rush: bool
    special: bool = False
    received_at: datetime
    version: int = 1
    history_events_max: int = HISTORY_EVENTS_MAX
    progress: OrderProgress | None = None
    revision: int = 1

    @property
    def traits(self) -> frozenset[Trait]:
        """What steps and rules may be limited to."""
        return traits(special=self.special, rush=self.rush)


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
    """A change lies in the database under `change_id` and touches this."""

    change_id: str
    version: int
    fields: tuple[str, ...] = ()
    touches: tuple[Touch, ...] = ()


class CancellationNotice(Record):
    """A cancellation lies in the database under `change_id`."""

    change_id: str


class ReceiptNotice(Record):
    """The customer has the goods, or says what is wrong with them (L31, L35)."""

    change_id: str
    condition: ReceiptCondition = ReceiptCondition.COMPLETE


class RushNotice(Record):
    """The customer wants the order first; what that costs lies in the database (S07)."""

    change_id: str


class MoneyMoved(Record):
    """Money of the order has moved: a gate that waits for it looks again. `entry` is the move."""

    entry: str


class FollowUpNews(Record):
    """A follow-up of the order was opened or closed; it may keep the receipt waiting."""

    follow_up: str
    kind: str
    blocks_receipt: bool
    outcome: str | None = None


class Repeat(Record):
    """The order was reset to what it was at `since`: these messages are applied again, in order.

    `count` numbers the order's resets; more messages may follow under the same number, and the same
    message is applied once. `moments` says when the earlier run heard of an activity, by its key.
    """

    count: int
    since: datetime
    messages: tuple[RepeatedMessage, ...] = ()
    moments: dict[str, datetime] = Field(default_factory=dict)


class OrderView(Record):
    """What the order says of itself when it is asked.

    `repeats` numbers its resets, `owed` counts the messages that it still has to apply again, and
    `not_repeated` names those that it could not apply again.
    """

    order_id: str
    step: str | None
    waits_for: str
    due_at: datetime | None
    open_tasks: tuple[str, ...]
    state: OrderState
    repeats: int = 0
    owed: int = 0
    repeating: bool = False
    not_repeated: tuple[str, ...] = ()


class RunsOn(Record):
    """A window that runs, as the workflow knows it; `fired` are the marks it has recorded."""

    window: DueWindow
    fired: tuple[str, ...]


class Standing(Record):
    """All that PostgreSQL says of an order or an overdue case as well, to be compared with it.

    `settled` is false while something is being written down: then the two may differ. `decisions`
    are the answers of the present visit. The order's own fields are none for a case.
    """

    settled: bool
    at: datetime
    tasks: tuple[OpenTask, ...]
    decisions: tuple[Decision, ...]
    windows: tuple[RunsOn, ...]
    step: StepVisit | None = None
    since: datetime | None = None
    hold: Hold | None = None
    version: int | None = None
    promised_at: datetime | None = None
    blocked: str | None = None
    changing: Changing | None = None


class StepLeft(Record):
    """The order has left the breached step; the case may be closed."""

    at: datetime


class WindowsAdjustment(Record):
    """Somebody pauses, resumes or resets running windows.

    All windows that allow `reason`, or those of `rule` alone; a reset names its rule. `roles` are
    those the caller's key holds; `by` names the key. The same `request_id` changes nothing twice.
    """

    action: Literal[LedgerKind.PAUSED, LedgerKind.RESUMED, LedgerKind.RESET]
    reason: PauseReason | None = None
    rule: str | None = None
    note: str | None = None
    roles: tuple[Role, ...]
    by: str
    request_id: str


class WindowsAdjusted(Record):
    """The keys of the windows that it concerns."""

    windows: tuple[str, ...]


class OrderHold(Record):
    """Operations stop an order; `by` names the key. The same `request_id` changes nothing twice."""

    because: str
    roles: tuple[Role, ...]
    by: str
    request_id: str


class OrderRelease(Record):
    """A held order goes on."""

    roles: tuple[Role, ...]
    by: str
    request_id: str


class StepSkip(Record):
    """A step shall be skipped: the first key asks, another one agrees to the same step."""

    step: str
    because: str
    roles: tuple[Role, ...]
    by: str
    request_id: str


class Operated(Record):
    """What became of an operation: `held`, `released`, `asked` or `skipped`."""

    outcome: Literal["held", "released", "asked", "skipped"]
    step: str | None = None


PUBLICATION_WORKFLOW = "CalendarPublicationWorkflow"


def publication_workflow_id(published: CalendarPublished) -> str:
    """The one spelling of a publication's workflow id: a version is published once."""
    return f"calendar-{published.calendar}-v{published.version}"


class PublicationResult(Record):
    """How many windows were counted anew, and those that nobody moved: their workflow is gone."""

    label: str
    moved: int
    left_count: int
    left: tuple[str, ...] = ()


class CaseEscalated(Record):
    """The breached window has reached the analysis (E2) or the leadership (E3)."""

    mark: Mark
    at: datetime


class PromiseMoved(Record):
    """An overdue case has settled a new promised date."""

    case_id: str
    promised_at: datetime


class CaseByHand(Record):
    """Somebody opens an overdue case; `by` names the key, `step_left` says that it is over."""

    order_id: str
    customer: str
    profile: str
    window: DueWindow
    opened_at: datetime
    by: str
    why: str
    step_left: bool
