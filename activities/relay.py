"""The relay: takes notices out of the outbox and sends them, each at least once.

It lives beside the worker and is no activity: notices outlast every workflow.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from store.engine import Engine
from store.outbox import Notice, mark_failed, mark_sent, take_pending

Send = Callable[[Notice], Awaitable[None]]
"""Delivers one notice, or raises. May see a notice again after a crash: drop it by its `key`."""

BATCH_NOTICES = 50
SEND_TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 1.0
BACKOFF_FIRST_SECONDS = 2.0
BACKOFF_MAX_SECONDS = 600.0

_log = structlog.get_logger("dueline.relay")


async def log_notice(notice: Notice) -> None:
    """Sends a notice into the log: order, role and kind, and nothing personal."""
    _log.info("notice", order=notice.order_id, to=notice.to_role.value, kind=notice.kind)


async def relay_notices(
    engine: Engine, send: Send = log_notice, *, poll_seconds: float = POLL_SECONDS
) -> None:
    """Sends what is pending until it is cancelled; any number of relays may run side by side.

    A notice that fails is tried again later and later, for ever, and holds up no other one.
    """
    while True:
        try:
            sent = await relay_once(engine, send)
        except Exception as error:  # the relay outlives its database
            _log.warning("relay.trouble", error=type(error).__name__)
            sent = 0
        if sent < BATCH_NOTICES:
            await asyncio.sleep(poll_seconds)


async def relay_once(engine: Engine, send: Send = log_notice) -> int:
    """Sends one batch, in the order of the outbox; returns how many notices it has tried."""
    async with engine.begin() as conn:
        notices = await take_pending(conn, BATCH_NOTICES)
        went = await asyncio.gather(*(_went(notice, send) for notice in notices))
        await mark_sent(conn, [n.id for n, sent in zip(notices, went, strict=True) if sent])
        for notice in (n for n, sent in zip(notices, went, strict=True) if not sent):
            await mark_failed(conn, notice.id, backoff(notice.attempts))
    return len(notices)


async def _went(notice: Notice, send: Send) -> bool:
    try:
        await asyncio.wait_for(send(notice), SEND_TIMEOUT_SECONDS)
    except Exception as error:  # whatever a channel does, the others go on
        _log.warning(
            "notice.failed",
            order=notice.order_id,
            to=notice.to_role.value,
            kind=notice.kind,
            attempts=notice.attempts + 1,
            error=type(error).__name__,
        )
        return False
    return True


def backoff(attempts: int) -> timedelta:
    """How long to leave a notice alone after so many earlier attempts."""
    # The exponent is bounded too: 2 to the thousandth is no float.
    return timedelta(
        seconds=min(BACKOFF_MAX_SECONDS, BACKOFF_FIRST_SECONDS * 2 ** min(attempts, 16))
    )
