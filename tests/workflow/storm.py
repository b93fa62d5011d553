"""Many windows that breach at the same instant, for a test and for the bench."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from policy.model import Profile
from store import tables
from tests.workflow.floor import Floor, Placed
from tests.workflow.policies import changed, watched, window

AT_ONCE = 16
"""Orders placed side by side: a factory's morning, not an attack."""
LIMIT = timedelta(hours=1)
PATIENCE_SECONDS = 600.0
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Storm:
    """What became of it. Seconds are counted from the instant at which all were due."""

    windows: int
    placed: list[Placed]
    due_at: datetime
    last_breach_seconds: float
    events_before: int
    events_after: int

    @property
    def events_per_breach(self) -> float:
        """History events of the orders for each breach; the cases' own come on top."""
        return (self.events_after - self.events_before) / self.windows


def policy(windows: int) -> Profile:
    """S08 with so many windows across its steps, each an hour from when the customer ordered."""
    # Entry itself stays out of it, and the warnings fall before the order is placed.
    calm = changed(entry={"window": window("TST.entry", "30d/CT")})
    hour = "60m/CT"
    return watched(
        calm, *(window(f"TST.w{n:02}", hour, counts_from="received") for n in range(windows))
    )


async def storm(floor: Floor, *, orders: int, windows_each: int, lead: timedelta) -> Storm:
    """Places orders whose windows are all due at one instant, `lead` from now, and waits."""
    due_at = (datetime.now(UTC) + lead).replace(microsecond=0)
    gate = asyncio.Semaphore(AT_ONCE)
    rules = policy(windows_each)

    async def place() -> Placed:
        async with gate:
            placed = await floor.place(policy=rules, ordered_at=(due_at - LIMIT).isoformat())
            await placed.at("entry")
            return placed

    placed = await asyncio.gather(*(place() for _ in range(orders)))
    if datetime.now(UTC) >= due_at:
        raise RuntimeError(f"placing {orders} orders took longer than {lead}; give it more")
    windows = orders * windows_each
    await until(floor, count_rows(tables.marks, tables.marks.c.mark == "warning"), windows)
    events_before = await _events(placed)
    await asyncio.sleep((due_at - datetime.now(UTC)).total_seconds())
    began = time.monotonic()
    await until(floor, count_rows(tables.marks, tables.marks.c.mark == "breach"), windows)
    last_breach = time.monotonic() - began
    return Storm(
        windows=windows,
        placed=list(placed),
        due_at=due_at,
        last_breach_seconds=last_breach,
        events_before=events_before,
        events_after=await _events(placed),
    )


def count_rows(table: Any, *where: Any) -> Any:
    """A query that counts the rows of a table."""
    return select(func.count()).select_from(table).where(*where)


async def until(floor: Floor, query: Any, wanted: int) -> None:
    """Waits until a count has reached what is wanted; fails with how far it came."""
    found = 0
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while found < wanted:
                async with floor.engine.connect() as conn:
                    found = await conn.scalar(query) or 0
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise AssertionError(f"{found} of {wanted} after {PATIENCE_SECONDS:g} s") from error


async def _events(placed: list[Placed]) -> int:
    described = await asyncio.gather(*(one.handle.describe() for one in placed))
    return sum(one.history_length for one in described)
