"""Notices: who sees which, what became of them, and sending dead ones again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from store.tables import channels, deliveries, outbox
from tests.api.conftest import House
from tests.api.factory import fresh_key, key_of, order_body

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


async def placed(client: httpx.AsyncClient, **body: Any) -> str:
    answer = await client.post("/orders", json=order_body(**body), headers=fresh_key())
    return str(answer.json()["id"])


async def notice(house: House, order: str | None, key: str, to: str, **row: Any) -> None:
    text = {"text": f"{key} waits", "text_zh": f"{key} 待办", "kind": "task_opened", "at": AT}
    values = text | {"key": key, "order_id": order, "to_role": to} | row
    await house.insert(outbox, **values)


async def delivery(house: House, key: str, channel: str, state: str, **row: Any) -> int:
    """Puts the notice onto a channel; returns its id."""
    async with house.engine.begin() as conn:
        found = await conn.execute(
            outbox.update().where(outbox.c.key == key).values(state="routed")
        )
        assert found.rowcount == 1
        notice_id = (await conn.execute(outbox.select().where(outbox.c.key == key))).one().id
        known = (await conn.execute(channels.select().where(channels.c.name == channel))).first()
    if known is None:
        await house.insert(channels, name=channel)
    await house.insert(deliveries, notice=notice_id, channel=channel, state=state, **row)
    return int(notice_id)


async def listed(house: House, key: str, **query: Any) -> list[dict[str, Any]]:
    async with house.client(key_of(key)) as client:
        answer = await client.get("/notices", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def texts(items: list[dict[str, Any]]) -> list[str]:
    return [item["text"].removesuffix(" waits") for item in items]


async def test_staff_see_what_their_roles_were_told_and_the_overseers_all(
    house: House, sales: httpx.AsyncClient
) -> None:
    order = await placed(sales)
    for role in ("sales", "planning", "customer"):
        await notice(house, order, f"n/{role}", role)
    await notice(house, None, "n/assessment", "control")

    assert texts(await listed(house, "sales")) == ["n/sales"]
    assert texts(await listed(house, "sales", role="planning")) == []
    for overseer in ("operations", "leadership", "control"):
        assert len(await listed(house, overseer)) == 4
    assert texts(await listed(house, "operations", role="planning")) == ["n/planning"]
    assert len(await listed(house, "operations", order=order)) == 3


async def test_a_customer_sees_what_it_was_told_about_its_own_orders_and_no_channel(
    house: House, sales: httpx.AsyncClient
) -> None:
    await notice(house, await placed(sales), "n/mine", "customer")
    await notice(house, await placed(sales, customer="C-0002"), "n/theirs", "customer")
    await notice(house, await placed(sales), "n/staff", "sales")
    await delivery(house, "n/mine", "crm", "dead", error="the service cannot be reached")

    [mine] = await listed(house, "customer", channel="no-such")

    assert (mine["text"], mine["text_zh"]) == ("n/mine waits", "n/mine 待办")
    assert mine["deliveries"] is None


async def test_a_notice_tells_what_became_of_it_on_each_channel(
    house: House, sales: httpx.AsyncClient
) -> None:
    later = datetime.now(UTC) + timedelta(minutes=5)
    await notice(house, await placed(sales), "n/1", "sales")
    await delivery(house, "n/1", "desk", "dead", attempts=200, error="the service said no")
    await delivery(house, "n/1", "mail", "pending", attempts=2, retry_at=later)
    await delivery(house, "n/1", "shop", "sent", attempts=1, sent_at=AT)

    [item] = await listed(house, "sales")

    desk, mail, shop = item["deliveries"]
    assert item["state"] == "dead"
    assert (desk["state"], desk["attempts"], desk["error"]) == ("dead", 200, "the service said no")
    assert (mail["state"], datetime.fromisoformat(mail["next_at"])) == ("pending", later)
    assert (shop["state"], datetime.fromisoformat(shop["sent_at"])) == ("sent", AT)
    assert [len(await listed(house, "sales", state=s)) for s in ("dead", "pending", "sent")] == [
        1,
        0,
        0,
    ]
    assert len(await listed(house, "sales", state="sent", channel="shop")) == 1
    assert len(await listed(house, "sales", state="sent", channel="mail")) == 0


async def test_the_pages_of_the_list_hold_each_notice_once(house: House) -> None:
    for number in range(7):
        await notice(house, None, f"n/{number}", "operations")
    seen: list[str] = []
    cursor = None

    async with house.client(key_of("operations")) as client:
        for _ in range(4):
            query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/notices", params=query)).json()
            seen += texts(page["items"])
            cursor = page["next"]

    assert seen == [f"n/{number}" for number in reversed(range(7))]
    assert cursor is None


async def test_a_cursor_of_another_list_is_refused(house: House, sales: httpx.AsyncClient) -> None:
    for _ in range(2):
        await placed(sales)
    cursor = (await sales.get("/orders", params={"limit": 1})).json()["next"]

    answer = await sales.get("/notices", params={"cursor": cursor})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "cursor"


async def test_a_dead_notice_is_sent_again_once(house: House) -> None:
    await notice(house, None, "n/1", "operations")
    notice_id = await delivery(house, "n/1", "desk", "dead", attempts=200, failing_since=AT)
    path = f"/notices/{notice_id}/resend"

    async with house.client(key_of("operations")) as client:
        first, second = await client.post(path), await client.post(path)

    assert (first.status_code, first.json()) == (200, {"id": notice_id, "deliveries": 1})
    assert second.status_code == 409
    assert second.json()["type"] == "urn:dueline:problem:nothing-dead"
    [item] = await listed(house, "operations")
    assert item["deliveries"][0] | {"next_at": None} == {
        "channel": "desk",
        "state": "pending",
        "attempts": 0,
        "next_at": None,
        "sent_at": None,
        "error": None,
    }


@pytest.mark.parametrize(("key", "number", "status"), [("sales", 1, 403), ("operations", 99, 404)])
async def test_only_operations_send_again_and_only_what_there_is(
    house: House, key: str, number: int, status: int
) -> None:
    async with house.client(key_of(key)) as client:
        answer = await client.post(f"/notices/{number}/resend")

    assert answer.status_code == status


async def test_the_metrics_count_what_waits_and_what_is_dead(house: House) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    tonight = datetime.now(UTC) + timedelta(hours=8)
    await notice(house, None, "n/held", "operations", queued_at=long_ago, retry_at=tonight)
    await notice(house, None, "n/1", "operations", queued_at=long_ago)
    await delivery(house, "n/1", "desk", "dead")
    await delivery(house, "n/1", "mail", "pending")

    async with house.client(None, address="127.0.0.1") as client:
        lines = (await client.get("/metrics")).text.splitlines()

    said = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert said["dueline_outbox_pending"] == "1.0"
    assert said['dueline_deliveries{state="pending"}'] == "1.0"
    assert said['dueline_deliveries{state="dead"}'] == "1.0"
    assert 7200 <= float(said["dueline_oldest_notice_seconds"]) < 7300
