"""A follow-up: what an order leads to as a matter of its own (L33 to L36, S31, S35)."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.follow_up_models import (
    FOLLOW_UP_WORKFLOW,
    MOVE_FOLLOW_UP,
    FollowUpMove,
    FollowUpMoved,
    FollowUpStart,
)
from activities.models import Decision, MarkDue, MarksRecord, StepVisit
from domain.base import Record
from policy.follow_ups import DONE, FollowUpStep, FollowUpWork
from workflows import contract
from workflows.beside import Beside
from workflows.calls import MARKS_TIMEOUT, act
from workflows.cases import Late, marks_with_cases, tell_case
from workflows.companions import Companions
from workflows.contract import FollowUpNews, MoneyMoved, TaskCompletion, order_workflow_id
from workflows.follow_up_words import follow_up_details
from workflows.state import FollowUpProgress


@workflow.defn(name=FOLLOW_UP_WORKFLOW)
class FollowUpWorkflow(Beside):
    """One task after the other, as its pinned kind says; a breach opens an overdue case."""

    @workflow.init
    def __init__(self, start: FollowUpStart) -> None:
        self._start = start
        self._progress: FollowUpProgress = FollowUpProgress()
        self._equip(start.order_id, self._progress, tell_case)

    @workflow.run
    async def run(self, start: FollowUpStart) -> None:
        """Asks for each step until an answer closes it; its order hears of it where it matters."""
        self._companions = Companions(self._due_lines.watch(), self._keep_windows())
        await self._begin()
        while self._progress.current is not None:
            self._show()
            await self._go_on(await self._answer())
        self._show()
        await self._companions.until(self._quiet)
        self._companions.end()

    async def _begin(self) -> None:
        start = self._start
        first = start.kind.steps[0]
        move = self._move(
            now=max(workflow.now(), start.requested_at),
            enter=self._next_visit(first),
            rules=first,
            began_at=start.requested_at,
        )
        await self._do(move, f"begins: {first.title.lower()}")
        await self._tell_order(contract.FOLLOW_UP_OPENED, None)

    async def _answer(self) -> Decision:
        self._waits = True
        await self._companions.until(lambda: bool(self._progress.decisions))
        self._waits = False
        return self._progress.decisions.pop(0)

    async def _go_on(self, decision: Decision) -> None:
        """Leaves the step with its answer, and enters the one to which that leads."""
        left, rules = self._progress.current, self._rules
        assert left is not None, "only a step is answered"
        self._progress.answered_by[rules.id] = decision.by
        self._due_lines.stop({left.key(self._start.workflow_id)}, decision.at)
        target = rules.outcomes[decision.outcome]
        following = None if target == DONE else self._start.kind.step(target)
        move = self._move(
            now=decision.at,
            left=left,
            decision=decision,
            left_rules=rules,
            enter=self._next_visit(following) if following else None,
            rules=following,
        )
        await self._do(move, f"{rules.id}: {decision.outcome}")
        if self._progress.current is None:
            await self._tell_order(contract.FOLLOW_UP_CLOSED, decision.outcome)

    def _move(self, **fields: object) -> FollowUpMove:
        start = self._start
        known = {
            "order_id": start.order_id,
            "follow_up": start.follow_up,
            "kind": start.kind.id,
            "title": start.kind.title,
            "title_zh": start.kind.title_zh,
            "tells_customer": start.kind.concerns_customer,
        }
        return FollowUpMove.model_validate({**known, **fields})

    async def _do(self, move: FollowUpMove, summary: str) -> None:
        """Has the move written down, and stands where it ended: where it was if it was blocked."""
        with self._due_lines.move():
            moved = await act(MOVE_FOLLOW_UP, move, FollowUpMoved, summary)
        progress = self._progress
        progress.current, progress.blocked = moved.at, moved.blocked
        if moved.at is not None:
            progress.visits[moved.at.step] = moved.at.visit
        progress.tasks.extend(moved.tasks)
        self._due_lines.open(moved.windows)
        for order_id in moved.money_moved:
            await _tell(order_id, contract.MONEY_MOVED, MoneyMoved(entry=move.key))

    def _next_visit(self, step: FollowUpStep) -> StepVisit:
        return StepVisit(step=step.id, visit=self._progress.visits.get(step.id, 0) + 1)

    @property
    def _rules(self) -> FollowUpStep:
        """Those of the step that it is in."""
        assert self._progress.current is not None, "asked only while it is open"
        return self._start.kind.step(self._progress.current.step)

    async def _tell_order(self, name: str, outcome: str | None) -> None:
        start = self._start
        if not start.kind.blocks_receipt:
            return
        news = FollowUpNews(
            follow_up=start.follow_up, kind=start.kind.id, blocks_receipt=True, outcome=outcome
        )
        await _tell(start.order_id, name, news)

    def _check(self, completion: TaskCompletion) -> None:
        """Refuses the second pair of eyes that looks twice.

        Raises ApplicationError of type NotAllowed, whose first detail is the field.
        """
        progress = self._progress
        if completion.request_id in progress.answers or progress.current is None:
            return
        rules = self._rules
        if rules.not_by is not None and progress.answered_by.get(rules.not_by) == completion.by:
            other = self._start.kind.step(rules.not_by).title.lower()
            raise _refusal(f"{completion.by} has answered {other}; somebody else has to do this")
        approves = rules.work is FollowUpWork.APPROVE_REFUND and completion.outcome == "approved"
        if approves and completion.by == self._start.requested_by:
            raise _refusal(f"{completion.by} has proposed it; somebody else has to approve it")

    def _marks_record(self, marks: tuple[MarkDue, ...]) -> tuple[MarksRecord, timedelta]:
        start = self._start
        late = Late(start.order_id, start.customer, start.profile)
        record = marks_with_cases(late, self._progress.windows, marks, now=workflow.now())
        return record, MARKS_TIMEOUT

    async def _record_marks(self, marks: tuple[MarkDue, ...]) -> None:
        await super()._record_marks(marks)
        self._show()

    def _show(self) -> None:
        workflow.set_current_details(follow_up_details(self._start, self._progress))


async def _tell(order_id: str, name: str, said: Record) -> None:
    order = workflow.get_external_workflow_handle(order_workflow_id(order_id))
    try:
        await order.signal(name, said)
    except ApplicationError:
        return  # the order has ended: nothing of it waits any more


def _refusal(message: str) -> ApplicationError:
    return ApplicationError(message, "by", type="NotAllowed", non_retryable=True)
