"""Asks the engine about workflows: what each one waits for, as the server sees it.

Raw calls, because the SDK's own description knows no paused workflow.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingWorkflowTaskState, VersioningBehavior
from temporalio.api.enums.v1 import WorkflowExecutionStatus as Status
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryReverseRequest,
)
from temporalio.service import RPCError

from ops.repair.calls import CALL_TIMEOUT, OPEN, described, listed
from ops.repair.serving import Served, instant, version_of
from ops.repair.site import Site

CALLS_AT_ONCE = 32
"""Enough to keep the engine busy, too few to keep it from its work."""
PING_TIMEOUT = timedelta(seconds=2)

Wanted = TypeVar("Wanted")
Got = TypeVar("Got")
Progress = Callable[[int, int], None]
"""Is told how many of how many have been looked at."""

_OPEN = (Status.WORKFLOW_EXECUTION_STATUS_RUNNING, Status.WORKFLOW_EXECUTION_STATUS_PAUSED)


@dataclass(frozen=True)
class Look:
    """A workflow as the engine describes it."""

    said: DescribeWorkflowExecutionResponse

    @property
    def workflow_id(self) -> str:
        return self.said.workflow_execution_info.execution.workflow_id

    @property
    def run_id(self) -> str:
        return self.said.workflow_execution_info.execution.run_id

    @property
    def workflow_type(self) -> str:
        return self.said.workflow_execution_info.type.name

    @property
    def status(self) -> str:
        """In words: `running`, `paused`, `terminated`, `timed out`."""
        name = Status.Name(self.said.workflow_execution_info.status)
        return name.removeprefix("WORKFLOW_EXECUTION_STATUS_").replace("_", " ").lower()

    @property
    def is_open(self) -> bool:
        return self.said.workflow_execution_info.status in _OPEN

    @property
    def is_paused(self) -> bool:
        """Whether the workflow as a whole is paused, which is no hold."""
        status = self.said.workflow_execution_info.status
        return status == Status.WORKFLOW_EXECUTION_STATUS_PAUSED

    @property
    def queue(self) -> str:
        return self.said.workflow_execution_info.task_queue

    @property
    def started_at(self) -> datetime:
        return instant(self.said.workflow_execution_info.start_time)

    @property
    def closed_at(self) -> datetime:
        return instant(self.said.workflow_execution_info.close_time)

    @property
    def activities(self) -> list[PendingActivityInfo]:
        """What has been asked of workers and is not done."""
        return list(self.said.pending_activities)

    @property
    def task_attempt(self) -> int:
        """Which attempt the workflow task is that is due; 0 for none."""
        if not self.said.HasField("pending_workflow_task"):
            return 0
        return self.said.pending_workflow_task.attempt

    @property
    def task_since(self) -> datetime | None:
        """Since when a workflow task waits for a worker; none when none does."""
        task = self.said.pending_workflow_task
        waits = task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED
        return instant(task.original_scheduled_time) if waits else None

    @property
    def is_quiet(self) -> bool:
        """True when it waits for people and instants alone."""
        return self.is_open and not self.task_attempt and not self.activities

    @property
    def pinned_to(self) -> Served:
        """The version that its next task needs; none when that is whichever is current."""
        info = self.said.workflow_execution_info.versioning_info
        override = info.versioning_override
        for said in (override.one_time.target_deployment_version, override.pinned.version):
            if said.deployment_name:
                return version_of(said)
        pinned = info.behavior == VersioningBehavior.VERSIONING_BEHAVIOR_PINNED
        return version_of(info.deployment_version) if pinned else None

    def attribute(self, name: str) -> object:
        """The value of a search attribute; none when it is not set. Instants stay texts."""
        fields = self.said.workflow_execution_info.search_attributes.indexed_fields
        if name not in fields or not fields[name].data:
            return None
        found: object = json.loads(fields[name].data)
        return found


async def engine_answers(site: Site) -> bool:
    """Whether the engine gives a sign of life."""
    try:
        await site.client.service_client.check_health(timeout=PING_TIMEOUT)
    except (RPCError, RuntimeError, OSError):
        return False
    return True


async def look_at(
    site: Site, workflow_ids: Iterable[str], progress: Progress | None = None
) -> dict[str, Look | None]:
    """Describes the newest run of each workflow, none where there is none.

    Raises RPCError when the engine stops answering.
    """
    wanted = list(dict.fromkeys(workflow_ids))
    found: dict[str, Look | None] = {}

    async def look(workflow_id: str) -> None:
        found[workflow_id] = await describe(site, workflow_id)
        if progress is not None:
            progress(len(found), len(wanted))

    await side_by_side(look, wanted)
    return found


async def side_by_side(
    do: Callable[[Wanted], Awaitable[Got]], wanted: Iterable[Wanted]
) -> list[Got]:
    """Does it to each, some at a time; what came of it, in no order. Raises what one has raised."""
    waiting = iter(wanted)
    got: list[Got] = []

    async def work() -> None:
        for one in waiting:
            got.append(await do(one))

    async with asyncio.TaskGroup() as group:
        for _ in range(CALLS_AT_ONCE):
            group.create_task(work())
    return got


async def describe(site: Site, workflow_id: str, run_id: str = "") -> Look | None:
    """One workflow; none when the engine does not know it. Raises RPCError."""
    said = await described(site.client, workflow_id, run_id)
    if said is None:
        return None
    # A hundred thousand of them stay in memory until all are there.
    said.ClearField("execution_config")
    said.workflow_execution_info.ClearField("auto_reset_points")
    said.workflow_execution_info.ClearField("memo")
    return Look(said)


async def tail(site: Site, look: Look, events: int) -> list[HistoryEvent]:
    """The last events of a history, the newest first. Raises RPCError."""
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=site.client.namespace,
        execution=WorkflowExecution(workflow_id=look.workflow_id, run_id=look.run_id),
        maximum_page_size=events,
    )
    said = await site.client.workflow_service.get_workflow_execution_history_reverse(
        request, retry=True, timeout=CALL_TIMEOUT
    )
    return list(said.history.events)


async def open_workflows(site: Site, types: Collection[str]) -> AsyncIterator[str]:
    """Ids of the open workflows of these types on the site's queue, as lists show them."""
    names = ", ".join(f'"{name}"' for name in types)
    query = f'TaskQueue = "{site.task_queue}" AND WorkflowType IN ({names}) AND {OPEN}'
    async for info in listed(site.client, query):
        yield info.execution.workflow_id
