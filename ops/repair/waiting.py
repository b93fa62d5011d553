"""Why an order does not move just now, as the engine sees it, in words that anybody understands."""

from datetime import datetime

from domain.base import Record
from ops.repair.executions import Execution, PendingActivity

_WORDS = {
    "open_step": "entering the next step",
    "close_order": "closing the order",
    "record_decision": "writing an answer down",
    "record_progress": "writing progress down",
    "record_marks": "recording what has become due",
    "adjust_windows": "counting the windows anew",
    "move_promise": "moving the promised date",
    "settle_change": "settling a change",
    "register_change": "taking up a change",
    "answer_change": "keeping an answer to a change",
    "note_hold": "writing a hold down",
}


class LastError(Record):
    """What fails, which attempt failed last, and when it is tried again."""

    what: str
    attempt: int
    since: datetime | None
    next_try_at: datetime | None


def last_error(execution: Execution) -> LastError | None:
    """The gravest of what fails: the workflow's own code, else the activity tried most often."""
    if execution.failing is not None:
        return LastError(
            what=f"the order's own code fails: {execution.failing.error}",
            attempt=execution.failing.attempt - 1,
            since=execution.failing.since,
            next_try_at=None,
        )
    failing = [activity for activity in execution.activities if activity.error is not None]
    if not failing:
        return None
    worst = max(failing, key=lambda activity: activity.attempt)
    return LastError(
        what=f"{activity_words(worst)} fails: {worst.error}",
        attempt=max(worst.attempt - 1, 1),
        since=worst.scheduled_at,
        next_try_at=worst.next_try_at,
    )


def activity_words(activity: PendingActivity) -> str:
    """What an activity does, as a reader says it."""
    return _WORDS.get(activity.type, activity.type.replace("_", " "))


def stands_still(execution: Execution) -> str | None:
    """Why the engine itself does not let the order go on; none when it does."""
    if execution.status == "paused":
        return "the workflow is paused in the engine"
    if paused := [activity_words(a) for a in execution.activities if a.paused]:
        return f"{' and '.join(paused)} is paused in the engine"
    if not execution.is_open:
        return f"the workflow has ended ({execution.status}) and the order's record is still open"
    return None
