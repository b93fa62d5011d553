"""Starts follow-ups that are wanted, each at least once; their workflows begin only once.

It lives beside the worker and is no activity: a follow-up is wanted by whoever writes its row, also
while no worker lives and the engine is away.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from activities.follow_up_kinds import kind_of
from activities.follow_up_models import FollowUpStart
from activities.rounds import POLL_SECONDS, keep_going
from policy.model import Profile
from store.engine import Engine
from store.follow_ups import Place, WaitingStart, waiting
from store.profiles import pinned_profile

StartFollowUp = Callable[[FollowUpStart], Awaitable[None]]

BATCH = 50
ROUND_MAX = 1_000
"""So many in a round; those behind them are the next round's."""

AGAIN_SECONDS = 30.0
"""One that was started and has not begun yet is left alone for so long."""

_log = structlog.get_logger("dueline.follow_ups")


@dataclass
class FollowUpStarter:
    """Looks for wanted follow-ups and starts them. Any number may run side by side."""

    engine: Engine
    start: StartFollowUp
    poll_seconds: float = POLL_SECONDS
    _started: dict[str, float] = field(default_factory=dict)
    _profiles: dict[str, Profile] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Goes on until `stop` is set; an engine or a database that is away only delays it."""
        await keep_going(self.round, "follow-ups", stop, self.poll_seconds)

    async def round(self) -> int:
        """Starts what is wanted now, at most `ROUND_MAX`; returns how many it started.

        Raises RPCError when the engine cannot be reached; what it has not got to is still wanted.
        """
        now = time.monotonic()
        self._started = {id: at for id, at in self._started.items() if now - at < AGAIN_SECONDS}
        after: Place | None = None
        count = 0
        for _ in range(ROUND_MAX // BATCH):
            async with self.engine.connect() as conn:
                found = await waiting(conn, after, BATCH)
            for one in found:
                if one.id not in self._started:
                    count += await self._begin(one)
            if len(found) < BATCH:
                break
            after = (found[-1].requested_at, found[-1].id)
        return count

    async def _begin(self, one: WaitingStart) -> bool:
        """Starts one; a kind that nobody knows holds up no other."""
        kind = kind_of(await self._profile(one.profile_digest), one.kind)
        if kind is None:
            self._started[one.id] = time.monotonic()
            _log.error("follow_ups.unknown_kind", follow_up=one.id, kind=one.kind)
            return False
        await self.start(
            FollowUpStart(
                order_id=one.order_id,
                follow_up=one.id,
                customer=one.customer,
                profile=one.profile,
                kind=kind,
                requested_by=one.requested_by,
                requested_at=one.requested_at,
            )
        )
        self._started[one.id] = time.monotonic()
        return True

    async def _profile(self, digest: str) -> Profile:
        if digest not in self._profiles:
            async with self.engine.connect() as conn:
                body = await pinned_profile(conn, digest)
            self._profiles[digest] = Profile.model_validate(body)
        return self._profiles[digest]
