"""The relay: every notice at least once, in order, and none held up by another channel."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select

from activities.channels import Channel, Channels
from activities.relay import BACKOFF_MAX, backoff, deliver, relay_notices, route_notices
from activities.senders import LogSender
from store import tables
from store.notices import resend
from store.outbox import Notice
from tests.sinks import listening
from tests.store.post import Post, keys, stopped

# apprise looks for a module that Python 3.13 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

A_DAY_LATER = "interval '1 day'"


async def test_a_channel_that_was_down_for_a_day_gets_everything_once_and_in_order(
    post: Post,
) -> None:
    desk = post.desk()
    await post.queue(*keys(1, 2, 3))
    for number in range(4, 10):
        await post.relay(desk)
        await post.queue(f"n/{number}")
        await post.later("interval '4 hours'")
    assert await post.states() == ["pending"] * 8

    async with listening(post.hook):
        await post.relay(desk)

    assert post.hook.keys == keys(*range(1, 10))
    assert await post.states() == ["sent"] * 9


async def test_a_channel_that_is_down_delays_no_other(post: Post) -> None:
    other = Channel("board", LogSender())
    await post.queue(*keys(1, 2, 3))

    await post.relay(post.desk(), other)

    assert await post.states("board") == ["sent"] * 3
    assert await post.states("desk") == ["pending"] * 3


async def test_a_slow_channel_delays_no_other(post: Post) -> None:
    post.hook.delay_seconds = 1.5
    channels = Channels({"desk": post.desk(), "board": Channel("board", LogSender())})
    await post.queue(*keys(1, 2, 3))

    async with listening(post.hook):
        relay = asyncio.create_task(relay_notices(post.engine, channels, poll_seconds=0.01))
        await asyncio.sleep(1.0)
        board, desk = await post.states("board"), await post.states("desk")
        await stopped(relay)
        await asyncio.sleep(1.0)  # the webhook finishes what it has begun

    assert (board, desk) == (["sent"] * 3, ["pending"] * 3)


async def test_a_channel_that_is_down_is_not_asked_again_for_every_notice(post: Post) -> None:
    post.hook.status = 503
    desk = post.desk()

    async with listening(post.hook):
        await post.queue(*keys(*range(40)))
        for _ in range(5):
            await post.relay(desk)

    assert post.hook.tries == 2  # one notice, and one more to learn whose fault it is
    rows = await post.deliveries()
    assert {row["error"] for row in rows} == {"the service answered with status 503"}


async def test_a_notice_that_a_channel_refuses_holds_up_no_other(post: Post) -> None:
    post.hook.refused_words = ("n/2",)
    desk = post.desk()
    await post.queue(*keys(1, 2, 3, 4, 5))

    async with listening(post.hook):
        await post.relay(desk)

    assert sorted(post.hook.keys) == keys(1, 3, 4, 5)
    assert await post.states() == ["sent", "pending", "sent", "sent", "sent"]


async def test_what_fails_for_three_days_is_dead_and_can_be_sent_again(post: Post) -> None:
    desk = post.desk()
    await post.queue(*keys(1, 2))
    await post.relay(desk)
    await post.later("interval '71 hours'")
    await post.relay(desk)
    assert await post.states() == ["pending", "pending"]
    await post.later("interval '2 hours'")
    await post.relay(desk)
    assert await post.states() == ["dead", "dead"]
    [first, _] = await post.deliveries()
    assert first["error"] == "the service cannot be reached"

    async with post.engine.begin() as conn:
        assert await resend(conn, first["notice"]) == 1
    await post.later(A_DAY_LATER)
    async with listening(post.hook):
        await post.relay(desk)

    assert post.hook.keys == ["n/1"]
    assert await post.states() == ["sent", "dead"]


async def test_a_relay_that_stood_still_for_a_week_gives_nothing_up(post: Post) -> None:
    desk = post.desk()
    await post.queue("n/1")
    await route_notices(post.engine, Channels({"desk": desk}))
    await post.execute("UPDATE outbox SET queued_at = queued_at - interval '7 days'")

    await deliver(post.engine, desk)

    assert await post.states() == ["pending"]


async def test_four_relays_send_each_notice_once_and_in_order(post: Post) -> None:
    channels = Channels({"desk": post.desk()})
    await post.queue(*keys(*range(30)))

    async with listening(post.hook):
        relays = [
            asyncio.create_task(relay_notices(post.engine, channels, poll_seconds=0.01))
            for _ in range(4)
        ]
        await post.until_sent("desk", 30)
        await stopped(*relays)

    assert post.hook.keys == keys(*range(30))


async def test_a_crash_between_sending_and_noting_it_sends_again_with_the_same_key(
    post: Post,
) -> None:
    desk = post.desk()
    sent = asyncio.Event()

    class Crashing:
        async def send(self, notices: Sequence[Notice]) -> Sequence[Notice]:
            await desk.sender.send(notices)
            sent.set()
            await asyncio.Event().wait()
            return notices

    await post.queue("n/1")
    await route_notices(post.engine, Channels({"desk": desk}))

    async with listening(post.hook):
        crashed = asyncio.create_task(deliver(post.engine, Channel("desk", Crashing())))
        await asyncio.wait_for(sent.wait(), timeout=10)
        await stopped(crashed)
        assert await deliver(post.engine, desk) == 0  # nobody knows yet that it crashed
        await post.later("interval '2 minutes'")
        await post.relay(desk)

    assert post.hook.keys == ["n/1", "n/1"]
    assert await post.states() == ["sent"]


async def test_no_secret_comes_into_the_database_or_the_log(
    post: Post, capfd: pytest.CaptureFixture[str]
) -> None:
    await post.queue(*keys(1, 2))
    await post.relay(post.desk())
    async with listening(post.hook):
        await post.later(A_DAY_LATER)
        await post.relay(post.desk())

    written = str(await post.deliveries()) + "".join(capfd.readouterr())
    async with post.engine.connect() as conn:
        written += str((await conn.execute(select(tables.channels))).all())
    assert "hunter2" not in written
    assert "s3cret" not in written
    assert "/hook" not in written


async def test_the_relay_outlives_its_database(post: Post) -> None:
    await post.queue(*keys(1, 2, 3))
    await post.execute("ALTER TABLE outbox RENAME TO away")
    relay = asyncio.create_task(relay_notices(post.engine, Channels({}), poll_seconds=0.01))
    await asyncio.sleep(0.1)
    assert not relay.done()

    await post.execute("ALTER TABLE away RENAME TO outbox")

    await post.until_sent("log", 3)
    await stopped(relay)


async def test_a_relay_that_is_told_to_stop_finishes_what_it_sends(post: Post) -> None:
    post.hook.delay_seconds = 1.0
    stop = asyncio.Event()
    await post.queue("n/1")

    async with listening(post.hook):
        relay = asyncio.create_task(
            relay_notices(
                post.engine, Channels({"desk": post.desk()}), poll_seconds=0.01, stop=stop
            )
        )
        for _ in range(3_000):
            if post.hook.tries:
                break
            await asyncio.sleep(0.01)
        stop.set()
        await asyncio.wait_for(relay, timeout=30)

    assert post.hook.keys == ["n/1"]
    assert await post.states() == ["sent"]


def test_the_wait_after_failures_grows_and_has_an_end() -> None:
    waits = [backoff(failures) for failures in (0, 1, 2, 50, 10_000)]

    full = [timedelta(seconds=seconds) for seconds in (5, 10, 20)] + [BACKOFF_MAX] * 2
    for wait, most in zip(waits, full, strict=True):
        assert 0.8 * most <= wait <= most
