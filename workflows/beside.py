"""What overdue cases and follow-ups have in common: they live beside an order and outlive it."""

from datetime import timedelta

from temporalio import workflow

from activities.models import RECORD_MARKS, Decision, MarkDue, MarksRecord
from workflows import contract
from workflows.calls import TRANSACTION_TIMEOUT, note
from workflows.contract import CalendarPublished, Standing, TaskCompleted, TaskCompletion
from workflows.due_lines import DueLines, TellCase
from workflows.standing import task_standing
from workflows.state import TaskProgress
from workflows.task_desk import TaskDesk
from workflows.window_desk import WindowDesk


class Beside:
    """Its own tasks and windows, the door for people, and what operations and calendars say."""

    _progress: TaskProgress
    _waits: bool

    def _equip(
        self, order_id: str, progress: TaskProgress, tell_case: TellCase | None = None
    ) -> None:
        """What it works with; to be called before anything else."""
        self._order_id = order_id
        self._desk = TaskDesk(progress)
        self._due_lines = DueLines(progress.windows, self._record_marks, tell_case)
        self._windows = WindowDesk(order_id, progress, self._due_lines)
        self._waits = False

    @property
    def _written(self) -> bool:
        """Whether nothing of its windows is left to be written down."""
        return self._due_lines.idle and not self._windows.waiting

    def _quiet(self) -> bool:
        return self._written and workflow.all_handlers_finished()

    def _show(self) -> None:
        """Says in the Web UI where it stands."""
        raise NotImplementedError

    def _take(self, decision: Decision) -> None:
        self._progress.decisions.append(decision)

    def _marks_record(self, marks: tuple[MarkDue, ...]) -> tuple[MarksRecord, timedelta]:
        """What is recorded of marks that have fallen, and how long that may take."""
        record = MarksRecord(order_id=self._order_id, now=workflow.now(), marks=marks)
        return record, TRANSACTION_TIMEOUT

    async def _record_marks(self, marks: tuple[MarkDue, ...]) -> None:
        record, timeout = self._marks_record(marks)
        what = ", ".join(f"{mark.name} of {mark.window}" for mark in marks)
        await note(RECORD_MARKS, record, what, timeout)

    async def _keep_windows(self) -> None:
        """Has its own windows counted anew when a calendar changes."""
        while True:
            await workflow.wait_condition(lambda: self._windows.waiting)
            await self._windows.work_one()
            self._show()

    @workflow.update(name=contract.COMPLETE_TASK, description="A role answers its open task")
    async def complete_task(self, completion: TaskCompletion) -> TaskCompleted:
        """Takes an answer at once; never waits for anything."""
        decision = self._desk.take(completion)
        if decision is not None:
            self._take(decision)
        return self._desk.answered(completion)

    @complete_task.validator
    def check_completion(self, completion: TaskCompletion) -> None:
        """Refuses unknown, closed and stale tasks, wrong roles and unknown outcomes."""
        self._desk.check(completion, moving=self._due_lines.moving)
        self._check(completion)

    def _check(self, completion: TaskCompletion) -> None:
        """Refuses what only this kind of workflow refuses."""

    @workflow.query(name=contract.STANDING, description="All that the database says as well")
    def standing(self) -> Standing:
        """For a comparison with the database; `settled` once everything is written down."""
        return task_standing(self._progress, settled=self._written and self._waits)

    @workflow.signal(name=contract.CALENDAR_PUBLISHED, description="A calendar has a new version")
    def calendar_published(self, published: CalendarPublished) -> None:
        """Counts its windows anew; time used is kept."""
        self._windows.publish(published)

    @workflow.signal(name=contract.RENEW, description="It shall go on at its new version")
    def renew(self) -> None:
        """Wakes what operations have moved to another version; changes nothing else."""
