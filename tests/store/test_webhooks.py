"""Outbound webhooks: an order's events in order, signed, each at least once, none lost."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from activities.webhook_relay import deliver_next, ping, relay_webhooks
from activities.webhook_sender import WebhookSender
from domain.webhooks import secret_of
from store import tables, webhook_events
from store.story import Line, add_lines
from store.webhook_deliveries import claim
from store.webhook_tables import webhook_deliveries
from store.webhook_tables import webhook_events as events_table
from store.webhooks import enable, rotate, want_ping
from tests.sinks import Receiver, listening
from tests.store.bench import MONDAY, Bench
from tests.store.customer_system import CUSTOMER, KEY, CustomerSystem


@pytest.fixture
async def system(bench: Bench) -> CustomerSystem:
    receiver = Receiver()
    async with listening(receiver):
        pass  # now it has a port, and nobody listens there
    return CustomerSystem(bench, receiver)


async def test_a_real_order_is_told_in_order_and_verifies_with_the_library(
    system: CustomerSystem,
) -> None:
    await system.listen()
    order = await (await system.bench.order()).advance_to("receipt")
    async with listening(system.receiver):
        await system.send_all()

    verify = Webhook(secret_of(KEY, system.endpoint, 1)).verify
    bodies = [verify(one.text, one.headers) for one in system.receiver.taken]
    assert [body["data"]["sequence"] for body in bodies] == list(range(1, len(bodies) + 1))
    assert [one.id for one in system.receiver.taken] == [
        f"evt_{order.id}_{number}" for number in range(1, len(bodies) + 1)
    ]
    [shipped] = [body for body in bodies if body["type"] == "order.shipped"]
    assert shipped["timestamp"] == MONDAY.isoformat().replace("+00:00", ".000000Z")
    assert shipped["data"] == {
        "kind": "shipped",
        "step": "ship",
        "carrier": "SF Express",
        "tracking": "SF-1",
        "order_id": order.id,
        "order_number": (await order.row())["number"],
        "sequence": shipped["data"]["sequence"],
    }
    said = "".join(one.text for one in system.receiver.taken)
    assert "Wang Fang" not in said
    assert "0100-0001" not in said
    with pytest.raises(WebhookVerificationError):
        verify(system.receiver.taken[0].text + " ", system.receiver.taken[0].headers)


async def test_without_an_endpoint_nothing_is_written_and_cases_are_told_to_nobody(
    system: CustomerSystem,
) -> None:
    order = await system.bench.order()
    await system.tell(order.id, "step_opened")
    assert await system.rows(events_table) == []

    await system.listen()
    await system.tell(order.id, "case_cause_opened", "window_leadership", "step_done")
    await system.tell(order.id, "window_breach", window="case-1/cause")
    await system.tell(order.id, "payment_arrived", text="from Wang Fang", change="c-1")

    rows = await system.rows(events_table)
    told = [(row["sequence"], row["position"], row["type"]) for row in rows]
    assert told == [(1, 1, "order.step_done"), (2, 2, "order.noted")]
    noted = rows[1]["body"]["data"]
    assert (noted["kind"], noted["change"]) == ("payment_arrived", "c-1")
    assert "Wang" not in str(noted)


async def test_the_same_line_is_told_once_and_writers_at_once_leave_no_gap(
    system: CustomerSystem,
) -> None:
    await system.listen()
    orders = [(await system.bench.order()).id for _ in range(3)]

    async def write(order_id: str, number: int) -> None:
        line = Line(f"{order_id}/{number}", MONDAY, "step_done", "done")
        async with system.engine.begin() as conn:
            await add_lines(conn, order_id, [line, line])

    # No lock of any order here: the counters alone keep the numbers apart.
    await asyncio.gather(*(write(one, number % 4) for one in orders for number in range(8)))

    rows = await system.rows(events_table)
    assert sorted(row["position"] for row in rows) == list(range(1, 13))
    for one in orders:
        assert [r["sequence"] for r in rows if r["order_id"] == one] == [1, 2, 3, 4]


async def test_an_order_waits_for_its_failed_event_and_no_other_order_does(
    system: CustomerSystem,
) -> None:
    await system.listen()
    first, second = (await system.bench.order()).id, (await system.bench.order()).id
    await system.tell(first, "step_opened", "step_done", "shipped")
    await system.tell(second, "step_opened", "step_done")
    system.receiver.refused_words = (f'"order_id":"{first}","order_number":null,"sequence":2',)

    async with listening(system.receiver):
        await system.send_all()
        arrived = {(one.id, one.sequence) for one in system.receiver.taken}
        await system.later("1 hour")
        await system.send_all()
        system.receiver.refused_words = ()
        await system.later("1 hour")
        await system.send_all()

    assert arrived == {(f"evt_{one}_{n}", n) for one, n in ((first, 1), (second, 1), (second, 2))}
    of_first = [one.sequence for one in system.receiver.taken if first in one.id]
    assert of_first == [1, 2, 3]
    assert set(await system.states()) == {"sent"}
    tried = await system.rows(webhook_deliveries)
    assert sorted(row["attempts"] for row in tried) == [1, 1, 1, 1, 3]


async def test_what_fails_for_three_days_is_dead_and_its_reason_holds_no_secret(
    system: CustomerSystem, capfd: pytest.CaptureFixture[str]
) -> None:
    await system.listen()
    order = await system.bench.order()
    await system.tell(order.id, "step_opened", "step_done")
    await system.send_all()
    await system.later("71 hours")
    await system.send_all()
    assert await system.states() == ["pending", "pending"]
    await system.later("5 hours")
    await system.send_all()

    assert await system.states() == ["dead", "dead"]
    assert ((await system.row()).pending, (await system.row()).dead) == (0, 2)
    rows = await system.rows(webhook_deliveries)
    assert {row["error"] for row in rows} == {"the receiver cannot be reached"}
    assert "s3cret" not in str(rows) + "".join(capfd.readouterr())


async def test_one_that_arrives_after_a_dead_one_gives_those_behind_it_their_three_days(
    system: CustomerSystem,
) -> None:
    await system.listen()
    order = await system.bench.order()
    await system.tell(order.id, "step_opened", "step_done", "shipped")
    await system.send_all()
    await system.later("73 hours")
    await deliver_next(system.post)
    assert await system.states() == ["dead", "pending", "pending"]

    async with listening(system.receiver):
        await deliver_next(system.post)
    await deliver_next(system.post)

    assert await system.states() == ["dead", "sent", "pending"]


async def test_gone_disables_the_endpoint_tells_people_and_loses_nothing(
    system: CustomerSystem,
) -> None:
    await system.listen()
    order = await system.bench.order()
    await system.tell(order.id, "step_opened", "step_done")
    system.receiver.status = 410
    async with listening(system.receiver):
        await system.send_all()
        await system.later("1 day")
        await system.send_all()
    await system.tell(order.id, "shipped")

    assert system.receiver.tries == 1
    row = await system.row()
    assert (row.state, row.pending) == ("disabled", 2)
    assert row.disabled_because == "the receiver answered with status 410, it is gone"
    notices = [n for n in await system.bench.rows(tables.outbox) if n["kind"] == "webhook_disabled"]
    assert [notice["to_role"] for notice in notices] == ["operations", "sales"]
    assert "s3cret" not in str(notices)

    system.receiver.status = 200
    async with system.engine.begin() as conn:
        await enable(conn, system.endpoint)
        replayed = await webhook_events.replay_order(conn, system.endpoint, order.id, 0, 100)
    async with listening(system.receiver):
        await system.send_all()
    assert replayed.events == 1  # what happened while it was disabled
    assert [one.sequence for one in system.receiver.taken] == [1, 2, 3]


async def test_a_replay_sends_the_same_bodies_with_the_same_ids(system: CustomerSystem) -> None:
    await system.listen()
    order, other = await system.bench.order(), await system.bench.order()
    async with listening(system.receiver):
        await system.tell(order.id, "step_opened", "step_done")
        await system.tell(other.id, "step_opened")
        await system.tell(order.id, "shipped", tracking="SF-Ω")
        await system.send_all()
        before = {one.id: one.text for one in system.receiver.taken}
        system.receiver.taken.clear()

        async with system.engine.begin() as conn:
            [event] = await webhook_events.feed(conn, CUSTOMER, 2, 1)
            sent_again = await webhook_events.replay_after(conn, system.endpoint, 2, 100)
        await system.send_all()

    assert (event.position, event.order_id, sent_again.events) == (3, other.id, 2)
    again = {one.id: one.text for one in system.receiver.taken}
    assert set(again) == {f"evt_{other.id}_1", f"evt_{order.id}_3"}
    assert again == {name: before[name] for name in again}
    assert json.loads(again[f"evt_{other.id}_1"]) == event.body


@pytest.mark.parametrize("of_order", [True, False])
async def test_a_replay_that_ends_at_its_limit_says_where_to_go_on(
    system: CustomerSystem, of_order: bool
) -> None:
    await system.listen()
    order = await system.bench.order()
    await system.tell(order.id, "step_opened", "step_done", "shipped")
    await system.execute("UPDATE webhook_deliveries SET state = 'dead'")
    after: int | None = 0
    found = []

    async with system.engine.begin() as conn:
        while after is not None:
            here = (conn, system.endpoint)
            again = (
                await webhook_events.replay_order(*here, order.id, after, 2)
                if of_order
                else await webhook_events.replay_after(*here, after, 2)
            )
            found.append((again.events, again.next is not None))
            after = again.next

    assert found == [(2, True), (1, False)]
    assert await system.states() == ["pending"] * 3


async def test_while_a_secret_is_rotated_both_sign_and_after_a_day_only_the_new_one(
    system: CustomerSystem,
) -> None:
    await system.listen()
    order = await system.bench.order()
    await system.tell(order.id, "step_opened", "step_done")
    old, new = (Webhook(secret_of(KEY, system.endpoint, number)) for number in (1, 2))
    async with listening(system.receiver):
        async with system.engine.begin() as conn:
            assert await rotate(conn, system.endpoint) == 2
        await deliver_next(system.post)
        await system.later("25 hours")
        await deliver_next(system.post)

    during, after = system.receiver.taken
    assert during.headers["webhook-signature"].count("v1,") == 2
    for secret in (old, new):
        secret.verify(during.text, during.headers)
    new.verify(after.text, after.headers)
    with pytest.raises(WebhookVerificationError):
        old.verify(after.text, after.headers)


async def test_a_crash_between_sending_and_settling_sends_again_with_the_same_id(
    system: CustomerSystem,
) -> None:
    await system.listen()
    order = await system.bench.order()
    await system.tell(order.id, "step_opened", "step_done")
    async with listening(system.receiver):
        async with system.engine.begin() as conn:
            [due] = await claim(conn, (), limit=9, lease=timedelta(seconds=30))
        await system.post.send(due, f"evt_{order.id}_1", "{}")  # and then it died
        assert await deliver_next(system.post) == 0  # nobody knows yet
        await system.later("1 minute")
        await system.send_all()

    assert [one.id for one in system.receiver.taken] == [
        f"evt_{order.id}_{number}" for number in (1, 1, 2)
    ]


async def test_several_relays_send_each_event_once_and_in_order_and_finish_when_stopped(
    system: CustomerSystem,
) -> None:
    await system.listen()
    orders = [(await system.bench.order()).id for _ in range(5)]
    for _ in range(4):
        for one in orders:
            await system.tell(one, "step_opened")
    stop = asyncio.Event()
    async with listening(system.receiver):
        relays = [
            asyncio.create_task(relay_webhooks(system.post, poll_seconds=0.02, stop=stop))
            for _ in range(3)
        ]
        for _ in range(1_000):
            if set(await system.states()) == {"sent"}:
                break
            await asyncio.sleep(0.02)
        stop.set()
        await asyncio.wait_for(asyncio.gather(*relays), timeout=30)

    assert len(system.receiver.taken) == 20
    for one in orders:
        assert [r.sequence for r in system.receiver.taken if one in r.id] == [1, 2, 3, 4]


async def test_a_receiver_that_hangs_holds_up_no_other_endpoint(
    system: CustomerSystem,
) -> None:
    await system.listen()
    order = await system.bench.order()
    other = CustomerSystem(system.bench, Receiver())
    system.receiver.hangs = True
    async with listening(system.receiver), listening(other.receiver):
        await other.listen()
        await system.tell(order.id, "step_opened", "step_done")
        relay = asyncio.create_task(relay_webhooks(system.post, poll_seconds=0.02))
        for _ in range(1_000):
            if len(other.receiver.taken) == 2:
                break
            await asyncio.sleep(0.02)
        relay.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await relay

    assert [one.sequence for one in other.receiver.taken] == [1, 2]
    assert system.receiver.tries == 1


async def test_an_endpoint_gets_only_the_types_that_it_asked_for(system: CustomerSystem) -> None:
    await system.listen("order.shipped", "order.noted")
    order = await system.bench.order()
    await system.tell(order.id, "step_opened", "shipped", "given_back", "order_completed")
    async with listening(system.receiver):
        await system.send_all()

    types = [json.loads(one.text)["type"] for one in system.receiver.taken]
    assert types == ["order.shipped", "order.noted"]
    assert [one.sequence for one in system.receiver.taken] == [2, 3]


async def test_a_redirect_is_not_followed_and_a_wish_for_time_is_heard(
    system: CustomerSystem,
) -> None:
    await system.listen()
    order = await system.bench.order()
    await system.tell(order.id, "step_opened")
    system.receiver.statuses = [302, 503]
    system.receiver.extra_headers = "Location: http://127.0.0.1:1/\r\nRetry-After: 7000\r\n"
    async with listening(system.receiver):
        await system.send_all()
        [redirected] = await system.rows(webhook_deliveries)
        await system.later("7000 seconds")
        await system.send_all()

    assert redirected["error"].endswith("status 302, a redirect, which is not followed")
    wait = redirected["retry_at"] - datetime.now(UTC)
    assert 6_000 < wait.total_seconds() <= 7_000
    [row] = await system.rows(webhook_deliveries)
    assert (row["status"], row["attempts"], system.receiver.tries) == (503, 2, 2)


async def test_a_ping_says_whether_somebody_listens(system: CustomerSystem) -> None:
    await system.listen()
    async with system.engine.begin() as conn:
        await want_ping(conn, system.endpoint)
    assert await ping(system.post) == 1
    failed = await system.row()
    async with system.engine.begin() as conn:
        await want_ping(conn, system.endpoint)
    async with listening(system.receiver):
        assert await ping(system.post) == 1
    assert await ping(system.post) == 0

    assert (failed.ping_state, failed.ping_said) == ("failed", "the receiver cannot be reached")
    assert (await system.row()).ping_state == "sent"
    [one] = system.receiver.taken
    body = Webhook(secret_of(KEY, system.endpoint, 1)).verify(one.text, one.headers)
    assert body["type"] == "ping"


async def test_in_production_nothing_goes_to_a_private_address_or_without_tls(
    system: CustomerSystem,
) -> None:
    order = await system.bench.order()
    await system.listen(url=system.receiver.url)
    await system.tell(order.id, "step_opened")
    strict = type(system.post)(system.engine, WebhookSender(), KEY)
    async with listening(system.receiver):
        assert await deliver_next(strict) == 1
        # A name that leads inside is found out when it is looked up.
        port = system.receiver.port
        await system.execute(f"UPDATE webhook_endpoints SET url = 'https://0x7f000001:{port}/'")
        await system.later("1 hour")
        assert await deliver_next(strict) == 1

    assert system.receiver.tries == 0
    [row] = await system.rows(webhook_deliveries)
    assert (row["attempts"], row["error"]) == (2, "the address leads into a private network")
