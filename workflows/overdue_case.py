"""An overdue case: why was the window missed, and who closes the matter (catalogue 4)."""

from temporalio import workflow

from activities.models import (
    CASE_WORKFLOW,
    CLOSE_CASE,
    OPEN_CASE,
    OPEN_CLOSING,
    RECORD_CAUSE,
    RECORD_MARKS,
    CaseOpening,
    CaseStart,
    CaseStep,
    Decision,
    Entered,
    MarkDue,
    MarksRecord,
)
from workflows import contract
from workflows.calls import act, note
from workflows.companions import Companions
from workflows.contract import StepLeft, TaskCompleted, TaskCompletion
from workflows.due_lines import DueLines
from workflows.state import CaseProgress
from workflows.task_desk import TaskDesk
from workflows.words import clock_words


@workflow.defn(name=CASE_WORKFLOW)
class OverdueCaseWorkflow:
    """Runs beside the order and outlives it; its own windows are marked, and open no new case."""

    @workflow.init
    def __init__(self, start: CaseStart) -> None:
        self._start = start
        self._progress = CaseProgress()
        self._desk = TaskDesk(self._progress)
        self._due_lines = DueLines(self._progress.windows, self._record_marks)

    @workflow.run
    async def run(self, start: CaseStart) -> None:
        """Asks for the cause, waits until the step is over, asks to close."""
        self._companions = Companions(self._due_lines.watch())
        cause = await self._ask(OPEN_CASE, "state the cause")
        await note(RECORD_CAUSE, self._step(cause), f"cause: {cause.outcome}")
        self._say("waits until the step is done")
        await self._companions.until(lambda: self._progress.step_left)
        closing = await self._ask(OPEN_CLOSING, "close the case")
        await note(CLOSE_CASE, self._step(closing), "case closed")
        self._say("is closed")
        await self._companions.until(
            lambda: self._due_lines.idle and workflow.all_handlers_finished()
        )
        self._companions.end()

    async def _ask(self, name: str, what: str) -> Decision:
        """Opens a task with its window and waits for the answer."""
        opening = CaseOpening(
            order_id=self._start.order_id,
            case_id=self._start.case_id,
            window=self._start.window.key,
            role=self._start.window.role,
            now=max(workflow.now(), self._start.opened_at),
        )
        with self._due_lines.move():
            opened = await act(name, opening, Entered, what)
        self._progress.tasks.extend(opened.tasks)
        self._due_lines.open(opened.windows)
        due = clock_words(opened.windows[0].due_at)
        role = opened.tasks[0].role.words
        self._say(f"waits for {role} to {what}, due {due}")
        await self._companions.until(lambda: bool(self._progress.decisions))
        decision = self._progress.decisions.pop()
        self._due_lines.stop_all(decision.at)
        return decision

    def _step(self, decision: Decision) -> CaseStep:
        return CaseStep(
            order_id=self._start.order_id,
            case_id=self._start.case_id,
            now=decision.at,
            decision=decision,
        )

    def _say(self, what: str) -> None:
        window = self._start.window
        workflow.set_current_details(
            f"**Overdue case** of {window.rule} ({window.step}), due "
            f"{clock_words(window.due_at)}\n\n**The case** {what}"
        )

    async def _record_marks(self, marks: tuple[MarkDue, ...]) -> None:
        record = MarksRecord(order_id=self._start.order_id, now=workflow.now(), marks=marks)
        await note(RECORD_MARKS, record, ", ".join(f"{m.mark.value} of {m.window}" for m in marks))

    @workflow.update(name=contract.COMPLETE_TASK, description="A role answers the case's task")
    async def complete_task(self, completion: TaskCompletion) -> TaskCompleted:
        """Takes an answer at once; never waits for anything."""
        decision = self._desk.take(completion)
        if decision is not None:
            self._progress.decisions.append(decision)
        return self._desk.answered(completion)

    @complete_task.validator
    def check_completion(self, completion: TaskCompletion) -> None:
        """Refuses unknown, closed and stale tasks, wrong roles and unknown outcomes."""
        self._desk.check(completion, moving=self._due_lines.moving)

    @workflow.signal(name=contract.STEP_LEFT, description="The order has left the breached step")
    def step_left(self, left: StepLeft) -> None:
        """The case may be closed from now on."""
        self._progress.step_left = True
