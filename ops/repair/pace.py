"""How fast operations work through many orders: not so fast that the platform feels it."""

import asyncio
import time


class Pace:
    """Lets at most so many begin a second."""

    def __init__(self, per_second: float) -> None:
        self._pause = 1 / per_second
        self._next = 0.0

    async def turn(self) -> None:
        """Waits for one's turn."""
        now = time.monotonic()
        begins = max(now, self._next)
        self._next = begins + self._pause
        await asyncio.sleep(begins - now)
