"""The clerk writes down what does not move the order: partial answers, progress, changes."""

from collections.abc import Callable

from temporalio import workflow

from activities.models import (
    MOVE_PROMISE,
    NOTE_HOLD,
    RECORD_DECISION,
    RECORD_PROGRESS,
    Decision,
    DecisionRecord,
    Entered,
    ProgressRecord,
    PromiseMove,
    StepVisit,
)
from activities.money_models import LOOK_AT_RUSH, RushLook, RushSeen
from domain.limits import PROMISED
from workflows.calls import act, note
from workflows.change_desk import GONE, ChangeDesk
from workflows.contract import OrderStart
from workflows.due_lines import DueLines
from workflows.receipts import Receipts
from workflows.repeating import lived, now_of
from workflows.route import AUTOMATIC, Route
from workflows.state import MovedPromise, OrderProgress
from workflows.window_desk import WindowDesk


class Clerk:
    """Works one thing at a time, in the order in which it came."""

    def __init__(
        self,
        start: OrderStart,
        progress: OrderProgress,
        route: Route,
        due_lines: DueLines,
        windows: WindowDesk,
        changes: ChangeDesk,
        show: Callable[[], None],
    ) -> None:
        self._start = start
        self._progress = progress
        self._route = route
        self._due_lines = due_lines
        self._windows = windows
        self._changes = changes
        self._show = show
        self._receipts = Receipts(start, progress, route, due_lines)
        self._busy = False

    @property
    def idle(self) -> bool:
        """True when everything is written down."""
        return not (self._busy or self._waiting)

    @property
    def _waiting(self) -> bool:
        progress = self._progress
        return bool(
            progress.reported
            or self._changes.waiting
            or progress.promises
            or progress.hold_notes
            or progress.rush_news
            or self._receipts.waiting
            or self._windows.waiting
        )

    async def work(self) -> None:
        """Runs as long as the workflow."""
        while True:
            await workflow.wait_condition(lambda: self._waiting)
            self._busy = True
            if self._progress.reported:
                await self._record(self._progress.reported.pop(0))
            elif self._changes.waiting:
                await self._changes.work_one()
                self._show()
            elif self._progress.promises:
                await self._move_promise(self._progress.promises.pop(0))
                self._show()
            elif self._progress.hold_notes:
                held = self._progress.hold_notes.pop(0)
                await note(NOTE_HOLD, held, "on hold" if held.because else "goes on after a hold")
                self._show()
            elif self._progress.rush_news:
                await self._look_at_rush()
            elif self._receipts.waiting:
                await self._receipts.work_one()
                self._show()
            else:
                await self._windows.work_one()
                self._show()
            self._busy = False

    async def _record(self, decision: Decision) -> None:
        beside = self._beside(decision)
        if beside is None:
            record = DecisionRecord(
                order_id=self._start.order_id, now=decision.at, decision=decision
            )
            await note(RECORD_DECISION, record, f"{decision.role.words}: {decision.outcome}")
            return
        if self._route.asks_of_a_change(beside):
            await self._changes.answer(beside, decision)
            self._show()
            return
        following = tuple(self._route.following(beside, decision.outcome))
        self._progress.beside = [b for b in self._progress.beside if b != beside]
        self._progress.beside.extend(following)
        for visit in following:
            self._progress.visits[visit.step] = visit.visit
        key = beside.key(self._start.order_id)
        self._due_lines.stop({key}, decision.at)
        report = ProgressRecord(
            order_id=self._start.order_id,
            workflow_id=workflow.info().workflow_id,
            key=f"{key}/{RECORD_PROGRESS}",
            now=decision.at,
            left=beside,
            decision=decision,
            following=following,
        )
        opened = await act(RECORD_PROGRESS, report, Entered, f"{beside.step}: {decision.outcome}")
        lived(self._progress, report.key)
        self._watch_what_still_runs(opened)

    async def _move_promise(self, moved: MovedPromise) -> None:
        """The windows of the promise begin anew, those that hang on it are counted again."""
        # A step on its way would open windows of the promise that this one does not know of.
        await workflow.wait_condition(lambda: not self._due_lines.moving)
        changing = self._progress.changing
        ours = changing if changing and changing.change_id == moved.change else None
        if self._progress.shipped and not moved.written:
            if ours is not None:
                await self._changes.refuse(ours, GONE)
            return
        # The order may have gone on since all had agreed.
        why = self._changes.too_late(ours) if ours is not None and not moved.written else None
        if ours is not None and why is not None:
            await self._changes.refuse(ours, why)
            return
        left, following = self._route.promise_visits()
        keys = {visit.key(self._start.order_id) for visit in left}
        hanging = self._due_lines.running(
            lambda running: (
                running.window.limit.anchor == PROMISED and running.window.key not in keys
            )
        )
        now = now_of(self._progress)
        move = PromiseMove(
            order_id=self._start.order_id,
            workflow_id=workflow.info().workflow_id,
            key=f"{self._start.order_id}/promise/{moved.key}",
            now=now,
            promised_at=moved.promised_at,
            left=left,
            following=following,
            windows=tuple(running.window for running in hanging),
            change=moved.change,
            written=moved.written,
        )
        self._progress.beside = [visit for visit in self._progress.beside if visit not in left]
        self._progress.beside.extend(following)
        for visit in following:
            self._progress.visits[visit.step] = visit.visit
        self._due_lines.stop(keys, now)
        entered = await act(MOVE_PROMISE, move, Entered, "the promised date moves")
        lived(self._progress, move.key)
        self._progress.promised_at = moved.promised_at
        if not moved.written:
            self._progress.version += 1
        if ours is not None:
            self._changes.over(ours)
        opened = {visit.key(self._start.order_id) for visit in following}
        self._due_lines.adopt(window for window in entered.windows if window.key not in opened)
        self._watch_what_still_runs(
            Entered(windows=tuple(w for w in entered.windows if w.key in opened))
        )

    def _watch_what_still_runs(self, opened: Entered) -> None:
        """The order may have left the step while the report was written down."""
        running = {visit.key(self._start.order_id) for visit in self._progress.beside}
        self._due_lines.open(window for window in opened.windows if window.key in running)
        self._progress.tasks.extend(
            task
            for task in opened.tasks
            if StepVisit(step=task.step, visit=task.visit) in self._progress.beside
        )
        if self._progress.current is None:
            return
        step = self._route.current
        if step.waits_for is not None and (
            self._progress.blocked or not isinstance(step, AUTOMATIC)
        ):
            self._windows.pause_around(step.waits_for, waits=True)
        if self._progress.hold is not None:
            self._windows.pause_held()
        if self._changes.frozen:
            self._windows.pause_frozen()

    def _beside(self, decision: Decision) -> StepVisit | None:
        """The alongside visit that the answered task belongs to."""
        for visit in self._progress.beside:
            if decision.task_id.startswith(f"{self._start.order_id}.{visit.step}.{visit.visit}."):
                return visit
        return None

    async def _look_at_rush(self) -> None:
        self._progress.rush_news = False
        self._progress.looks += 1
        look = RushLook(
            order_id=self._start.order_id,
            key=f"{self._start.order_id}/rush/look/{self._progress.looks}",
            now=now_of(self._progress),
        )
        seen = await act(LOOK_AT_RUSH, look, RushSeen, "is the rush fee paid")
        lived(self._progress, look.key)
        self._progress.rush_open = not seen.paid
