"""How an order is started: the same from the API, the demo and the tests."""

from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from workflows.contract import ORDER_WORKFLOW, OrderStart, order_workflow_id
from workflows.showing import at_start


async def start_order(
    client: Client, task_queue: str, start: OrderStart
) -> WorkflowHandle[Any, Any]:
    """Starts the order's workflow once; a repeated start, even after the end, changes nothing.

    Raises RPCError when the engine cannot be reached.
    """
    workflow_id = order_workflow_id(start.order_id)
    try:
        return await client.start_workflow(
            ORDER_WORKFLOW,
            start,
            id=workflow_id,
            task_queue=task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=at_start(start),
            static_summary=f"{start.profile.id} order of {start.customer}",
            static_details=f"{start.profile.title} ({start.profile.title_zh})",
        )
    except WorkflowAlreadyStartedError:
        return client.get_workflow_handle(workflow_id)
