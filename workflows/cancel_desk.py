"""Cancellations: judged by the terms of the step in which they are heard, one winner each."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.cancel_models import (
    ANSWER_CANCELLATION,
    CONSIDER_CANCELLATION,
    CancellationAsked,
    CancellationRefused,
    Considered,
)
from activities.change_models import ChangeSettled
from activities.models import Decision, Entered, Leave
from domain.dispatch import FAILED
from policy.cancelling import TOO_LATE, CancelTerms, terms_of
from policy.change_rules import CANCELLATION, KEPT
from policy.steps import NEXT, TaskStep, Work
from workflows.calls import act
from workflows.contract import CancellationNotice, OrderStart, TaskCompletion
from workflows.due_lines import DueLines
from workflows.repeating import lived, now_of
from workflows.route import Route
from workflows.state import AskedCancellation, OrderProgress, WaitingChange
from workflows.window_desk import WindowDesk

BEING_ANSWERED = "a cancellation of this order is being looked at already"
AGREED = "agreed"
PARTS_LEAVE = "a-part-that-left-is-too-late"
"""The patch with which a part that leaves comes before a cancellation, as all of it does."""


class CancelDesk:
    """Takes wishes to cancel as they come; the order's main line has them settled.

    A free one ends the order at once. One at a cost is compared with what the customer accepted,
    and where the contract decides somebody is asked while the order goes on: what comes first wins.
    """

    def __init__(
        self,
        start: OrderStart,
        progress: OrderProgress,
        route: Route,
        due_lines: DueLines,
        windows: WindowDesk,
        show: Callable[[], None],
    ) -> None:
        self._start = start
        self._progress = progress
        self._route = route
        self._due_lines = due_lines
        self._windows = windows
        self._show = show
        self.busy = False
        """True while a wish or an answer is being written down."""

    def take(self, notice: CancellationNotice) -> None:
        """Keeps a wish until the order stands still; the same wish is kept once."""
        progress, ours = self._progress, self._progress.cancelling
        if ours.asked is not None and ours.asked.change_id == notice.change_id:
            return
        if progress.cancellation in {None, notice.change_id}:
            progress.cancellation = notice.change_id
        elif notice.change_id not in ours.behind:
            ours.behind.append(notice.change_id)

    def owns(self, task_id: str) -> bool:
        """Whether the task asks about a cancellation."""
        return task_id.startswith(f"{self._start.order_id}.{CANCELLATION}.")

    def check(self, completion: TaskCompletion) -> None:
        """Refuses to keep what is no amount, or more than there could be.

        Raises ApplicationError of type InvalidField.
        """
        asked = self._progress.cancelling.asked
        if asked is None or completion.outcome != AGREED or not self.owns(completion.task_id):
            return
        if (wrong := _fault(completion.data.get(KEPT, ""), asked)) is not None:
            raise ApplicationError(wrong, f"data.{KEPT}", type="InvalidField", non_retryable=True)

    def file(self, decision: Decision) -> None:
        """Keeps the answer until the order stands still."""
        self._progress.cancelling.answer = decision

    @property
    def pressing(self) -> bool:
        """Whether something has to be settled before the order goes on."""
        ours = self._progress.cancelling
        asked_too_late = ours.asked is not None and self._progress.shipped
        return bool(self._progress.cancellation) or ours.answer is not None or asked_too_late

    async def settle(self) -> bool:
        """Settles one wish or answer; True when the order ends with it."""
        self.busy = True
        ends = await self._settle()
        self.busy = False
        return ends

    async def _settle(self) -> bool:
        progress, ours = self._progress, self._progress.cancelling
        if ours.asked is not None and (ours.answer is not None or self._too_late):
            return await self._answered(ours.asked)
        if progress.cancellation is None:
            ours.answer = None
            return False
        change_id, terms = progress.cancellation, terms_of(self._start.profile, self._route.passed)
        if ours.asked is not None:
            return self._refuse(change_id, BEING_ANSWERED)
        if self._too_late:
            return self._refuse(change_id, TOO_LATE)
        if terms.kind == "refused":
            return self._refuse(change_id, terms.why)
        return terms.plain or await self._consider(change_id, terms)

    async def _consider(self, change_id: str, terms: CancelTerms) -> bool:
        progress, ours = self._progress, self._progress.cancelling
        current = progress.current
        assert current is not None
        wish = CancellationAsked(
            order_id=self._start.order_id,
            workflow_id=workflow.info().workflow_id,
            change_id=change_id,
            key=f"{self._start.order_id}/changes/{change_id}/considered",
            now=now_of(progress),
            step=current.step,
            visit=self._route.visit(CANCELLATION),
        )
        summary = f"cancellation: {terms.kind.replace('_', ' ')}"
        found = await act(CONSIDER_CANCELLATION, wish, Considered, summary)
        lived(progress, wish.key)
        if found.visit is not None:
            progress.visits[CANCELLATION] = found.visit.visit
            ours.asked = AskedCancellation(
                change_id=change_id,
                visit=found.visit,
                kept_max=found.kept_max,
                unit=found.unit,
                forfeitable=found.forfeitable,
            )
            self._windows.open_beside(Entered(tasks=found.tasks, windows=found.windows))
            self._next()
            self._show()
            return False
        if found.outcome == "refused":
            self._next()
            return False
        if self._too_late:
            return self._refuse(change_id, TOO_LATE)
        ours.kept, ours.forfeitable = found.kept, found.forfeitable
        return True

    async def _answered(self, asked: AskedCancellation) -> bool:
        progress, ours = self._progress, self._progress.cancelling
        answer, now = ours.answer, now_of(progress)
        left = Leave(
            at=asked.visit,
            outcome=answer.outcome if answer else "the goods have left",
            decisions=(answer,) if answer else (),
        )
        self._due_lines.stop({asked.visit.key(self._start.order_id)}, answer.at if answer else now)
        progress.tasks = [task for task in progress.tasks if not self.owns(task.id)]
        ours.asked, ours.answer = None, None
        if answer is not None and answer.outcome == AGREED and not self._too_late:
            self._behind(progress.cancellation)
            progress.cancellation = asked.change_id
            ours.kept, ours.forfeitable = Decimal(answer.data[KEPT]), asked.forfeitable
            ours.answered = left
            return True
        reason = TOO_LATE if self._too_late else (answer.note if answer else None)
        refused = CancellationRefused(
            order_id=self._start.order_id,
            change_id=asked.change_id,
            key=f"{self._start.order_id}/changes/{asked.change_id}/answered",
            now=now,
            left=left,
            reason=reason or "the company does not agree",
        )
        await act(ANSWER_CANCELLATION, refused, ChangeSettled, "cancellation: refused")
        lived(progress, refused.key)
        self._show()
        return False

    def _refuse(self, change_id: str, reason: str) -> bool:
        self._progress.changes.append(WaitingChange(change_id=change_id, refused_because=reason))
        self._next()
        return False

    def _next(self) -> None:
        behind = self._progress.cancelling.behind
        self._progress.cancellation = behind.pop(0) if behind else None

    def _behind(self, change_id: str | None) -> None:
        """Another wish waited while this one was answered; the order's end refuses it."""
        if change_id is not None:
            self._progress.cancelling.behind.append(change_id)

    @property
    def _too_late(self) -> bool:
        """Whether goods have left, all or in part, or logistics has said so in this very moment."""
        progress = self._progress
        if progress.shipped:
            return True
        step = self._route.current if progress.current else None
        if not isinstance(step, TaskStep) or step.work is not Work.RECORD_DISPATCH:
            return False
        said = [decision.outcome for decision in progress.decisions]
        if all(outcome == FAILED for outcome in said):
            return False
        # Older runs let the cancellation win over a part, or over anything without a window.
        windowed = self._start.profile.cancellation.answer is not None
        all_left = any(step.outcomes.get(outcome) == NEXT for outcome in said)
        return (windowed and all_left) or workflow.patched(PARTS_LEAVE)


def _fault(text: str, asked: AskedCancellation) -> str | None:
    """What is wrong with the amount that shall be kept."""
    try:
        kept = Decimal(text.strip())
    except InvalidOperation:
        return f"{text!r} is no amount; write one such as 120"
    if not kept.is_finite() or kept < 0 or kept > asked.kept_max:
        return f"{text} cannot be kept; write 0 to {asked.kept_max.normalize():f}"
    if kept % asked.unit:
        return f"{text} has too many decimals; write whole steps of {asked.unit}"
    return None
