"""Webhooks over the API: whose they are, what is refused, and the list that can be read again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from domain.webhooks import secret_of
from settings import Settings
from store.story import Line, add_lines
from store.webhook_tables import webhook_deliveries, webhook_endpoints
from tests.api.conftest import WEBHOOK_KEY, House
from tests.api.factory import fields_of, fresh_key, key_of, order_body

URL = "https://erp.example.com/dueline"
AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


async def made(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/webhook-endpoints", json={"url": URL} | body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def told(house: House, client: httpx.AsyncClient, *kinds: str, **body: Any) -> str:
    """An order of which so much happened."""
    placed = await client.post("/orders", json=order_body(**body), headers=fresh_key())
    order_id = str(placed.json()["id"])
    lines = [Line(f"{order_id}/{n}", AT, kind, "said") for n, kind in enumerate(kinds)]
    async with house.engine.begin() as conn:
        await add_lines(conn, order_id, lines)
    return order_id


async def test_an_endpoint_is_made_shown_rotated_and_removed_by_its_customer(
    customer: httpx.AsyncClient,
) -> None:
    first = await made(customer, events=["order.shipped"])
    here = f"/webhook-endpoints/{first['endpoint']['id']}"
    rotated = (await customer.post(f"{here}/rotation")).json()
    shown = await customer.get(here)
    tested = await customer.post(f"{here}/test")
    removed = await customer.delete(here)

    assert first["secret"] == secret_of(WEBHOOK_KEY, first["endpoint"]["id"], 1)
    assert rotated["secret"] == secret_of(WEBHOOK_KEY, first["endpoint"]["id"], 2)
    until = datetime.fromisoformat(rotated["old_secret_until"])
    assert until > datetime.now(UTC) + timedelta(hours=23)
    assert "secret" not in shown.text
    assert (shown.json()["customer"], shown.json()["events"]) == ("C-0001", ["order.shipped"])
    assert (tested.status_code, tested.json()["ping_state"]) == (202, "wanted")
    assert removed.status_code == 204
    assert (await customer.get("/webhook-endpoints")).json() == {"items": []}


async def test_another_customers_endpoint_is_not_there_whatever_is_done_to_it(
    house: House,
    customer: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    sales: httpx.AsyncClient,
) -> None:
    endpoint = (await made(customer))["endpoint"]["id"]
    order = await told(house, customer, "step_opened")
    here = f"/webhook-endpoints/{endpoint}"

    for method, path, body in (
        ("GET", here, None),
        ("DELETE", here, None),
        ("POST", f"{here}/rotation", None),
        ("POST", f"{here}/enable", None),
        ("POST", f"{here}/test", None),
        ("POST", f"{here}/replay", {"after": 0}),
        ("GET", f"{here}/deliveries", None),
        ("GET", f"/orders/{order}/events", None),
    ):
        answer = await stranger.request(method, path, json=body)
        assert answer.status_code == 404, path
    assert (await stranger.get("/webhook-endpoints")).json() == {"items": []}
    assert (await stranger.get("/events")).json()["items"] == []
    assert (await stranger.get("/events?customer=C-0001")).json()["items"] == []
    # A replay to one's own endpoint reaches nobody else's order.
    own = (await made(stranger))["endpoint"]["id"]
    replay = await stranger.post(f"/webhook-endpoints/{own}/replay", json={"order": order})
    assert (replay.status_code, fields_of(replay.json())) == (422, ["order"])
    refused = await stranger.post("/webhook-endpoints", json={"url": URL, "customer": "C-0001"})
    assert refused.status_code == 422

    assert len((await sales.get("/webhook-endpoints")).json()["items"]) == 2
    assert len((await sales.get("/webhook-endpoints?customer=C-0001")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "url"),
        ({"url": "http://erp.example.com/"}, 422, "url"),
        ({"url": "https://10.0.0.1/"}, 422, "url"),
        ({"url": "https://user:pass@erp.example.com/"}, 422, "url"),
        ({"url": "https://erp.example.com/" + "x" * 600}, 422, "url"),
        ({"url": 7}, 422, "url"),
        ({"url": URL, "events": ["order.shiped"]}, 422, "events[0]"),
        ({"url": URL, "events": "order.shipped"}, 422, "events"),
        ({"url": URL, "secret": "mine"}, 422, "secret"),
    ],
)
async def test_a_bad_endpoint_is_refused_with_its_field(
    customer: httpx.AsyncClient, body: dict[str, Any], status: int, field: str
) -> None:
    answer = await customer.post("/webhook-endpoints", json=body)

    assert answer.status_code == status
    assert fields_of(answer.json()) == [field]
    assert (await customer.get("/webhook-endpoints")).json() == {"items": []}


async def test_staff_name_the_customer_and_an_address_is_registered_once(
    sales: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    nobody = await sales.post("/webhook-endpoints", json={"url": URL})
    unknown = await sales.post("/webhook-endpoints", json={"url": URL, "customer": "C-9"})
    await made(sales, customer="C-0001")
    again = await customer.post("/webhook-endpoints", json={"url": URL})
    for number in range(9):
        await made(customer, url=f"{URL}/{number}")
    too_many = await customer.post("/webhook-endpoints", json={"url": f"{URL}/more"})

    assert (nobody.status_code, fields_of(nobody.json())) == (422, ["customer"])
    assert (unknown.status_code, fields_of(unknown.json())) == (422, ["customer"])
    assert (again.status_code, again.json()["type"]) == (
        409,
        "urn:dueline:problem:endpoint-exists",
    )
    assert (too_many.status_code, fields_of(too_many.json())) == (422, ["url"])


async def test_without_a_key_for_secrets_none_is_made(house: House) -> None:
    services = house.app.state.services
    house.app.state.services = replace(services, settings=Settings(database_url=house.database_url))
    try:
        async with house.client(key_of("customer")) as client:
            answer = await client.post("/webhook-endpoints", json={"url": URL})
    finally:
        house.app.state.services = services

    assert answer.status_code == 503
    assert "DUELINE_WEBHOOK_KEY" in answer.json()["detail"]


async def test_the_list_is_read_page_by_page_and_of_one_order_by_its_own_numbers(
    house: House, customer: httpx.AsyncClient, sales: httpx.AsyncClient
) -> None:
    await made(customer)
    first = await told(house, customer, "step_opened", "case_cause_opened", "step_done")
    second = await told(house, customer, "step_opened")

    one = (await customer.get("/events?limit=2")).json()
    two = (await customer.get(f"/events?limit=2&after={one['next']}")).json()
    end = (await customer.get(f"/events?after={two['next']}")).json()
    of_order = (await sales.get(f"/orders/{first}/events?after=1")).json()

    assert [(e["position"], e["id"]) for e in one["items"] + two["items"]] == [
        (1, f"evt_{first}_1"),
        (2, f"evt_{first}_2"),
        (3, f"evt_{second}_1"),
    ]
    assert (one["more"], two["more"], two["next"]) == (True, False, 3)
    assert end == {"items": [], "next": 3, "more": False}
    assert [e["body"]["type"] for e in of_order["items"]] == ["order.step_done"]
    assert (await sales.get("/events?customer=C-0001")).json()["items"][0]["id"] == f"evt_{first}_1"
    nobody = await sales.get("/events")
    assert (nobody.status_code, fields_of(nobody.json())) == (422, ["customer"])
    for odd in ("-1", "x", "9" * 30):
        assert (await customer.get(f"/events?after={odd}")).status_code == 422


async def test_a_replay_names_an_order_or_a_position_and_needs_an_enabled_endpoint(
    house: House, customer: httpx.AsyncClient
) -> None:
    endpoint = (await made(customer))["endpoint"]["id"]
    here = f"/webhook-endpoints/{endpoint}"
    order = await told(house, customer, "step_opened", "step_done")
    waiting = (await customer.post(f"{here}/replay", json={"order": order})).json()
    async with house.engine.begin() as conn:
        await conn.execute(update(webhook_deliveries).values(state="dead", error="no answer"))

    dead = (await customer.get(f"{here}/deliveries?state=dead")).json()["items"]
    replayed = await customer.post(f"{here}/replay", json={"after": 1})
    async with house.engine.begin() as conn:
        gone = {"state": "disabled", "disabled_because": "gone"}
        await conn.execute(update(webhook_endpoints).values(gone))
    disabled = await customer.post(f"{here}/replay", json={"after": 0})
    enabled = (await customer.post(f"{here}/enable")).json()

    assert waiting == {"events": 0, "next": None}  # they are on their way
    assert [(one["sequence"], one["error"]) for one in dead] == [(2, "no answer"), (1, "no answer")]
    assert (replayed.status_code, replayed.json()) == (202, {"events": 1, "next": None})
    assert disabled.json()["type"] == "urn:dueline:problem:endpoint-disabled"
    assert (enabled["state"], enabled["pending"], enabled["dead"]) == ("enabled", 1, 1)
    for body in ({}, {"after": -1}, {"after": "x"}):
        assert (await customer.post(f"{here}/replay", json=body)).status_code == 422
