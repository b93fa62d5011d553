"""The moves of an order: leave a step, let the platform do its part, enter the next one."""

from datetime import datetime

from temporalio import workflow

from activities.models import (
    CLOSE_ORDER,
    OPEN_STEP,
    Enter,
    Entered,
    Leave,
    OrderEnd,
    StepVisit,
    Transition,
)
from activities.money_models import LOOK_AGAIN, GateLook, GateSeen
from domain.dispatch import FAILED, IN_PARTS
from domain.orders import OrderState
from policy.steps import GateStep, ResourceStep, ReviewStep, RouteStep, TaskStep, Work
from workflows.calls import act, note
from workflows.contract import CHANGED, OrderStart
from workflows.due_lines import DueLines
from workflows.repeating import lived, now_of
from workflows.route import AUTOMATIC, Route
from workflows.state import Changing, MovedPromise, OrderProgress
from workflows.window_desk import WindowDesk


class Journey:
    """Moves the order along its route; one activity a move, one database transaction an activity.

    Between two waits for people there is one move, more only where a resource or a gate lies
    between them: the engine's work per order is the cost that counts.
    """

    def __init__(
        self,
        start: OrderStart,
        progress: OrderProgress,
        route: Route,
        due_lines: DueLines,
        windows: WindowDesk,
    ) -> None:
        self._start = start
        self._progress = progress
        self._route = route
        self._due_lines = due_lines
        self._windows = windows
        self._left_before = (False, False)
        self.looking = False

    @property
    def may_look(self) -> bool:
        """Whether the order stands at a gate of money and money has moved since it looked."""
        progress = self._progress
        if not progress.money_news or progress.blocked is None or progress.current is None:
            return False
        step = self._route.current
        return isinstance(step, GateStep) and step.asks_for_money

    async def look_again(self) -> bool:
        """Looks at the gate once more, in the same visit: its window and its task go on.

        A window that counts from a payment's report may have begun.
        """
        progress = self._progress
        at = progress.current
        assert at is not None, "it stands at a gate"
        progress.money_news, self.looking = False, True
        progress.looks += 1
        look = GateLook(
            order_id=self._start.order_id,
            key=f"{at.key(self._start.order_id)}/look/{progress.looks}",
            now=now_of(progress),
            at=at,
            not_before=progress.went_on_at,
        )
        seen = await act(LOOK_AGAIN, look, GateSeen, f"{self._route.current.title}: looks again")
        lived(progress, look.key)
        self._windows.open_reported(seen.windows)
        self.looking = False
        if seen.missing is not None:
            progress.blocked = seen.missing
        return seen.missing is None

    async def begin(self) -> None:
        """Enters the first step; its window counts from when the customer ordered."""
        with self._due_lines.move():
            await self._enter(self._route.first, None, now_of(self._progress))

    async def go(self, outcome: str, target: RouteStep) -> None:
        """Leaves the current step with `outcome` and enters `target`."""
        with self._due_lines.move():
            await self._go(outcome, target)

    async def _go(self, outcome: str, target: RouteStep) -> None:
        now = now_of(self._progress)
        left = self._route.current
        leaving = self._leave(outcome, target, now)
        leave: Leave | None = leaving
        work = left.work if isinstance(left, TaskStep) else None
        self._left_before = self._progress.shipped, self._progress.rest_open
        if work is Work.RECORD_DISPATCH and outcome != FAILED:
            self._progress.shipped = True  # from here on a cancellation comes too late
            self._progress.rest_open = outcome in IN_PARTS
        if work is not None and isinstance(target, (*AUTOMATIC, ReviewStep)):
            # The department's record and the platform's own work are two activities.
            request = self._transition(leaving.at, work.value, now, leave=leave)
            done = await self._act(work.value, request, left.title)
            if done.back_to is not None:
                target = self._turned_away(work, done.back_to)
            leave, work = None, None
        await self._enter(target, leave, now, work)

    async def turn_back(self, changing: Changing) -> None:
        """Leaves the current step as it is and enters the one to which a change leads back.

        Everything that later steps did is undone and the change applied with the first move.
        """
        assert changing.back_to is not None
        with self._due_lines.move():
            now, target = now_of(self._progress), self._route.step(changing.back_to)
            await self._enter(target, self._leave(CHANGED, target, now), now, changing=changing)
        self._windows.resume_frozen()

    def _turned(self, changing: Changing) -> None:
        """The change is applied; its new date is written down, and its windows begin anew."""
        self._progress.version += 1
        self._progress.end_changing(changing)
        if changing.promised_at is not None:
            self._progress.promised_at = changing.promised_at
            self._progress.promises.append(
                MovedPromise(
                    key=changing.change_id,
                    promised_at=changing.promised_at,
                    change=changing.change_id,
                    written=True,
                )
            )

    async def end(
        self, state: OrderState, outcome: str, reason: str | None, change_id: str | None = None
    ) -> None:
        """Closes the record and gives back whatever is still held."""
        now, ours = now_of(self._progress), self._progress.cancelling
        current = self._progress.current
        leave = self._leave(outcome, None, now) if current else None
        self._due_lines.stop_all(now)
        self._progress.tasks.clear()
        end = OrderEnd(
            order_id=self._start.order_id,
            key=f"{self._start.order_id}/end",
            now=now,
            state=state,
            reason=reason,
            leave=leave,
            change_id=change_id,
            kept=ours.kept,
            forfeitable=ours.forfeitable,
            answered=ours.answered,
        )
        await note(CLOSE_ORDER, end, f"close the order as {state.value}")

    async def _enter(
        self,
        target: RouteStep,
        leave: Leave | None,
        now: datetime,
        work: Work | None = None,
        changing: Changing | None = None,
    ) -> None:
        """Enters `target`; walks on through steps that the platform does by itself."""
        undo = self._giving_up(target)
        while True:
            name = self._activity(target, work)
            enter = self._entering(target)
            following = self._following(target)
            then = None
            if following is not None and not isinstance(following, AUTOMATIC):
                then = self._entering(following)
            request = self._transition(
                enter.at, name, now, leave=leave, enter=enter, then=then, undo=undo
            )
            if changing is not None:
                request = request.model_copy(update={"change": changing.change_id})
            if isinstance(target, GateStep) and target.asks_for_money:
                self._progress.money_news = False  # it looks now; what comes later is news
            entered = await self._act(name, request, target.title)
            self._progress.visits[target.id] = enter.at.visit
            if changing is not None:
                self._turned(changing)
                changing = None
            if entered.back_to is not None:
                target, leave, work = self._turned_away(work, entered.back_to), None, None
                undo = self._giving_up(target)
                continue
            if following is None or entered.blocked is not None:
                return self._adopt(enter, entered)
            if isinstance(target, ResourceStep):
                self._progress.held.append(enter.at)
            if then is not None:
                return self._adopt(then, entered)
            leave, target, undo, work = None, following, (), None

    def _turned_away(self, work: Work | None, back_to: str) -> RouteStep:
        """Where the order goes instead; of goods that may not leave nothing has left."""
        if work is Work.RECORD_DISPATCH:
            self._progress.shipped, self._progress.rest_open = self._left_before
        return self._route.step(back_to)

    def _giving_up(self, target: RouteStep) -> tuple[StepVisit, ...]:
        """What going back to `target` gives back; it is not held any more."""
        undo = self._route.given_up(target)
        self._progress.held = [held for held in self._progress.held if held not in undo]
        return undo

    def _following(self, target: RouteStep) -> RouteStep | None:
        """What a step that the platform does by itself leads to; none for all others."""
        return self._route.after(target) if isinstance(target, AUTOMATIC) else None

    def _activity(self, target: RouteStep, work: Work | None) -> str:
        if isinstance(target, AUTOMATIC):
            return target.work.value
        if work is not None:
            return work.value
        return Work.PREPARE_REVIEW.value if isinstance(target, ReviewStep) else OPEN_STEP

    def _leave(self, outcome: str, target: RouteStep | None, now: datetime) -> Leave:
        """Closes the current visit in memory; the next activity closes it in the database."""
        current = self._progress.current
        assert current is not None
        if (reason := self._route.current.waits_for) is not None:
            self._windows.pause_around(reason, waits=False)
        beyond = self._following(target) if target is not None else None
        beside = self._route.ending_beside(beyond or target)
        closed = {visit.key(self._start.order_id) for visit in (current, *beside)}
        self._due_lines.stop(closed, now)
        ended = {visit.step for visit in beside}
        self._progress.beside = [b for b in self._progress.beside if b.step not in ended]
        self._progress.tasks = [
            task
            for task in self._progress.tasks
            if task.step != current.step and task.step not in ended
        ]
        leave = Leave(
            at=current,
            outcome=outcome,
            decisions=tuple(self._progress.decisions),
            beside=beside,
        )
        self._progress.decisions = []
        return leave

    def _entering(self, step: RouteStep) -> Enter:
        return Enter(at=self._route.visit(step.id), beside=self._route.opening_beside(step))

    def _adopt(self, enter: Enter, entered: Entered) -> None:
        """Takes over what the activity has opened."""
        for visit in (enter.at, *enter.beside):
            self._progress.visits[visit.step] = visit.visit
        self._progress.beside.extend(enter.beside)
        self._progress.current = enter.at
        self._progress.since = now_of(self._progress)
        self._progress.blocked = entered.blocked
        self._progress.auto_at = None if self._progress.disputes else entered.auto_at
        self._progress.tasks.extend(entered.tasks)
        self._due_lines.open(entered.windows)
        step = self._route.current
        if step.waits_for is not None and (entered.blocked or not isinstance(step, AUTOMATIC)):
            self._windows.pause_around(step.waits_for, waits=True)
        if self._progress.hold is not None:
            self._windows.pause_held()

    def _transition(
        self,
        visit: StepVisit,
        name: str,
        now: datetime,
        *,
        leave: Leave | None,
        enter: Enter | None = None,
        then: Enter | None = None,
        undo: tuple[StepVisit, ...] = (),
    ) -> Transition:
        return Transition(
            order_id=self._start.order_id,
            workflow_id=workflow.info().workflow_id,
            key=f"{visit.key(self._start.order_id)}/{name}",
            now=now,
            leave=leave,
            enter=enter,
            then=then,
            undo=undo,
        )

    async def _act(self, name: str, request: Transition, title: str) -> Entered:
        entered = await act(name, request, Entered, f"{title} ({name.replace('_', ' ')})")
        lived(self._progress, request.key)
        return entered
