"""What operations do to one order: try again, hold, release, skip a step. All is in the trail."""

from typing import Literal
from uuid import uuid4

from temporalio.api.workflowservice.v1 import (
    ResetActivityExecutionRequest,
    UnpauseActivityExecutionRequest,
    UnpauseWorkflowExecutionRequest,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.base import Record
from domain.errors import DuelineError, NothingRuns
from ops.repair.asking import query, update
from ops.repair.executions import Execution, FailingTask, PendingActivity, execution_of
from ops.repair.finding import FoundOrder
from ops.repair.site import Site
from store.audit import OpsAction
from store.operations import open_beside
from workflows.contract import (
    HOLD_ORDER,
    RELEASE_ORDER,
    SKIP_STEP,
    STANDING,
    Operated,
    OrderHold,
    OrderRelease,
    Standing,
    StepSkip,
)

CASES_MAX = 50
"""More open cases than this on one order are looked at one by one."""
IDENTITY = "dueline ops"


FAILING_ADVICE = (
    "Its own code fails. The engine tries it again by itself, ten minutes later at the latest; "
    "once a worker that mends it is deployed, `dueline ops recover` gets it going at once."
)


class Retried(Record):
    """What was pending in a workflow, and is tried at once; `failing` is not in our hands."""

    workflow_id: str
    activities: tuple[PendingActivity, ...]
    failing: FailingTask | None


class Retry(Record):
    """What became of `retry`: the workflows that were looked at, those with something pending."""

    order: FoundOrder
    workflows: tuple[Retried, ...]


class Release(Record):
    """What stood still and goes on; all empty when nothing did."""

    order: FoundOrder
    hold: bool = False
    workflow: bool = False
    activities: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """In one sentence."""
        parts = [
            *(["the hold is released"] if self.hold else []),
            *(["the workflow is no longer paused"] if self.workflow else []),
            *(f"activity {name} is no longer paused" for name in self.activities),
        ]
        return ", ".join(parts) or "nothing stood still"


class Held(Record):
    """An order that is on hold now."""

    order: FoundOrder
    because: str


class Skip(Record):
    """`asked`: a second key has to agree; `skipped`: it has."""

    order: FoundOrder
    step: str
    outcome: Literal["asked", "skipped"]


async def retry(site: Site, order: FoundOrder) -> Retry:
    """Every pending activity of the order, its cases and follow-ups is tried now, as a first one.

    A failing workflow task is only told: the engine tries it by itself, and what fails is code.
    Raises NothingRuns when neither the order nor a case or follow-up of it runs.
    """
    async with site.database.connect() as conn:
        ids = [order.workflow_id, *await open_beside(conn, order.id, CASES_MAX)]
    seen = [await execution_of(site.client, workflow_id) for workflow_id in ids]
    found = [execution for execution in seen if execution is not None and execution.is_open]
    if not found:
        raise NothingRuns(order.workflow_id, seen[0].status if seen[0] else None)
    retried = [await _retry_all(site, each) for each in found]
    done = Retry(order=order, workflows=tuple(retried))
    tried = [f"{a.type} (attempt {a.attempt})" for each in retried for a in each.activities]
    await site.note(
        OpsAction(
            action="retry",
            target=order.id,
            outcome=f"tried again: {', '.join(tried)}" if tried else "nothing was pending",
            detail=done.model_dump(mode="json", exclude={"order"}),
        )
    )
    return done


async def _retry_all(site: Site, found: Execution) -> Retried:
    for pending in found.activities:
        request = ResetActivityExecutionRequest(
            namespace=site.client.namespace,
            workflow_id=found.workflow_id,
            run_id=found.run_id,
            activity_id=pending.id,
            identity=IDENTITY,
            request_id=str(uuid4()),
        )
        try:
            await site.client.workflow_service.reset_activity_execution(request)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:  # it was done meanwhile
                raise
    return Retried(
        workflow_id=found.workflow_id, activities=found.activities, failing=found.failing
    )


async def hold(site: Site, order: FoundOrder, because: str, request_id: str | None = None) -> Held:
    """Nobody answers and no window of the order runs until it is released.

    Raises OnHold when it is held already, NotAllowed, InvalidField, NothingRuns and Unanswered.
    """
    request = request_id or str(uuid4())
    wished = OrderHold(because=because, roles=site.roles, by=site.by, request_id=request)
    try:
        await update(site, order.workflow_id, HOLD_ORDER, wished, request, Operated)
    except DuelineError as error:
        await _note_refused(site, "hold", order, because, error)
        raise
    await site.note(OpsAction(action="hold", target=order.id, reason=because, outcome="held"))
    return Held(order=order, because=because)


async def release(site: Site, order: FoundOrder, request_id: str | None = None) -> Release:
    """The order goes on: its hold, a paused workflow, paused activities. Nothing is no error.

    Raises NothingRuns and Unanswered.
    """
    request = request_id or str(uuid4())
    found = await _open_execution(site, order.workflow_id)
    released = Release(order=order)
    if found.status == "paused":
        await _unpause_workflow(site, found, request)
        released = released.model_copy(update={"workflow": True})
    paused = [activity for activity in found.activities if activity.paused]
    for activity in paused:
        await _unpause_activity(site, found, activity)
    released = released.model_copy(update={"activities": tuple(a.type for a in paused)})
    try:
        held = await _is_held(site, order)
        if held:
            wished = OrderRelease(roles=site.roles, by=site.by, request_id=request)
            await update(site, order.workflow_id, RELEASE_ORDER, wished, request, Operated)
    except DuelineError as error:
        await _note_refused(site, "release", order, "", error, released.words)
        raise
    released = released.model_copy(update={"hold": held})
    await site.note(OpsAction(action="release", target=order.id, outcome=released.words))
    return released


async def _is_held(site: Site, order: FoundOrder) -> bool:
    standing = await query(site, order.workflow_id, STANDING, Standing)
    return standing.hold is not None


async def _unpause_workflow(site: Site, found: Execution, request_id: str) -> None:
    await site.client.workflow_service.unpause_workflow_execution(
        UnpauseWorkflowExecutionRequest(
            namespace=site.client.namespace,
            workflow_id=found.workflow_id,
            run_id=found.run_id,
            identity=IDENTITY,
            reason=f"released by {site.by}",
            request_id=request_id,
        )
    )


async def _unpause_activity(site: Site, found: Execution, activity: PendingActivity) -> None:
    await site.client.workflow_service.unpause_activity_execution(
        UnpauseActivityExecutionRequest(
            namespace=site.client.namespace,
            workflow_id=found.workflow_id,
            run_id=found.run_id,
            activity_id=activity.id,
            identity=IDENTITY,
            reason=f"released by {site.by}",
            request_id=str(uuid4()),
        )
    )


async def skip_step(
    site: Site, order: FoundOrder, step: str, because: str, request_id: str | None = None
) -> Skip:
    """Asks to skip the step in which the order is, or agrees to what another key has asked.

    Raises NotAllowed, InvalidField, OnHold, NothingRuns and Unanswered.
    """
    request = request_id or str(uuid4())
    wished = StepSkip(step=step, because=because, roles=site.roles, by=site.by, request_id=request)
    detail = {"step": step}
    try:
        done = await update(site, order.workflow_id, SKIP_STEP, wished, request, Operated)
    except DuelineError as error:
        await _note_refused(site, "skip-step", order, because, error, detail=detail)
        raise
    outcome: Literal["asked", "skipped"] = "skipped" if done.outcome == "skipped" else "asked"
    await site.note(
        OpsAction(
            action="skip-step", target=order.id, reason=because, outcome=outcome, detail=detail
        )
    )
    return Skip(order=order, step=step, outcome=outcome)


async def _open_execution(site: Site, workflow_id: str) -> Execution:
    found = await execution_of(site.client, workflow_id)
    if found is None or not found.is_open:
        raise NothingRuns(workflow_id, found.status if found else None)
    return found


async def _note_refused(
    site: Site,
    action: str,
    order: FoundOrder,
    because: str,
    error: DuelineError,
    done: str = "",
    detail: dict[str, str] | None = None,
) -> None:
    outcome = f"refused: {error}" if not done else f"{done}; refused: {error}"
    await site.note(
        OpsAction(
            action=action, target=order.id, reason=because, outcome=outcome, detail=detail or {}
        )
    )
