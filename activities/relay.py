"""The relay: hands notices to their channels and sends them, each at least once.

It lives beside the worker or by itself (`dueline relay`) and is no activity: notices outlast every
workflow. Any number of relays may run side by side.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog

from activities.channels import Channel, Channels, load_channels, stray
from activities.senders import SEND_TIMEOUT_SECONDS, NotSent
from policy.faults import ProfileErrors
from store import outbox
from store.engine import Engine
from store.outbox import Claim, Notice
from telemetry.metrics import numbers

POLL_SECONDS = 1.0
STRAYS_SECONDS = 60.0
FILE_AGAIN_SECONDS = 30.0
ROUTED_MAX = 200

# A crash leaves its channel alone for so long: longer than the two sends of one claim.
LEASE = timedelta(seconds=3 * SEND_TIMEOUT_SECONDS)
BACKOFF_FIRST = timedelta(seconds=5)
BACKOFF_MAX = timedelta(minutes=10)
BACKOFF_JITTER = 0.2
GIVE_UP_AFTER = timedelta(days=3)
"""A weekend and a day: what could not be sent for so long is dead until somebody re-sends it."""

_log = structlog.get_logger("dueline.relay")


async def run_relay(
    engine: Engine, channels_file: Path | None, stop: asyncio.Event | None = None
) -> None:
    """Relays until `stop` is set; what is being sent by then is sent to its end.

    While the file has faults, notices wait and orders go on.
    """
    stop = stop or asyncio.Event()
    while not stop.is_set():
        try:
            channels = await asyncio.to_thread(load_channels, channels_file)
        except ProfileErrors as faults:
            _log.error("relay.waits", faults=[str(fault) for fault in faults.errors])
            await pause(stop, FILE_AGAIN_SECONDS)
        else:
            await relay_notices(engine, channels, stop=stop)


async def relay_notices(
    engine: Engine,
    channels: Channels,
    *,
    poll_seconds: float = POLL_SECONDS,
    stop: asyncio.Event | None = None,
) -> None:
    """Relays until it is told to stop; a channel that is slow or down holds up no other."""
    stop = stop or asyncio.Event()
    known = [channel.name for channel in channels.all]
    async with asyncio.TaskGroup() as group:
        group.create_task(keep_on(partial(route_notices, engine, channels), poll_seconds, stop))
        for channel in channels.all:
            group.create_task(keep_on(partial(deliver, engine, channel), poll_seconds, stop))
        group.create_task(keep_on(partial(deliver_strays, engine, known), STRAYS_SECONDS, stop))


async def keep_on(
    work: Callable[[], Awaitable[int]], poll_seconds: float, stop: asyncio.Event
) -> None:
    """Works until it is told to stop, and waits a little whenever there was nothing to do."""
    while not stop.is_set():
        try:
            done = await work()
        except Exception as error:  # the relay outlives its database
            _log.warning("relay.trouble", error=type(error).__name__)
            done = 0
        if not done:
            await pause(stop, poll_seconds)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Waits so long, or until it is told to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def route_notices(engine: Engine, channels: Channels) -> int:
    """Hands one batch of queued notices to their channels; returns how many."""
    async with engine.begin() as conn:
        return await outbox.route(conn, ROUTED_MAX, channels.wanting)


async def deliver_strays(engine: Engine, known: Sequence[str]) -> int:
    """Fails what waits for channels that no file names, so that it is seen and at last dead."""
    async with engine.connect() as conn:
        names = await outbox.strays(conn, known)
    return sum([await deliver(engine, stray(name)) for name in names])


async def deliver(engine: Engine, channel: Channel) -> int:
    """Sends one message on a channel, if one is due; returns how many notices went.

    The claim and what became of it are two transactions: no connection waits for a channel, and
    a crash between them sends the same notices again, with the same keys.
    """
    async with engine.begin() as conn:
        claim = await outbox.claim(
            conn,
            channel.name,
            limit=channel.batch,
            lease=LEASE,
            collects=channel.digest is not None,
        )
    if claim is None:
        return 0
    try:
        went = await _send(channel, claim.due)
    except NotSent as failure:
        return await _failed(engine, channel, claim, failure)
    numbers().notices(channel.name, "sent", len(went))
    ids = [notice.id for notice in went]
    async with engine.begin() as conn:
        await outbox.mark_sent(conn, channel.name, ids)
        await outbox.hurry(conn, channel.name, [n.id for n in claim.due if n.id not in ids])
    return len(went)


async def _failed(engine: Engine, channel: Channel, claim: Claim, failure: NotSent) -> int:
    """Tries one other notice, to learn whether the channel is down or the notice is at fault."""
    numbers().notices(channel.name, "failed", len(claim.due))
    head, error = claim.due[0], str(failure)
    tried = [notice.id for notice in claim.due]
    if claim.spare is not None:
        tried.append(claim.spare.id)
        try:
            await _send(channel, [claim.spare])
        except NotSent as also:
            error = str(also)
        else:
            numbers().notices(channel.name, "sent")
            async with engine.begin() as conn:
                await outbox.mark_sent(conn, channel.name, [claim.spare.id])
                dead = await outbox.put_back(
                    conn,
                    channel.name,
                    head.id,
                    error=error,
                    retry_in=backoff(head.attempts),
                    give_up_after=GIVE_UP_AFTER,
                )
            _log.warning("notice.failed", channel=channel.name, notice=head.id, error=error)
            if dead:
                numbers().notices(channel.name, "dead")
                _log.error("notice.dead", channel=channel.name, notices=1, error=error)
            return 1
    rest = backoff(claim.failures)
    async with engine.begin() as conn:
        given_up = await outbox.let_rest(
            conn, channel.name, tried, error=error, rest=rest, give_up_after=GIVE_UP_AFTER
        )
    _log.warning("channel.down", channel=channel.name, error=error, rest=f"{rest.seconds} s")
    if given_up:
        numbers().notices(channel.name, "dead", given_up)
        _log.error("notice.dead", channel=channel.name, notices=given_up, error=error)
    return 0


async def _send(channel: Channel, notices: Sequence[Notice]) -> Sequence[Notice]:
    try:
        return await channel.sender.send(notices)
    except NotSent:
        raise
    except Exception as error:  # whatever a channel does, the others go on
        # Its words may hold the address.
        raise NotSent(f"the channel broke: {type(error).__name__}") from None


def backoff(failures: int) -> timedelta:
    """How long to wait after so many earlier failures in a row, at most ten minutes.

    A little less than the full time, by chance: relays and channels shall not come in step.
    """
    # The exponent is bounded too: 2 to the thousandth is no float.
    full = min(BACKOFF_MAX, BACKOFF_FIRST * 2.0 ** min(failures, 16))
    return full * random.uniform(1 - BACKOFF_JITTER, 1)
