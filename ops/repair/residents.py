"""Which open workflows a version holds, and what keeps each of them there."""

from collections.abc import AsyncIterator, Sequence

from temporalio.api.enums.v1 import PendingActivityState, WorkflowExecutionStatus
from temporalio.api.workflow.v1 import PendingActivityInfo, VersioningOverride
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DescribeWorkflowExecutionResponse,
)

from activities.follow_up_models import FOLLOW_UP_WORKFLOW
from activities.models import CASE_WORKFLOW
from domain.base import Record
from ops.repair.calls import CALL_TIMEOUT, OPEN, described, listed
from ops.repair.finding import order_named_by
from ops.repair.site import Site
from store.whereabouts import Whereabouts, whereabouts
from workflows.contract import ORDER_WORKFLOW

_OPEN_STATES = {
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED,
}
_PAUSED = {
    PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED,
    PendingActivityState.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED,
}
ERROR_LENGTH_MAX = 120
BREAKER = "breaker/"
"""How the rules of breakers begin; what they have paused says which."""


class Resident(Record):
    """An open workflow that a version holds; `type` is the workflow's."""

    workflow_id: str
    run_id: str
    type: str

    @property
    def is_order(self) -> bool:
        """Whether it can take the nudge to go on in a fresh run."""
        return self.type == ORDER_WORKFLOW

    @property
    def can_be_woken(self) -> bool:
        """Whether it understands the nudge at all."""
        return self.type in {ORDER_WORKFLOW, CASE_WORKFLOW, FOLLOW_UP_WORKFLOW}


class Pin(Record):
    """Where a workflow runs. `build` is none before its first task and without versions, `target`
    is where its next task goes, `activity` what it waits for in the engine, in words.
    """

    type: str
    run_id: str
    is_open: bool
    deployment: str | None
    build: str | None
    target: str | None
    failing: bool
    paused: bool
    activity: str | None


class Blocker(Record):
    """What keeps a workflow on its version, and what helps; `step` is where its order stands."""

    workflow_id: str
    order: str
    step: str | None
    why: str
    cure: str


def version_query(site: Site, deployment: str, build: str | None) -> str:
    """Finds the open workflows of this queue that a version holds; without a build the others."""
    which = (
        "TemporalWorkerDeploymentVersion IS NULL"
        if build is None
        else f"TemporalWorkerDeploymentVersion = '{deployment}:{build}'"
    )
    return f"TaskQueue = '{site.task_queue}' AND {OPEN} AND {which}"


async def count(site: Site, query: str) -> int:
    """How many workflows a query finds. Raises RPCError."""
    request = CountWorkflowExecutionsRequest(namespace=site.client.namespace, query=query)
    said = await site.client.workflow_service.count_workflow_executions(
        request, retry=True, timeout=CALL_TIMEOUT
    )
    return said.count


async def residents(site: Site, query: str) -> AsyncIterator[Resident]:
    """What a query finds, the newest first. Raises RPCError."""
    async for info in listed(site.client, query):
        run = info.execution
        yield Resident(workflow_id=run.workflow_id, run_id=run.run_id, type=info.type.name)


async def pin_of(site: Site, workflow_id: str) -> Pin | None:
    """Where the newest run of a workflow is; none when the engine has none. Raises RPCError."""
    said = await described(site.client, workflow_id)
    return None if said is None else _pin(said)


def _pin(said: DescribeWorkflowExecutionResponse) -> Pin:
    info = said.workflow_execution_info
    version = info.versioning_info.deployment_version
    pending = [activity for activity in said.pending_activities if _holds_up(activity)]
    return Pin(
        type=info.type.name,
        run_id=info.execution.run_id,
        is_open=info.status in _OPEN_STATES,
        deployment=version.deployment_name or None,
        build=version.build_id or None,
        target=_target(said),
        failing=said.pending_workflow_task.attempt > 1,
        paused=info.status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED,
        activity=_words(pending[0]) if pending else None,
    )


def _target(said: DescribeWorkflowExecutionResponse) -> str | None:
    versioning = said.workflow_execution_info.versioning_info
    override = _overridden(versioning.versioning_override)
    return override or versioning.version_transition.deployment_version.build_id or None


def _overridden(override: VersioningOverride) -> str | None:
    return (
        override.one_time.target_deployment_version.build_id
        or override.pinned.version.build_id
        or None
    )


def _holds_up(activity: PendingActivityInfo) -> bool:
    return activity.attempt > 1 or activity.paused or activity.state in _PAUSED


def _words(activity: PendingActivityInfo) -> str:
    name = activity.activity_type.name
    if activity.pause_info.rule.rule_id.startswith(BREAKER):
        return f"{name} is stopped by its breaker: {activity.pause_info.rule.reason}"
    if activity.paused or activity.state in _PAUSED:
        return f"{name} is paused"
    error = " ".join(activity.last_failure.message.split())[:ERROR_LENGTH_MAX]
    return f"{name} is tried again (attempt {activity.attempt}: {error})"


async def blockers(
    site: Site, deployment: str, build: str, *, served: bool, limit: int
) -> list[Blocker]:
    """Open workflows that a version holds, at most `limit`, each with what helps. RPCError."""
    found: list[Resident] = []
    async for resident in residents(site, version_query(site, deployment, build)):
        found.append(resident)
        if len(found) == limit:
            break
    return await explained(site, found, build, served=served)


async def explained(
    site: Site, found: Sequence[Resident], build: str, *, served: bool
) -> list[Blocker]:
    """Why each of these is still on `build`; what has left it meanwhile is left out."""
    ids = [order_named_by(resident.workflow_id) for resident in found]
    async with site.database.connect() as conn:
        known = await whereabouts(conn, ids)
    said = []
    for resident, order_id in zip(found, ids, strict=True):
        pin = await pin_of(site, resident.workflow_id)
        if pin is None or not pin.is_open or pin.build != build:
            continue
        said.append(_blocker(resident, pin, known.get(order_id), build, served))
    return said


def _blocker(
    resident: Resident, pin: Pin, standing: Whereabouts | None, build: str, served: bool
) -> Blocker:
    name = resident.workflow_id
    order = order_named_by(name)
    move = f"dueline ops versions move {name}"
    why, cure = "waits, and can be nudged", f"dueline ops drain {build}"
    if not resident.is_order:
        why, cure = f"{resident.type} takes no nudge", move
    if standing is not None and standing.held_at is not None:
        why = "is on hold, and can be nudged all the same" if resident.is_order else why
    if pin.activity is not None:
        why, cure = pin.activity, f"dueline ops retry {order}"
        if "its breaker" in why:
            cure = f"dueline ops breaker close {why.split()[0]}"
    if pin.paused:
        why, cure = "the workflow is paused", f"dueline ops release {order}"
    if not served:
        why, cure = f"no worker serves {build}", move
    if pin.failing:
        why, cure = f"its workflow task fails on {pin.target or build}", move
    elif pin.target is not None and pin.target != build:
        why, cure = f"is on its way to {pin.target}", "it moves with its next task"
    return Blocker(
        workflow_id=name,
        order=(standing.number if standing else None) or order,
        step=standing.step if standing else None,
        why=why,
        cure=cure,
    )
