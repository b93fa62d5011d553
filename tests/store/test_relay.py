"""The relay: every notice at least once, none held up by another."""

import asyncio
import contextlib

import pytest
from sqlalchemy import text, update

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


async def execute(bench: Bench, statement: str) -> None:
    async with bench.engine.begin() as conn:
        await conn.execute(text(statement))


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


async def test_the_relay_outlives_its_database(queued: Bench) -> None:
    sent: list[str] = []
    all_sent = asyncio.Event()

    async def send(notice: Notice) -> None:
        sent.append(notice.key)
        if len(sent) == 3:
            all_sent.set()

    await execute(queued, "ALTER TABLE outbox RENAME TO away")
    relay = asyncio.create_task(relay_notices(queued.engine, send, poll_seconds=0.01))
    await asyncio.sleep(0.1)
    assert (sent, relay.done()) == ([], False)

    await execute(queued, "ALTER TABLE away RENAME TO outbox")

    await asyncio.wait_for(all_sent.wait(), timeout=10)
    relay.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await relay
    assert sent == ["notice/0", "notice/1", "notice/2"]


def test_the_wait_between_attempts_grows_and_has_an_end() -> None:
    waits = [backoff(attempts).total_seconds() for attempts in (0, 1, 2, 50, 10_000)]

    assert waits == [2, 4, 8, 600, 600]
