"""What goes into the activities of follow-ups and comes out; pure types and names, too."""

from datetime import datetime

from activities.models import Decision, Entered, StepVisit
from domain.base import Record
from domain.follow_ups import follow_up_workflow_id
from policy.follow_ups import FollowUp, FollowUpStep

FOLLOW_UP_WORKFLOW = "FollowUpWorkflow"

MOVE_FOLLOW_UP = "move_follow_up"


class FollowUpStart(Record):
    """Starts a follow-up beside its order, with its pinned kind. `requested_by` names a key.

    What somebody said stays in the database.
    """

    order_id: str
    follow_up: str
    customer: str
    profile: str
    kind: FollowUp
    requested_by: str
    requested_at: datetime

    @property
    def workflow_id(self) -> str:
        """The id of its workflow."""
        return follow_up_workflow_id(self.order_id, self.follow_up)


class FollowUpMove(Record):
    """One move of a follow-up; one activity, one database transaction, one effect.

    `left` was answered with `decision`; `rules` are those of the step that is entered at `enter`.
    Without `enter` the follow-up is closed. `began_at` is from when its first window counts, and
    `tells_customer` says that the customer hears of its beginning and its end.
    """

    order_id: str
    follow_up: str
    kind: str
    title: str
    title_zh: str
    now: datetime
    left: StepVisit | None = None
    decision: Decision | None = None
    left_rules: FollowUpStep | None = None
    enter: StepVisit | None = None
    rules: FollowUpStep | None = None
    began_at: datetime | None = None
    tells_customer: bool = False

    @property
    def workflow_id(self) -> str:
        """The id of its workflow."""
        return follow_up_workflow_id(self.order_id, self.follow_up)

    @property
    def key(self) -> str:
        """The identity of this move; what was left names it, or that it begins."""
        came = f"{self.left.step}/{self.left.visit}" if self.left else "begins"
        return f"{self.workflow_id}/{came}/moved"


class FollowUpMoved(Entered):
    """What stands open after a move.

    `blocked` says why what was answered could not be done: then `at` is a further visit of the step
    that was answered. `money_moved` are the orders whose money has moved.
    """

    money_moved: tuple[str, ...] = ()
