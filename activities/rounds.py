"""What goes on beside the workers: rounds that are done again and again until told to stop."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

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
