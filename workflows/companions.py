"""Coroutines that live as long as their workflow; one that breaks is not lost silently."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from temporalio import workflow


class Companions:
    """Runs coroutines beside the main one.

    An exception in a bare asyncio task is never seen: the order would go on without its due lines.
    Whoever waits in the main coroutine wakes up on `broken` and raises it there, which parks the
    workflow until the code is mended.
    """

    def __init__(self, *coroutines: Coroutine[Any, Any, None]) -> None:
        self._tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]

    @property
    def broken(self) -> bool:
        """True when one has ended, which none ever should."""
        return any(task.done() for task in self._tasks)

    def check(self) -> None:
        """Raises what one has broken with."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def until(self, met: Callable[[], bool]) -> None:
        """Waits in the main coroutine; raises when a companion breaks meanwhile."""
        await workflow.wait_condition(lambda: met() or self.broken)
        self.check()

    def end(self) -> None:
        """The main coroutine is over."""
        for task in self._tasks:
            task.cancel()
