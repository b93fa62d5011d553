"""An overdue case: why a window was missed, what is done about it, who answers (catalogue 4)."""

from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.case_models import (
    CLOSE_CASE,
    LOOK_AT_WINDOW,
    OPEN_CASE,
    OPEN_CLOSING,
    OPEN_PART,
    RECORD_CAUSE,
    RECORD_PART,
    CaseAnswer,
    CaseOpening,
    CasePart,
    CaseStep,
    WindowLook,
    WindowSeen,
)
from activities.models import CASE_WORKFLOW, CaseStart, Decision, Entered
from domain.windows import Mark
from workflows import contract
from workflows.beside import Beside
from workflows.calls import act, note
from workflows.case_words import case_details
from workflows.companions import Companions
from workflows.contract import (
    CaseEscalated,
    PromiseMoved,
    StepLeft,
    order_workflow_id,
)
from workflows.state import CaseProgress

ASKED_AT = {Mark.ANALYSIS: CasePart.ANALYSIS, Mark.LEADERSHIP: CasePart.DECISION}
"""What a rung of the ladder adds to the case (E2, E3)."""

OPENED_BY = {CasePart.CAUSE: OPEN_CASE, CasePart.CLOSING: OPEN_CLOSING}
RECORDED_BY = {CasePart.CAUSE: RECORD_CAUSE, CasePart.CLOSING: CLOSE_CASE}

FAILED = "failed"

LOOK_AFTER = timedelta(minutes=1)
"""The order records the breach at the due instant; a look comes a little later."""

LOOK_EVERY = timedelta(days=1)
"""How often to look at a window that neither ends nor is breached: it is paused or was moved."""


@workflow.defn(name=CASE_WORKFLOW)
class OverdueCaseWorkflow(Beside):
    """Runs beside the order and outlives it; its own windows are marked, and open no new case."""

    @workflow.init
    def __init__(self, start: CaseStart) -> None:
        self._start = start
        self._progress: CaseProgress = CaseProgress(step_left=start.step_left)
        self._equip(start.order_id, self._progress)
        self._look = False
        # Here, because a signal can come with the start: the case's row is written first.
        self._want(CasePart.CAUSE)

    @workflow.run
    async def run(self, start: CaseStart) -> None:
        """Asks for the cause and what the ladder adds, until the step is over; then closes."""
        companions = [self._due_lines.watch(), self._keep_windows()]
        if start.opened_by is not None:
            companions.append(self._follow_window())
        self._companions = Companions(*companions)
        await self._work_until_step_left()
        self._want(CasePart.CLOSING)
        await self._work_until_step_left()
        self._show("is closed")
        await self._companions.until(self._quiet)
        self._companions.end()

    async def _work_until_step_left(self) -> None:
        """Asks and takes answers, one at a time, until everything asked for is answered."""
        while not (self._progress.step_left and self._nothing_open()):
            if self._progress.decisions:
                await self._record(self._progress.decisions.pop(0))
            elif self._progress.wanted:
                await self._open(self._progress.wanted.pop(0))
            else:
                self._show()
                self._waits = True
                await self._companions.until(self._has_news)
                self._waits = False

    def _has_news(self) -> bool:
        progress = self._progress
        over = progress.step_left and self._nothing_open()
        return bool(progress.decisions or progress.wanted) or over

    def _nothing_open(self) -> bool:
        progress = self._progress
        return not (progress.decisions or progress.wanted or progress.tasks)

    def _want(self, part: CasePart) -> None:
        """Each part is asked for once."""
        if part not in self._progress.asked:
            self._progress.asked.append(part)
            self._progress.wanted.append(part)

    async def _open(self, part: CasePart) -> None:
        """Opens a part's task with its window; a profile may not ask for it."""
        own_activity = part in OPENED_BY
        opening = CaseOpening(
            order_id=self._start.order_id,
            case_id=self._start.case_id,
            window=self._start.window.key,
            role=self._start.window.role,
            now=max(workflow.now(), self._start.opened_at),
            part=None if own_activity else part,
            opened_by=self._start.opened_by,
            why=self._start.why,
        )
        with self._due_lines.move():
            opened = await act(OPENED_BY.get(part, OPEN_PART), opening, Entered, part.words)
        self._progress.tasks.extend(opened.tasks)
        self._due_lines.open(opened.windows)

    async def _record(self, decision: Decision) -> None:
        part = CasePart(decision.task_id.rpartition(".")[2])
        self._due_lines.stop({f"{self._start.case_id}/{part}"}, decision.at)
        own_activity = part in RECORDED_BY
        step = CaseStep(
            order_id=self._start.order_id,
            case_id=self._start.case_id,
            now=decision.at,
            decision=decision,
            part=None if own_activity else part,
        )
        summary = f"{part}: {decision.outcome}"
        if own_activity:
            await note(RECORDED_BY[part], step, summary)
        else:
            await self._go_on(part, decision, await act(RECORD_PART, step, CaseAnswer, summary))
        self._look = True

    async def _go_on(self, part: CasePart, decision: Decision, answer: CaseAnswer) -> None:
        """What follows from an answer."""
        if part is CasePart.ANALYSIS:
            # Even when the step is over: the measure is to keep it from happening again.
            self._want(CasePart.MEASURE)
        elif part is CasePart.MEASURE and decision.outcome == FAILED:
            self._want_while_late(CasePart.DECISION)
        if answer.promised_at is not None:
            await self._move_promise(answer.promised_at)

    def _want_while_late(self, part: CasePart) -> None:
        """Once the step is over, nobody needs to save it any more."""
        if not self._progress.step_left:
            self._want(part)

    async def _move_promise(self, promised_at: datetime) -> None:
        order = workflow.get_external_workflow_handle(order_workflow_id(self._start.order_id))
        moved = PromiseMoved(case_id=self._start.case_id, promised_at=promised_at)
        try:
            await order.signal(contract.PROMISE_MOVED, moved)
        except ApplicationError:
            return  # the order has ended: nobody keeps a date for it any more

    async def _follow_window(self) -> None:
        """Looks whether a window that was opened a case for by hand is over.

        The order tells only cases of breached windows that their step is left.
        """
        look_at = self._start.window.due_at + LOOK_AFTER
        while not self._progress.step_left:
            seen = await self._seen(look_at)
            if seen is not None and seen.stopped:
                self._leave_step()
            if seen is None or seen.breached:
                break
            look_at = max(seen.due_at + LOOK_AFTER, workflow.now() + LOOK_EVERY)
        await workflow.wait_condition(lambda: False)

    async def _seen(self, look_at: datetime) -> WindowSeen | None:
        """How the window stands at `look_at` or after the next answer; none once it is over."""
        wait = max(look_at - workflow.now(), timedelta(seconds=1))
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._look or self._progress.step_left,
                timeout=wait,
                timeout_summary=f"look at {self._start.window.key}",
            )
        self._look = False
        if self._progress.step_left:
            return None
        look = WindowLook(
            order_id=self._start.order_id, window=self._start.window.key, now=workflow.now()
        )
        return await act(LOOK_AT_WINDOW, look, WindowSeen, "is the step over?")

    def _leave_step(self) -> None:
        self._progress.step_left = True
        # What is not open yet would come too late.
        late = ASKED_AT.values()
        self._progress.wanted = [part for part in self._progress.wanted if part not in late]

    def _show(self, otherwise: str = "waits until the step is done") -> None:
        workflow.set_current_details(case_details(self._start.window, self._progress, otherwise))

    @workflow.signal(name=contract.STEP_LEFT, description="The order has left the breached step")
    def step_left(self, left: StepLeft) -> None:
        """The case may be closed from now on."""
        self._leave_step()

    @workflow.signal(name=contract.ESCALATED, description="The breached window climbs the ladder")
    def escalated(self, climbed: CaseEscalated) -> None:
        """Asks for the analysis (E2) or the leadership's decision (E3), unless the step is over."""
        part = ASKED_AT.get(climbed.mark)
        if part is not None:
            self._want_while_late(part)
