"""Workers that die by SIGKILL in the middle of each kind of activity, once a kind.

`before_commit` dies when the transaction is about to commit: nothing of it may remain.
`after_commit` dies when it has committed and nobody knows: nothing of it may be repeated.
"""

import asyncio
import os
import signal
import sys
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event
from temporalio.common import RetryPolicy
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.workflow import ActivityHandle

import worker
from ops.stack.launch import die_with
from policy.calendars import SHIPPED, calendar
from store.engine import create_engine
from worker import connect

running: ContextVar[str] = ContextVar("running", default="")

GIVEN_UP_AFTER = timedelta(seconds=2)
"""The activity of a dead worker is given up then and tried again; it takes milliseconds."""

AT_ONCE = RetryPolicy(initial_interval=timedelta(milliseconds=200))
STICKY_TIMEOUT = timedelta(milliseconds=300)
"""Nobody waits long for the worker that has died: its successor is there already."""


class Deaths:
    """Remembers in a folder what this worker's ancestors have died of."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def die_once_of(self, name: str) -> None:
        """Kills this very process, unless one before it died of the same."""
        try:
            (self._folder / name).touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


class _Impatient(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> ActivityHandle[Any]:
        input.start_to_close_timeout, input.retry_policy = GIVEN_UP_AFTER, AT_ONCE
        return super().start_activity(input)


class _Hasty(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Impatient(outbound))


class Mortal(Interceptor):
    """Names the running activity, and dies after it when told so; waits short for the dead."""

    def __init__(self, deaths: Deaths, mode: str) -> None:
        self._deaths, self._mode = deaths, mode

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        deaths, mode = self._deaths, self._mode

        class Inbound(ActivityInboundInterceptor):
            async def execute_activity(self, input: ExecuteActivityInput) -> Any:
                from temporalio import activity

                name = activity.info().activity_type
                running.set(name)
                result = await super().execute_activity(input)
                if mode == "after_commit":
                    deaths.die_once_of(name)
                return result

        return Inbound(next)

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        return _Hasty


async def main(url: str, address: str, queue: str, folder: str, mode: str) -> None:
    """Works until it is killed."""
    deaths = Deaths(Path(folder))
    engine = create_engine(url)
    if mode == "before_commit":

        @event.listens_for(engine.sync_engine, "commit")
        def dies(_connection: object) -> None:
            if running.get():
                deaths.die_once_of(running.get())

    client = await connect(address, "default")
    skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
    mortal = worker.build_worker(
        skipper.client,
        engine,
        queue,
        interceptors=(Mortal(deaths, mode),),
        sticky_timeout=STICKY_TIMEOUT,
    )
    async with mortal:
        await asyncio.Event().wait()


def supervise(arguments: list[str]) -> None:
    """Lets one worker after the other live and die; each has imported and built what all need."""
    supervisor = os.getpid()
    for name in SHIPPED:
        calendar(name)
    while True:
        child = os.fork()
        if child == 0:
            die_with(supervisor, signal.SIGKILL)
            asyncio.run(main(*arguments))
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    supervise(sys.argv[1:])
