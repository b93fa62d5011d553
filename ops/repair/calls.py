"""Calls to the engine by its own protocol: the SDK's describe and list know no paused workflow."""

from collections.abc import AsyncIterator
from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    ListWorkflowExecutionsRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

CALL_TIMEOUT = timedelta(seconds=10)
PAGE_SIZE = 1000
OPEN = 'ExecutionStatus IN ("Running", "Paused")'
"""In a query: what has not ended."""


async def described(
    client: Client, workflow_id: str, run_id: str = ""
) -> DescribeWorkflowExecutionResponse | None:
    """A run, by default the newest; none when the engine does not know it. Raises RPCError."""
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
    )
    try:
        return await client.workflow_service.describe_workflow_execution(
            request, retry=True, timeout=CALL_TIMEOUT
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def listed(
    client: Client, query: str, limit: int | None = None
) -> AsyncIterator[WorkflowExecutionInfo]:
    """What a query finds, a moment late, page by page. Raises RPCError."""
    found, token = 0, b""
    while limit is None or found < limit:
        left = PAGE_SIZE if limit is None else min(PAGE_SIZE, limit - found)
        request = ListWorkflowExecutionsRequest(
            namespace=client.namespace, query=query, page_size=left, next_page_token=token
        )
        page = await client.workflow_service.list_workflow_executions(
            request, retry=True, timeout=CALL_TIMEOUT
        )
        for info in page.executions:
            found += 1
            yield info
        token = page.next_page_token
        if not token:
            return
