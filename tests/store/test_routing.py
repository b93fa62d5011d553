"""Which channel gets a notice, when, and how several become one message."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from activities import relay
from activities.channels import Channel, Channels
from activities.relay import deliver_strays, route_notices, run_relay
from activities.senders import LogSender
from domain.roles import Role
from tests.sinks import listening
from tests.store.post import Post, keys, stopped

# apprise looks for a module that Python 3.13 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


async def test_a_notice_that_spoils_a_digest_ends_up_alone(post: Post) -> None:
    post.hook.refused_words = ("n/2",)
    desk = post.desk(digest=timedelta(minutes=30))
    await post.queue(*keys(1, 2, 3, 4, 5))

    async with listening(post.hook):
        for _ in range(12):
            await post.relay(desk)
            await post.later("interval '40 minutes'")

    assert sorted(post.hook.keys) == keys(1, 3, 4, 5)


async def test_a_digest_is_one_message_with_numbered_lines(post: Post) -> None:
    desk = post.desk(digest=timedelta(minutes=30), language="zh")
    async with listening(post.hook):
        await post.queue("n/1")
        await post.relay(desk)
        await post.later("interval '20 minutes'")
        await post.queue("n/2", "n/3")
        await post.relay(desk)
        assert post.hook.bodies == []
        await post.later("interval '11 minutes'")

        await post.relay(desk)

    [body] = post.hook.bodies
    assert body["title"] == "Dueline 3 条通知"
    assert body["message"] == (
        "1. 订单 n/1 待您处理。\n2. 订单 n/2 待您处理。\n3. 订单 n/3 待您处理。"
    )
    assert post.hook.keys == keys(1, 2, 3)
    assert await post.states() == ["sent"] * 3


async def test_a_digest_that_is_too_long_for_its_channel_goes_in_several(post: Post) -> None:
    desk = post.desk(digest=timedelta(minutes=30))
    desk.sender.service.body_maxlen = 400  # type: ignore[attr-defined]  # as small as a robot's
    await post.queue("n/0")
    await post.relay(desk)
    await post.later("interval '25 minutes'")
    await post.queue(*keys(*range(1, 12)))
    await post.relay(desk)
    await post.later("interval '6 minutes'")

    async with listening(post.hook):
        await post.relay(desk)

    assert len(post.hook.bodies) > 1
    assert max(len(body["message"].encode()) for body in post.hook.bodies) <= 400
    assert post.hook.keys == keys(*range(12))


async def test_roles_and_kinds_choose_the_channel_and_the_log_takes_the_rest(post: Post) -> None:
    channels = [
        Channel("factory", LogSender(), roles=frozenset({Role.PRODUCTION})),
        Channel("alarm", LogSender(), kinds=frozenset({"window"})),
    ]
    await post.queue("n/1", role=Role.PRODUCTION, kind="window_breach")
    await post.queue("n/2", role=Role.SALES, kind="window_breach")
    await post.queue("n/3", role=Role.SALES, kind="task_opened")

    await post.relay(*channels)

    assert [row["key"] for row in await post.deliveries("factory")] == ["n/1"]
    assert [row["key"] for row in await post.deliveries("alarm")] == ["n/1", "n/2"]
    assert [row["key"] for row in await post.deliveries("log")] == ["n/3"]


async def test_what_waits_for_a_channel_that_no_file_names_is_seen_and_at_last_dead(
    post: Post,
) -> None:
    await post.queue("n/1")
    await route_notices(post.engine, Channels({"desk": post.desk()}))

    for _ in range(2):
        await deliver_strays(post.engine, ["log"])
        await post.later("interval '73 hours'")

    [row] = await post.deliveries()
    assert row["state"] == "dead"
    assert "names no such channel" in row["error"]


async def test_a_held_notice_goes_when_its_time_comes(post: Post) -> None:
    await post.queue("n/1")
    await post.execute("UPDATE outbox SET retry_at = now() + interval '8 hours'")
    board = Channel("board", LogSender())
    await post.relay(board)
    assert await post.states("board") == []

    await post.later("interval '8 hours 1 second'")
    await post.relay(board)

    assert await post.states("board") == ["sent"]


async def test_while_the_channels_file_has_a_fault_notices_wait_until_it_is_mended(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "FILE_AGAIN_SECONDS", 0.05)
    path = tmp_path / "channels.yaml"
    path.write_text("channels:\n  desk: {url: fishu://x, roles: all}\n")
    await post.queue("n/1")
    relaying = asyncio.create_task(run_relay(post.engine, path))
    await asyncio.sleep(0.2)
    assert await post.states("desk") + await post.states("log") == []

    path.write_text("channels:\n  desk: {url: log, roles: all}\n")

    await post.until_sent("desk", 1)
    await stopped(relaying)
