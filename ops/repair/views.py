"""Saved views of the Web UI: one list for the command line, the API's page and the runbook."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations

from activities.follow_up_models import FOLLOW_UP_WORKFLOW
from domain.base import Record
from domain.roles import Role
from ops.repair.executions import execution_of, open_workflow_ids
from ops.repair.pacing import Pace
from ops.repair.site import Site
from policy.model import Profile
from policy.steps import ReviewStep
from workflows import search
from workflows.contract import ORDER_WORKFLOW

RUNNING = f'WorkflowType = "{ORDER_WORKFLOW}" AND ExecutionStatus = "Running"'
FOLLOW_UPS = f'WorkflowType = "{FOLLOW_UP_WORKFLOW}" AND ExecutionStatus = "Running"'
CASES = 'WorkflowType = "OverdueCaseWorkflow" AND ExecutionStatus = "Running"'
NO_PROGRESS_HOURS = (24, 72)
SCANNED_MAX = 500
"""Looking at one workflow costs a call; more of them are the business of `dueline ops stuck`."""
NAMED_MAX = 40
"""So many ids fit into a link."""


class View(Record):
    """A view: its name, what it shows, and the query of the Web UI's list.

    `query` is none where nothing in the engine's lists marks what is wanted.
    """

    name: str
    title: str
    sentence: str
    query: str | None


class Retrying(Record):
    """Workflows with an activity that fails and is tried again, out of those looked at."""

    workflow_ids: tuple[str, ...]
    looked_at: int
    is_complete: bool

    @property
    def query(self) -> str | None:
        """The Web UI's list of them."""
        if not self.workflow_ids:
            return None
        names = ", ".join(f'"{name}"' for name in self.workflow_ids[:NAMED_MAX])
        return f"WorkflowId IN ({names})"


def views(now: datetime, profiles: Iterable[Profile]) -> tuple[View, ...]:
    """All views, as of `now`: a query cannot say `a day ago`."""
    known = sorted(profiles, key=lambda profile: profile.id)
    return (*_late(), *_waiting(now, known), *_operated(), *_open(known))


def _late() -> Iterator[View]:
    yield View(
        name="late",
        title="Overdue",
        sentence="Orders with a window that is overdue now.",
        query=f'{RUNNING} AND {search.SLACK.name} = "breached"',
    )
    yield View(
        name="failing-tasks",
        title="Failing workflow tasks",
        sentence="Orders and cases whose own code fails: they stand still until it is mended.",
        query='ExecutionStatus = "Running" AND TemporalReportedProblems IS NOT NULL',
    )
    yield View(
        name="retrying",
        title="Retrying activities",
        sentence="The engine marks none of them in its lists; `dueline ops stuck` and "
        "`dueline ops views --scan` look at the workflows themselves.",
        query=None,
    )


def _waiting(now: datetime, profiles: list[Profile]) -> Iterator[View]:
    values = ", ".join(f'"{value}"' for value in waiting_values(profiles, Role.FINANCE))
    yield View(
        name="waiting-for-finance",
        title="Waiting for finance",
        sentence="Orders that wait for an answer of finance, alone or with others.",
        query=f"{RUNNING} AND {search.WAITING_ROLE.name} IN ({values})",
    )
    for hours in NO_PROGRESS_HOURS:
        since = (now - timedelta(hours=hours)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield View(
            name=f"no-progress-{hours}h",
            title=f"No progress for {hours} hours",
            sentence=f"Orders that came to their step more than {hours} hours ago.",
            query=f'{RUNNING} AND {search.SINCE.name} < "{since}"',
        )


def _operated() -> Iterator[View]:
    yield View(
        name="on-hold",
        title="On hold",
        sentence="Orders that operations hold: nobody answers, and no window of them runs.",
        query=f"{RUNNING} AND {search.HELD.name} = true",
    )
    yield View(
        name="paused",
        title="Paused in the engine",
        sentence="Workflows that somebody has paused; their windows run on, so release them.",
        query='ExecutionStatus = "Paused"',
    )
    yield View(
        name="overdue-cases",
        title="Overdue cases",
        sentence="Overdue cases that are not closed yet.",
        query=CASES,
    )
    yield View(
        name="follow-ups",
        title="Follow-ups",
        sentence="Surveys, complaints, service, returns, refunds and payments that are not closed.",
        query=FOLLOW_UPS,
    )


def _open(profiles: list[Profile]) -> Iterator[View]:
    for profile in profiles:
        yield View(
            name=f"open-{profile.id}",
            title=f"Open orders of {profile.id}",
            sentence=f"All open orders under {profile.title}.",
            query=f'{RUNNING} AND {search.PROFILE.name} = "{profile.id}"',
        )


def waiting_values(profiles: Iterable[Profile], role: Role) -> list[str]:
    """Every value that orders waiting for this role can show: reviewers stand in their order."""
    found = {role.value}
    for profile in profiles:
        for step in profile.steps:
            if isinstance(step, ReviewStep) and role in step.reviewers:
                for count in range(1, len(step.reviewers) + 1):
                    found |= {
                        ",".join(chosen)
                        for chosen in combinations(step.reviewers, count)
                        if role in chosen
                    }
    return sorted(found)


async def count(site: Site, view: View) -> int | None:
    """How many the view shows now; none where it has no query. Raises RPCError."""
    if view.query is None:
        return None
    return (await site.client.count_workflows(view.query)).count


async def retrying(site: Site, pace: Pace) -> Retrying:
    """Looks at open orders themselves, the newest `SCANNED_MAX` of them. Raises RPCError."""
    ids: list[str] = []
    is_complete = True
    async for workflow_id in open_workflow_ids(site.client, site.task_queue, ORDER_WORKFLOW):
        if len(ids) == SCANNED_MAX:
            is_complete = False
            break
        ids.append(workflow_id)
    found = []
    async for execution in pace.each(ids, lambda id: execution_of(site.client, id)):
        if execution is not None and any(a.error is not None for a in execution.activities):
            found.append(execution.workflow_id)
    return Retrying(workflow_ids=tuple(sorted(found)), looked_at=len(ids), is_complete=is_complete)
