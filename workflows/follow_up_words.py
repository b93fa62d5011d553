"""What the Web UI says of a follow-up, in words. No personal data."""

from activities.follow_up_models import FollowUpStart
from workflows.state import FollowUpProgress
from workflows.words import clock_words, due_words


def follow_up_details(start: FollowUpStart, progress: FollowUpProgress) -> str:
    """Its page in Markdown: for whom it waits and until when, what comes next, or that it ended."""
    rows = [
        f"**{start.kind.title}** ({start.kind.title_zh}) since {clock_words(start.requested_at)}"
    ]
    if progress.blocked:
        rows.append(f"**Blocked** {progress.blocked}")
    for task in progress.tasks:
        rows.append(f"**Waiting for** {task.role.words}: {start.kind.step(task.step).title}")
        leads = start.kind.step(task.step).outcomes
        answers = ", ".join(f"{answer} leads to {target}" for answer, target in leads.items())
        rows.append(f"**To do** {task.role.words}: answer task `{task.id}`; {answers}")
    if not progress.tasks:
        rows.append("**It** is closed" if progress.current is None else "**It** moves on")
    rows += [due_words(running) for running in progress.windows if running.stopped_at is None]
    return "\n\n".join(rows)
