"""Works on many things, a few at a time and no faster than asked."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 8


@dataclass
class Pace:
    """At most `at_once` at a time, `per_second` begun in a second: the engine has other work."""

    per_second: float = 50.0
    at_once: int = AT_ONCE
    _next_at: float = field(default=0.0, init=False)

    async def each(
        self, items: Sequence[Item], work: Callable[[Item], Awaitable[Result]]
    ) -> AsyncIterator[Result]:
        """The results as they come; the first error ends it."""
        waiting: set[asyncio.Task[Result]] = set()
        try:
            for item in items:
                await self._turn()
                waiting.add(asyncio.ensure_future(_run(work, item)))
                if len(waiting) >= self.at_once:
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        yield task.result()
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
        finally:
            for task in waiting:
                task.cancel()

    async def _turn(self) -> None:
        now = time.monotonic()
        begins_at = max(now, self._next_at)
        self._next_at = begins_at + 1 / self.per_second
        await asyncio.sleep(begins_at - now)


async def _run(work: Callable[[Item], Awaitable[Result]], item: Item) -> Result:
    return await work(item)
