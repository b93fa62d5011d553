"""How a publication is started: once for each version of a calendar."""

from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from workflows.contract import PUBLICATION_WORKFLOW, CalendarPublished, publication_workflow_id


async def start_publication(
    client: Client, task_queue: str, published: CalendarPublished
) -> WorkflowHandle[Any, Any]:
    """Starts telling the open windows; a repeated start, even after the end, changes nothing.

    Raises RPCError when the engine cannot be reached.
    """
    workflow_id = publication_workflow_id(published)
    try:
        return await client.start_workflow(
            PUBLICATION_WORKFLOW,
            published,
            id=workflow_id,
            task_queue=task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"{published.label} reaches the open windows",
        )
    except WorkflowAlreadyStartedError:
        return client.get_workflow_handle(workflow_id)
