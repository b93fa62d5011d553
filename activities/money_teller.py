"""Tells orders that their money has moved, where whoever booked it could not.

The booking and the news commit together, so no gate waits for money that is there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from activities.rounds import POLL_SECONDS, each, keep_going
from store.engine import Engine
from store.money_news import (
    CreditNews,
    MoneyNews,
    credit_told,
    eased,
    told,
    untold,
    waiting_for_credit,
)

TellMoney = Callable[[MoneyNews], Awaitable[None]]

GRACE = timedelta(seconds=5)
"""So long whoever booked it has for telling the order itself."""

BATCH = 200


@dataclass
class MoneyTeller:
    """Looks for news that were not told. Any number may run side by side: hearing twice is safe."""

    engine: Engine
    tell: TellMoney
    grace: timedelta = GRACE
    poll_seconds: float = POLL_SECONDS

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Goes on until `stop` is set."""
        await keep_going(self.round, "money", stop, self.poll_seconds)

    async def round(self) -> int:
        """Tells what is untold now; returns how many. One order's trouble holds up no other.

        Raises RPCError at the end, such as while the engine is away.
        """
        return await each((self._moved, self._eased), lambda part: part())

    async def _moved(self) -> int:
        async with self.engine.connect() as conn:
            found = await untold(conn, self.grace, BATCH)
        return await each(found, self._tell_moved)

    async def _tell_moved(self, news: MoneyNews) -> int:
        await self.tell(news)
        async with self.engine.begin() as conn:
            await told(conn, news)
        return 1

    async def _eased(self) -> int:
        """A customer that may owe more: its orders that wait for credit look again (G05)."""
        async with self.engine.connect() as conn:
            found = await eased(conn, BATCH)
        return await each(found, self._tell_eased)

    async def _tell_eased(self, news: CreditNews) -> int:
        # By itself, and over before anybody is told: it may have waited for a gate.
        async with self.engine.begin() as conn:
            waiting = await waiting_for_credit(conn, news.customer)

        async def tell(order_id: str) -> int:
            await self.tell(MoneyNews(order_id, news.entry))
            return 1

        count = await each(waiting, tell)
        async with self.engine.begin() as conn:
            await credit_told(conn, news)
        return count
