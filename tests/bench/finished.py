"""Tells the driver when a workflow's activity has finished, so that it need not ask in vain."""

import asyncio
from collections import defaultdict
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

WAIT_SECONDS = 1.0


class Finished(Interceptor):
    """Counts finished activities by workflow id; the worker runs in the driver's process."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def wait(self, workflow_id: str) -> None:
        """Waits for the next activity to finish, at most a second."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._events[workflow_id].wait()
        except TimeoutError:
            return
        finally:
            self._events[workflow_id].clear()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        events = self._events

        class Inbound(ActivityInboundInterceptor):
            async def execute_activity(self, input: ExecuteActivityInput) -> Any:
                try:
                    return await super().execute_activity(input)
                finally:
                    workflow_id = activity.info().workflow_id
                    if workflow_id is not None:
                        events[workflow_id].set()

        return Inbound(next)
