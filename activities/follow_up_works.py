"""What the answers of a follow-up move: refunds proposed, approved and paid, payments placed."""

from activities.follow_up_models import FollowUpMove
from activities.models import Decision
from activities.order_file import OrderFile
from policy.follow_ups import FollowUpStep


class CannotBeDone(Exception):  # noqa: N818  a fact
    """What was answered cannot be done; the message says why, and what can. It is shown."""


async def do_work(
    file: OrderFile, move: FollowUpMove, rules: FollowUpStep, decision: Decision
) -> None:
    """Does what the answer is for, in the file's transaction. Raises CannotBeDone."""
    if rules.work is None:
        return
