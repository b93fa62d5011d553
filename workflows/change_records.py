"""What the door for changes has written down: a verdict, and that a change waits."""

from temporalio.exceptions import ApplicationError

from activities.change_models import (
    NOTE_WAITING_CHANGE,
    SETTLE_CHANGE,
    ChangeSettled,
    ChangeVerdict,
    ChangeWaits,
)
from activities.models import StepVisit
from domain.changes import ChangeClass, ChangeState
from workflows.calls import act, note
from workflows.contract import FROZEN, TaskCompletion
from workflows.repeating import now_of
from workflows.state import OrderProgress
from workflows.words import frozen_words


class ChangeRecords:
    """Writes down what becomes of changes."""

    def __init__(self, order_id: str, progress: OrderProgress) -> None:
        self._order_id = order_id
        self._progress = progress

    async def settle(
        self,
        change_id: str,
        state: ChangeState,
        reason: str | None,
        left: StepVisit | None = None,
    ) -> ChangeState:
        """Has the verdict written; what it came to, for the order may not take the change."""
        verdict = ChangeVerdict(
            order_id=self._order_id,
            change_id=change_id,
            now=now_of(self._progress),
            state=state,
            reason=reason,
            left=left,
        )
        settled = await act(SETTLE_CHANGE, verdict, ChangeSettled, f"change: {verdict.state.value}")
        # A repeated signal hears what the first one heard.
        self._progress.version = max(self._progress.version, settled.version)
        return settled.state

    async def waits(self, change_id: str, of: ChangeClass) -> None:
        """Has those told whom a change concerns that waits for the one before it."""
        waits = ChangeWaits(
            order_id=self._order_id,
            change_id=change_id,
            key=f"{self._order_id}/changes/{change_id}/{NOTE_WAITING_CHANGE}",
            now=now_of(self._progress),
            of=of,
        )
        await note(NOTE_WAITING_CHANGE, waits, f"a {of} change waits")


def refuse_while_frozen(progress: OrderProgress, completion: TaskCompletion) -> None:
    """Refuses to complete the present step while a change is decided that would undo it.

    Raises ApplicationError of type Frozen.
    """
    changing, current = progress.changing, progress.current
    if changing is None or not changing.freezes or current is None:
        return
    if completion.request_id in progress.answers:
        return
    if any(t.id == completion.task_id and t.step == current.step for t in progress.tasks):
        raise ApplicationError(frozen_words(changing), "order", type=FROZEN, non_retryable=True)
