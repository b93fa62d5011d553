"""Tells orders of wishes that are stored, where the API that took them could not.

A wish that waits for its order's workflow, such as one whose order was never started, is kept and
tried again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from activities.rounds import POLL_SECONDS, each, keep_going
from store.engine import Engine
from store.rows import WishRow
from store.wish_news import untold_wishes, wish_told

TellWish = Callable[[WishRow], Awaitable[bool]]
"""Whether there was a workflow to hear it."""

GRACE = timedelta(seconds=10)
"""So long the API has for telling the order itself: longer than its calls to the engine last."""

BATCH = 200

AGAIN_SECONDS = 30.0
"""One that could not be told is left alone for so long, and holds up no other meanwhile."""


@dataclass
class WishTeller:
    """Looks for wishes that were not told. Any number may run side by side: twice is safe."""

    engine: Engine
    tell: TellWish
    grace: timedelta = GRACE
    poll_seconds: float = POLL_SECONDS
    again_seconds: float = AGAIN_SECONDS
    _tried: dict[str, float] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Goes on until `stop` is set."""
        await keep_going(self.round, "wishes", stop, self.poll_seconds)

    async def round(self) -> int:
        """Tells what is untold now; returns how many. Raises RPCError when the engine is away."""
        now = time.monotonic()
        self._tried = {id: at for id, at in self._tried.items() if now - at < self.again_seconds}
        async with self.engine.connect() as conn:
            found = await untold_wishes(conn, self.grace, list(self._tried), BATCH)
        return await each(found, self._tell)

    async def _tell(self, wish: WishRow) -> int:
        self._tried[wish.id] = time.monotonic()
        if not await self.tell(wish):
            return 0
        async with self.engine.begin() as conn:
            await wish_told(conn, wish.id)
        del self._tried[wish.id]
        return 1
