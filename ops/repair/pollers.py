"""Whether anybody works on the orders' task queue."""

from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from ops.repair.site import Site

POLLER_SILENT = timedelta(seconds=70)
"""A long poll lasts a minute: one that was seen within this still lives."""


async def has_pollers(site: Site) -> bool:
    """Whether a worker asks for workflow tasks. Raises RPCError."""
    answer = await site.client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=site.client.namespace,
            task_queue=TaskQueue(name=site.task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    seen_after = datetime.now(UTC) - POLLER_SILENT
    return any(
        poller.last_access_time.ToDatetime(tzinfo=UTC) > seen_after for poller in answer.pollers
    )
