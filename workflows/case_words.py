"""What the Web UI says of an overdue case, in words. No personal data."""

from collections.abc import Iterator

from activities.case_models import CasePart
from activities.models import OpenTask
from domain.windows import DueWindow
from workflows.state import CaseProgress
from workflows.words import clock_words


def case_details(late: DueWindow, progress: CaseProgress, otherwise: str) -> str:
    """The case's page in Markdown: whom it waits for and until when, or what it does else."""
    rows = [
        f"**Overdue case** of {late.rule} ({late.step}), due {clock_words(late.due_at)}",
        f"**Late step** {'done' if progress.step_left else 'still open'}",
        *(list(_tasks(progress)) or [f"**The case** {otherwise}"]),
    ]
    return "\n\n".join(rows)


def _tasks(progress: CaseProgress) -> Iterator[str]:
    due = {running.window.step: running.window.due_at for running in progress.windows}
    for task in progress.tasks:
        yield f"**Waiting for** {_who(task)}, due {clock_words(due[task.step])}"


def _who(task: OpenTask) -> str:
    return f"{task.role.words} to {CasePart(task.step).words}"
