"""The relay: every notice at least once, none held up by another."""

import asyncio
import contextlib

import pytest
from sqlalchemy import update

from activities.relay import backoff, relay_notices, relay_once
from store import tables
from store.outbox import Notice
from tests.store.bench import MONDAY, Bench


@pytest.fixture
async def queued(bench: Bench) -> Bench:
    """Three notices of one order."""
    order = await bench.order()
    for number in range(3):
        await bench.add(
            tables.outbox,
            key=f"notice/{number}",
            order_id=order.id,
            to_role="sales",
            kind="task_opened",
            text="An order waits for you.",
            at=MONDAY,
        )
    return bench


async def states(bench: Bench) -> list[str]:
    rows = await bench.rows(tables.outbox)
    return [row["state"] for row in sorted(rows, key=lambda row: row["id"])]


async def test_notices_are_sent_once_in_order_by_any_number_of_relays(queued: Bench) -> None:
    sent: list[str] = []

    async def send(notice: Notice) -> None:
        await asyncio.sleep(0.01)
        sent.append(notice.key)

    await asyncio.gather(*(relay_once(queued.engine, send) for _ in range(4)))

    assert sent == ["notice/0", "notice/1", "notice/2"]
    assert await states(queued) == ["sent"] * 3


async def test_a_notice_that_fails_waits_and_holds_up_no_other(queued: Bench) -> None:
    tried: list[str] = []

    async def send(notice: Notice) -> None:
        tried.append(notice.key)
        if notice.key == "notice/1":
            raise ConnectionError("the channel is dead")

    await relay_once(queued.engine, send)
    await relay_once(queued.engine, send)

    assert await states(queued) == ["sent", "pending", "sent"]
    assert tried.count("notice/1") == 1  # its second attempt is not due yet
    async with queued.engine.begin() as conn:
        await conn.execute(update(tables.outbox).values(retry_at=None))
    await relay_once(queued.engine, send)
    [failed] = await queued.rows(tables.outbox, key="notice/1")
    assert failed["attempts"] == 2


async def test_the_relay_runs_until_it_is_cancelled_and_outlives_a_failing_batch(
    queued: Bench,
) -> None:
    calls = 0

    async def send(_: Notice) -> None:
        nonlocal calls
        calls += 1

    relay = asyncio.create_task(relay_notices(queued.engine, send, poll_seconds=0.01))
    async with asyncio.timeout(10):
        while await states(queued) != ["sent"] * 3:
            await asyncio.sleep(0.01)
    relay.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await relay

    assert calls == 3


def test_the_wait_between_attempts_grows_and_has_an_end() -> None:
    waits = [backoff(attempts).total_seconds() for attempts in (0, 1, 2, 50, 10_000)]

    assert waits == [2, 4, 8, 600, 600]
