"""How a person's answer is given: the same from the API, the demo and the tests."""

import asyncio
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from workflows.contract import COMPLETE_TASK, STILL_MOVING, TaskCompleted, TaskCompletion

RETRY_SECONDS = 0.05


async def complete_task(
    handle: WorkflowHandle[Any, Any], completion: TaskCompletion
) -> TaskCompleted:
    """Answers a task; waits while the workflow is on its way to the step that asks.

    An inbox shows a task as soon as its transaction has committed, some milliseconds before the
    workflow hears of it. The caller bounds the wait. Raises WorkflowUpdateFailedError, RPCError.
    """
    while True:
        try:
            taken: TaskCompleted = await handle.execute_update(
                COMPLETE_TASK, completion, id=completion.request_id, result_type=TaskCompleted
            )
            return taken
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            if not isinstance(cause, ApplicationError) or cause.type != STILL_MOVING:
                raise
            await asyncio.sleep(RETRY_SECONDS)
