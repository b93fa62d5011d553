"""What goes on beside the workers: rounds that are done again and again until told to stop."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import structlog

One = TypeVar("One")

POLL_SECONDS = 1.0

_log = structlog.get_logger("dueline.rounds")


async def keep_going(
    work: Callable[[], Awaitable[int]],
    name: str,
    stop: asyncio.Event | None = None,
    poll_seconds: float = POLL_SECONDS,
) -> None:
    """Does rounds until `stop` is set; an engine or a database that is away only delays them."""
    stop = stop or asyncio.Event()
    while not stop.is_set():
        try:
            await work()
        except Exception as error:  # it outlives its database and its engine
            _log.warning("rounds.wait", of=name, error=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), poll_seconds)


async def each(all_: Iterable[One], work: Callable[[One], Awaitable[int]]) -> int:
    """Works one after another, also behind one that fails; returns the sum.

    Raises the first failure once all were tried.
    """
    failed: Exception | None = None
    done = 0
    for one in all_:
        try:
            done += await work(one)
        except Exception as error:  # it holds up no other
            failed = failed or error
    if failed is not None:
        raise failed
    return done
