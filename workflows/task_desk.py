"""The one door for people: answers are checked before they enter history, and taken once."""

from datetime import datetime

from temporalio.exceptions import ApplicationError

from activities.models import Decision, OpenTask
from domain import answers
from domain.dispatch import IN_PARTS, fault_of_shipment
from workflows.contract import STILL_MOVING, TaskCompleted, TaskCompletion
from workflows.repeating import now_of
from workflows.state import ANSWERS_KEPT, TaskProgress
from workflows.words import zone_of

NOTE_LENGTH_MAX = 2_000


class TaskDesk:
    """Open tasks and their answers; shared by orders and overdue cases."""

    def __init__(self, progress: TaskProgress) -> None:
        self._progress = progress

    def check(self, completion: TaskCompletion, *, moving: bool) -> None:
        """Refuses what may not be answered; nothing of it enters history.

        Raises ApplicationError of type TaskNotOpen, NotAllowed or InvalidField, whose first
        detail is the field; of type StillMoving when the task may be about to open.
        """
        if completion.request_id in self._progress.answers:
            return
        task = self.task(completion.task_id)
        if task is None and moving:
            raise _refusal(STILL_MOVING, "task_id", "the order is between two steps; try again")
        if task is None:
            raise _refusal("TaskNotOpen", "task_id", f"task {completion.task_id} is not open")
        if task.role not in completion.roles:
            raise _refusal("NotAllowed", "roles", f"the task waits for {task.role.words}")
        if completion.outcome not in task.outcomes:
            known = ", ".join(task.outcomes)
            raise _refusal("InvalidField", "outcome", f"should be one of: {known}")
        for field in answers.needed(task.requires, completion.outcome):
            text, path = completion.data.get(field, ""), f"data.{field}"
            if field == answers.NOTE:
                text, path = completion.note or "", field
            if not text.strip():
                raise _refusal("InvalidField", path, "is required to complete this task; add it")
        self._check_data(task, completion)
        if completion.note is not None and len(completion.note) > NOTE_LENGTH_MAX:
            raise _refusal("InvalidField", "note", f"at most {NOTE_LENGTH_MAX} characters")

    def _check_data(self, task: OpenTask, completion: TaskCompletion) -> None:
        for field, text in completion.data.items():
            if text.strip() and (wrong := answers.fault(field, text, self._local_now)):
                raise _refusal("InvalidField", f"data.{field}", wrong)
        if completion.outcome in IN_PARTS and task.waiting is not None:
            said = completion.data.get("quantities", "")
            if wrong := fault_of_shipment(said, completion.outcome, task.waiting):
                raise _refusal("InvalidField", "data.quantities", wrong)

    def take(self, completion: TaskCompletion) -> Decision | None:
        """Takes the answer; none when the same request came before."""
        task = self.task(completion.task_id)
        if completion.request_id in self._progress.answers or task is None:
            return None
        given = self._progress.answers
        given[completion.request_id] = completion.outcome
        while len(given) > ANSWERS_KEPT:
            del given[next(iter(given))]
        self._progress.tasks.remove(task)
        return Decision(
            task_id=task.id,
            role=task.role,
            outcome=completion.outcome,
            by=completion.by,
            at=now_of(self._progress),
            note=completion.note,
            data=completion.data,
        )

    def answered(self, completion: TaskCompletion) -> TaskCompleted:
        """What was answered under this request id."""
        outcome = self._progress.answers.get(completion.request_id, completion.outcome)
        return TaskCompleted(task_id=completion.task_id, outcome=outcome)

    @property
    def _local_now(self) -> datetime:
        """The time of the zone in which the open windows are due; UTC without any."""
        return now_of(self._progress).astimezone(zone_of(self._progress))

    def task(self, task_id: str) -> OpenTask | None:
        """The open task with this id."""
        return next((task for task in self._progress.tasks if task.id == task_id), None)


def _refusal(kind: str, field: str, message: str) -> ApplicationError:
    return ApplicationError(message, field, type=kind, non_retryable=True)
