"""Orders that a bad deploy has stopped: what is wrong with each, and the cure.

Nothing is cured twice: an order that is well is left alone, and a reset that was begun is brought
to its end first.
"""

import asyncio
from enum import StrEnum

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import (
    ResetActivityRequest,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.base import Record
from domain.errors import DuelineError
from domain.orders import OrderState
from ops.repair.finding import FoundOrder
from ops.repair.points import point_at
from ops.repair.replay import Recorded, Replayed, recorded
from ops.repair.resetting import (
    Begun,
    Say,
    finish_reset,
    reset_order,
    unfinished_reset,
)
from ops.repair.runs import SCHEDULED, TASK_ENDS, Run, describe, fetch_run
from ops.repair.site import Site
from store.audit import OpsAction
from store.standing import standing_of

RECOVER = "recover"
PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.3
RUNNING = {
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED,
}
ACTIVITY_FAILED = EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED
WORKFLOW_FAILED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED


class Trouble(StrEnum):
    """What is wrong with an order."""

    NOTHING = "nothing"
    HALF_RESET = "a reset was begun and not brought to its end"
    ENDED = "its workflow has ended and its record is open"
    DIVERGED = "another build has gone on where this code would not"
    PARKED = "its workflow task fails, and this code can go on"
    RETRYING = "an activity is tried again and again"
    CLOSED = "it is closed; there is nothing to recover"
    GONE = "the engine has no workflow of it"
    HOPELESS = "this code cannot go on with any part of its history"


CURABLE = {
    Trouble.HALF_RESET,
    Trouble.ENDED,
    Trouble.DIVERGED,
    Trouble.PARKED,
    Trouble.RETRYING,
}


class Finding(Record):
    """What is wrong with one order, and the event of its run that it would be taken back to."""

    order: FoundOrder
    trouble: Trouble
    why: str = ""
    run_id: str = ""
    event_id: int | None = None
    begun: Begun | None = None
    activities: tuple[str, ...] = ()

    @property
    def curable(self) -> bool:
        """Whether `cure` helps."""
        return self.trouble in CURABLE and (
            self.event_id is not None or self.begun is not None or bool(self.activities)
        )


class Looked(Record):
    """An order as it was found; `pending` are activities that have failed before."""

    order: FoundOrder
    state: OrderState
    run_id: str
    running: bool
    parked: bool
    pending: tuple[str, ...]
    why: str
    last_good: int | None
    begun: Begun | None


async def look_at(site: Site, order: FoundOrder) -> tuple[Looked, Recorded] | Finding:
    """An order with the history of its present run; a finding where that says everything."""
    async with site.database.connect() as conn:
        stands = await standing_of(conn, order.id)
    if stands.state is not OrderState.OPEN:
        return Finding(order=order, trouble=Trouble.CLOSED, why=f"it is {stands.state.value}")
    run = await fetch_run(site.client, order.workflow_id)
    if run is None:
        return Finding(
            order=order, trouble=Trouble.GONE, why="see `dueline ops reconcile` for what to do"
        )
    described = await describe(site.client, order.workflow_id)
    pending = [activity for activity in described.pending_activities if activity.attempt > 1]
    task = described.pending_workflow_task
    parked = described.HasField("pending_workflow_task") and task.attempt > 1
    looked = Looked(
        order=order,
        state=stands.state,
        run_id=run.run_id,
        running=described.workflow_execution_info.status in RUNNING,
        parked=parked,
        pending=tuple(activity.activity_id for activity in pending),
        why="; ".join(
            dict.fromkeys(f"{a.activity_type.name}: {a.last_failure.message}" for a in pending)
        ),
        last_good=_last_good(run),
        begun=await unfinished_reset(site, order),
    )
    return looked, recorded(run)


def judge(looked: Looked, replayed: Replayed) -> Finding:
    """What is wrong, by what the engine says and by how the history replays on this code."""
    trouble, event_id, why = Trouble.NOTHING, None, ""
    if looked.begun is not None:
        trouble = Trouble.HALF_RESET
    elif replayed.red:
        hopeless = replayed.good_until is None
        trouble = Trouble.HOPELESS if hopeless else Trouble.DIVERGED
        event_id, why = replayed.event, replayed.cause
    elif not looked.running:
        trouble, event_id = Trouble.ENDED, looked.last_good
    elif looked.parked:
        # Left alone it is tried again within ten minutes; a reset tries it at once.
        trouble, event_id = Trouble.PARKED, looked.last_good
    elif looked.pending:
        trouble, why = Trouble.RETRYING, looked.why
    return Finding(
        order=looked.order,
        trouble=trouble,
        why=why,
        run_id=looked.run_id,
        event_id=event_id,
        begun=looked.begun,
        activities=looked.pending,
    )


def _last_good(run: Run) -> int | None:
    """The end of the workflow task to do anew: the last, or the one whose activity failed for good.

    Doing only the last anew would find the same failure in the history.
    """
    asked = {
        event.event_id: event.activity_task_scheduled_event_attributes
        for event in run.events
        if event.event_type == SCHEDULED
    }
    last = None
    for event in run.events:
        if event.event_type == ACTIVITY_FAILED:
            scheduled = event.activity_task_failed_event_attributes.scheduled_event_id
            last = asked[scheduled].workflow_task_completed_event_id
        elif event.event_type in TASK_ENDS and not _closes(run, event.event_id):
            last = event.event_id
    return last


def _closes(run: Run, event_id: int) -> bool:
    """Whether the workflow task that ended here ended the workflow, too."""
    return run.events[-1].event_type == WORKFLOW_FAILED and (
        run.events[-1].workflow_execution_failed_event_attributes.workflow_task_completed_event_id
        == event_id
    )


async def cure(site: Site, finding: Finding, because: str, say: Say = lambda _: None) -> str:
    """Cures one order; what was done, in words. Raises DuelineError when it did not help."""
    done = await _cure(site, finding, because, say)
    await site.note(
        OpsAction(
            action=RECOVER,
            target=finding.order.id,
            reason=because,
            outcome=done,
            detail={"trouble": finding.trouble.name, "why": finding.why},
        )
    )
    return done


async def _cure(site: Site, finding: Finding, because: str, say: Say) -> str:
    order = finding.order
    if finding.begun is not None:
        result = await finish_reset(site, order, because, finding.begun, say)
        return f"went on with its reset: {result.again} messages applied again"
    if finding.event_id is not None:
        run = await fetch_run(site.client, order.workflow_id)
        if run is None or run.run_id != finding.run_id:
            raise DuelineError(f"{order.name} has moved meanwhile: give the command again.")
        point = point_at(run, finding.event_id)
        result = await reset_order(site, order, point, because, say)
        lost = f", {len(result.not_repeated)} could not be" if result.not_repeated else ""
        return f"taken back to event {finding.event_id}: {result.again} applied again{lost}"
    for activity in finding.activities:
        await _try_at_once(site, order, activity)
    await _went_well(site, order, say)
    return f"{len(finding.activities)} activities tried at once"


async def _went_well(site: Site, order: FoundOrder, say: Say) -> None:
    """Waits until no activity of the order fails any more. Raises DuelineError when one does."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while failing := [
                activity
                for activity in (await describe(site.client, order.workflow_id)).pending_activities
                if activity.HasField("last_failure")
            ]:
                say(f"{order.name}: {failing[0].activity_type.name}")
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise DuelineError(
            f"{order.name}: {failing[0].activity_type.name} still fails: "
            f"{failing[0].last_failure.message}"
        ) from None


async def _try_at_once(site: Site, order: FoundOrder, activity: str) -> None:
    try:
        await site.client.workflow_service.reset_activity(
            ResetActivityRequest(
                namespace=site.client.namespace,
                execution=WorkflowExecution(workflow_id=order.workflow_id),
                identity=site.by,
                id=activity,
            )
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise DuelineError(f"{order.name}: {error.message}") from error
