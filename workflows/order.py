"""An order's life, from intake to receipt; the workflow is the truth of the order."""

import asyncio
from datetime import datetime, timedelta
from functools import partial

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception
from temporalio.workflow import ContinueAsNewVersioningBehavior

from activities.models import RECORD_MARKS, Decision, MarkDue
from domain.orders import OrderState
from policy.steps import RECHECK, REFUSE, ReviewStep, WaitStep
from workflows import contract
from workflows.calls import MARKS_TIMEOUT, note
from workflows.cancel_desk import CancelDesk
from workflows.cases import marks_record, tell_case
from workflows.change_desk import ChangeDesk
from workflows.change_records import refuse_while_frozen
from workflows.clerk import Clerk
from workflows.companions import Companions
from workflows.contract import (
    CHANGED,
    ON_HOLD,
    CalendarPublished,
    CancellationNotice,
    ChangeNotice,
    FollowUpNews,
    MoneyMoved,
    OrderHold,
    OrderRelease,
    OrderResult,
    OrderStart,
    OrderView,
    PromiseMoved,
    ReceiptNotice,
    RushNotice,
    Standing,
    StepSkip,
    TaskCompleted,
    TaskCompletion,
    WindowsAdjusted,
    WindowsAdjustment,
)
from workflows.due_lines import DueLines
from workflows.journey import Journey
from workflows.operable import Operable
from workflows.operations_desk import OperationsDesk, on_hold
from workflows.repeating import Door, Repeater, now_of, refuse_while_repeating
from workflows.route import Route
from workflows.showing import show
from workflows.standing import order_standing, order_view
from workflows.state import OrderProgress
from workflows.task_desk import TaskDesk
from workflows.tellable import Tellable
from workflows.window_desk import WindowDesk
from workflows.wishes import Wishes

_NOTHING = timedelta()


@workflow.defn(name=contract.ORDER_WORKFLOW)
class OrderWorkflow(Operable, Tellable):
    """Follows the pinned profile's route; people answer, customers wish, due lines watch."""

    @workflow.init
    def __init__(self, start: OrderStart) -> None:
        self._start = start
        self._progress = start.progress or OrderProgress(version=start.version)
        self._route = Route(start.profile, self._progress, start.traits)
        self._due_lines = DueLines(
            self._progress.windows, self._record_marks, tell_case, lambda: self._progress.lives_at
        )
        self._windows = WindowDesk(
            start.order_id, self._progress, self._due_lines, self._route.standing_still
        )
        self._journey = Journey(start, self._progress, self._route, self._due_lines, self._windows)
        self._changes = ChangeDesk(
            start,
            self._progress,
            self._route,
            self._due_lines,
            self._windows,
            lambda: self._answer() is not None,
        )
        self._clerk = Clerk(
            start,
            self._progress,
            self._route,
            self._due_lines,
            self._windows,
            self._changes,
            self._show,
        )
        self._cancelling = CancelDesk(
            start, self._progress, self._route, self._due_lines, self._windows, self._show
        )
        self._desk = TaskDesk(self._progress)
        self._operations = OperationsDesk(
            start.order_id, self._progress, self._route, self._windows
        )
        self._repeater = Repeater(self._progress, self._doors(), self._at_rest)
        self._state = OrderState.OPEN
        self._ending = False

    @workflow.run
    async def run(self, start: OrderStart) -> OrderResult:
        """Lives the order through; set no run or execution timeout on it."""
        self._companions = Companions(
            self._due_lines.watch(), self._clerk.work(), self._repeater.work()
        )
        try:
            result = await self._live()
            await self._companions.until(self._quiet)
            return result
        except (asyncio.CancelledError, FailureError) as error:
            if not is_cancelled_exception(error):
                raise
            # Operations cancelled the workflow: the record still closes, nothing stays reserved.
            self._ending = True
            await asyncio.shield(
                asyncio.create_task(
                    self._journey.end(OrderState.CANCELLED, "cancelled", "cancelled by operations")
                )
            )
            raise
        finally:
            self._companions.end()

    async def _live(self) -> OrderResult:
        if self._progress.current is None:
            await self._journey.begin()
        while True:
            self._show()
            outcome = await self._outcome()
            if outcome is None:
                change_id = self._progress.cancellation
                return await self._end(
                    OrderState.CANCELLED, "cancelled", "cancelled by request", change_id
                )
            if outcome == CHANGED and self._progress.changing is not None:
                await self._journey.turn_back(self._progress.changing)
                continue
            target = self._route.target(self._route.current, outcome)
            if target == REFUSE:
                reason = f"refused at {self._route.current.title.lower()}"
                return await self._end(OrderState.REFUSED, outcome, reason)
            if target is None:
                return await self._end(OrderState.COMPLETED, outcome, None, self._progress.received)
            assert not isinstance(target, str)
            await self._journey.go(outcome, target)

    async def _outcome(self) -> str | None:
        """How the current step came out; none when the customer cancelled first."""
        while True:
            timeout, auto_at, held = None, self._progress.auto_at, self._held
            repeating = self._repeater.on
            if auto_at is not None and not held and not repeating:
                timeout = max(auto_at - workflow.now(), _NOTHING)
            try:
                await workflow.wait_condition(
                    partial(self._something_came, held, repeating, auto_at),
                    timeout=timeout,
                    timeout_summary="receipt is taken as confirmed" if timeout else None,
                )
            except TimeoutError:
                return "received"
            self._companions.check()
            if held and not self._held:
                self._progress.went_on_at = now_of(self._progress)
            if self._cancelling.pressing:
                if await self._cancelling.settle():
                    return None
                continue
            if self._held is not held or self._repeater.on is not repeating:
                continue
            if not held and self._changes.turns:
                return CHANGED
            if self._progress.auto_at != auto_at:
                continue
            if not held and (answer := self._answer()) is not None:
                return answer
            if not held and self._journey.may_look:
                if await self._finds_money():
                    return RECHECK
                continue
            await self._continue_as_new()

    async def _finds_money(self) -> bool:
        """Whether the gate may open now, and nobody came in between."""
        found = await self._journey.look_again()
        self._show()
        came = self._cancelling.pressing or self._changes.turns or self._answer() is not None
        if found and (came or self._held):
            self._progress.money_news = True  # it looks once more when that is over
            return False
        return found

    def _may_move(self) -> bool:
        """Whether the order has what it takes to leave where it is, or to look whether it has."""
        return self._changes.turns or self._journey.may_look or self._answer() is not None

    def _something_came(self, held: bool, repeating: bool, auto_at: datetime | None) -> bool:
        """Whether the order has a reason to go on; the arguments say how it began to wait."""
        return (
            self._cancelling.pressing
            or self._companions.broken
            or self._held is not held
            or self._repeater.on is not repeating
            or self._progress.auto_at != auto_at
            or (not held and self._may_move())
            or self._grown_long()
        )

    @property
    def _held(self) -> bool:
        """Whether operations hold the order, or a change freezes it: it takes no step meanwhile."""
        return self._progress.hold is not None or (self._changes.frozen and not self._changes.turns)

    def _answer(self) -> str | None:
        """The current step's outcome, as soon as its answers amount to one."""
        step, answers = self._route.current, [d.outcome for d in self._progress.decisions]
        if isinstance(step, ReviewStep):
            return _verdict(step, answers)
        if isinstance(step, WaitStep) and self._progress.received:
            return "received"
        return answers[0] if answers else None

    async def _end(
        self, state: OrderState, outcome: str, reason: str | None, change_id: str | None = None
    ) -> OrderResult:
        self._ending = True
        self._changes.end()
        await self._companions.until(lambda: self._clerk.idle)
        await self._journey.end(state, outcome, reason, change_id)
        self._state = state
        self._progress.current = None
        self._show()
        return OrderResult(order_id=self._start.order_id, state=state, reason=reason)

    def _quiet(self) -> bool:
        return self._due_lines.idle and self._clerk.idle and workflow.all_handlers_finished()

    def _grown_long(self) -> bool:
        info = workflow.info()
        return (
            info.get_current_history_length() >= self._start.history_events_max
            or info.is_continue_as_new_suggested()
            or self._progress.renew
        )

    async def _continue_as_new(self) -> None:
        """Hands the state to a fresh run, once nothing is half done."""
        await self._companions.until(self._quiet)
        turns = self._changes.turns and not self._held
        at_rest = not turns and (self._answer() is None or self._held)
        if at_rest and not self._cancelling.pressing:
            self._progress.renew = False
            workflow.continue_as_new(
                self._start.model_copy(update={"progress": self._progress}),
                # A pinned order moves to the newest version here, and nowhere else by itself.
                initial_versioning_behavior=ContinueAsNewVersioningBehavior.AUTO_UPGRADE,
            )

    async def _record_marks(self, marks: tuple[MarkDue, ...]) -> None:
        record = marks_record(self._start, self._progress, marks)
        what = ", ".join(f"{mark.name} of {mark.window}" for mark in marks)
        await note(RECORD_MARKS, record, what, MARKS_TIMEOUT)
        self._show()

    def _show(self) -> None:
        if self._progress.current is None and self._state is OrderState.OPEN:
            return  # it is on its way to its first step
        show(self._start, self._progress, self._route, self._due_lines, self._state)

    @workflow.update(name=contract.COMPLETE_TASK, description="A role answers its open task")
    async def complete_task(self, completion: TaskCompletion) -> TaskCompleted:
        """Takes an answer at once; never waits for anything."""
        decision = self._desk.take(completion)
        if decision is not None:
            self._file(decision)
        return self._desk.answered(completion)

    @complete_task.validator
    def check_completion(self, completion: TaskCompletion) -> None:
        """Refuses unknown, closed and stale tasks, wrong roles and unknown outcomes, and every
        answer while the order is on hold.
        """
        hold = self._progress.hold
        if hold is not None and completion.request_id not in self._progress.answers:
            raise ApplicationError(on_hold(hold), "order", type=ON_HOLD, non_retryable=True)
        refuse_while_frozen(self._progress, completion)
        refuse_while_repeating(self._progress, completion.request_id)
        if self._ending and completion.request_id not in self._progress.answers:
            gone = f"task {completion.task_id} is not open: the order is being closed"
            raise ApplicationError(gone, "task_id", type="TaskNotOpen", non_retryable=True)
        moving = self._due_lines.moving or not self._clerk.idle or self._cancelling.busy
        self._desk.check(completion, moving=moving)
        self._cancelling.check(completion)

    def _file(self, decision: Decision) -> None:
        """An answer to the current step may end it; all others go to those who asked."""
        decision = decision.model_copy(update={"version": self._progress.version})
        if self._cancelling.owns(decision.task_id):
            self._cancelling.file(decision)
            return
        current = self._progress.current
        prefix = f"{self._start.order_id}.{current.step}.{current.visit}." if current else None
        if prefix is None or not decision.task_id.startswith(prefix):
            self._progress.reported.append(decision)
            return
        self._progress.decisions.append(decision)
        if self._answer() is None:
            self._progress.reported.append(decision)

    @workflow.update(
        name=contract.ADJUST_WINDOWS, description="Windows are paused, resumed or reset"
    )
    async def adjust_windows(self, wished: WindowsAdjustment) -> WindowsAdjusted:
        """Takes the wish at once; what became of it is in the windows' ledgers."""
        return self._windows.take(wished)

    @adjust_windows.validator
    def check_adjustment(self, wished: WindowsAdjustment) -> None:
        """Refuses reasons that no running window allows, and roles that may not say so."""
        refuse_while_repeating(self._progress, wished.request_id)
        self._windows.check(wished)

    @workflow.query(description="Where the order is and what it waits for")
    def view(self) -> OrderView:
        """A reading of the state."""
        return order_view(
            self._start,
            self._progress,
            self._route,
            due_at=self._due_lines.next_due,
            state=self._state,
            repeating=self._repeater.on,
        )

    def _doors(self) -> dict[str, Door]:
        """Who takes what: wishes as they come, and messages of an earlier run."""
        wishes, operations = Wishes(self._progress), self._operations
        return {
            contract.COMPLETE_TASK: Door(TaskCompletion, self._complete_again),
            contract.ADJUST_WINDOWS: Door(WindowsAdjustment, self._windows.take),
            contract.HOLD_ORDER: Door(OrderHold, operations.hold),
            contract.RELEASE_ORDER: Door(OrderRelease, operations.release),
            contract.SKIP_STEP: Door(StepSkip, self._skip_again),
            contract.REQUEST_CHANGE: Door(ChangeNotice, wishes.change),
            contract.REQUEST_CANCELLATION: Door(CancellationNotice, self._cancelling.take),
            contract.CONFIRM_RECEIPT: Door(ReceiptNotice, wishes.receive),
            contract.CALENDAR_PUBLISHED: Door(CalendarPublished, self._windows.publish),
            contract.PROMISE_MOVED: Door(PromiseMoved, wishes.move_promise),
            contract.REQUEST_RUSH: Door(RushNotice, wishes.rush),
            contract.MONEY_MOVED: Door(MoneyMoved, wishes.hear_of_money),
            contract.FOLLOW_UP_OPENED: Door(FollowUpNews, wishes.hear_of_follow_up),
            contract.FOLLOW_UP_CLOSED: Door(FollowUpNews, wishes.hear_of_follow_up),
        }

    def _complete_again(self, completion: TaskCompletion) -> None:
        self._desk.check(completion, moving=False)
        if (decision := self._desk.take(completion)) is not None:
            self._file(decision)

    def _at_rest(self) -> bool:
        """Whether the order has done everything that what it was told so far amounts to."""
        return (
            self._progress.current is not None
            and not self._due_lines.moving
            and self._due_lines.idle
            and self._clerk.idle
            and not (self._journey.looking or self._cancelling.pressing or self._cancelling.busy)
            and (self._held or not self._may_move())
        )

    @workflow.query(name=contract.STANDING, description="All that the database says as well")
    def standing(self) -> Standing:
        """For a comparison with the database; `settled` once everything is written down."""
        written = self._clerk.idle and self._due_lines.idle and not self._due_lines.moving
        written = written and not self._journey.looking and not self._cancelling.busy
        stands = self._progress.current is not None and not self._ending
        settled = written and stands and not self._repeater.on
        return order_standing(self._start, self._progress, settled=settled)


def _verdict(step: ReviewStep, answers: list[str]) -> str | None:
    """All must approve, or any one; one refusal decides where all must agree."""
    decisive, other = ("refused", "approved") if step.mode == "all" else ("approved", "refused")
    if decisive in answers:
        return decisive
    return other if len(answers) == len(step.reviewers) else None
