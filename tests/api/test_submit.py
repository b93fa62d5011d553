"""Taking an order: stored first, started once, whatever is repeated or away."""

import asyncio
from datetime import timedelta

import httpx
from sqlalchemy import select
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from api.app import create_app
from api.examples import ORDER
from policy.loader import Loaded
from settings import Settings
from store.tables import orders, profile_versions
from tests.api.conftest import NOBODY_LISTENS, House
from tests.api.factory import fields_of, fresh_key, key_of, order_body, order_line
from workflows.contract import order_workflow_id

TASK_QUEUE = "submit"


def api_client(app: object, key: str = "sales") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # any ASGI application
    headers = {"X-API-Key": key_of(key)}
    return httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers)


async def test_an_order_is_stored_and_its_workflow_started(
    house: House, sales: httpx.AsyncClient
) -> None:
    answer = await sales.post("/orders", json=order_body(), headers=fresh_key())

    assert answer.status_code == 201
    receipt = answer.json()
    here = f"/orders/{receipt['id']}"
    assert receipt["state"] == "open"
    assert receipt["number"] is None
    assert receipt["links"]["self"] == answer.headers["location"] == here
    assert receipt["links"]["timeline"] == f"{here}/timeline"
    assert receipt["links"]["web_ui"].endswith(f"/workflows/order-{receipt['id']}")
    assert [start.order_id for start in house.temporal.started] == [receipt["id"]]


async def test_the_workflow_gets_no_personal_data_and_the_pinned_profile(
    house: House, sales: httpx.AsyncClient
) -> None:
    body = order_body(remarks="ring twice")

    await sales.post("/orders", json=body)

    start = house.temporal.started[0]
    told = start.model_dump_json()
    assert not any(word in told for word in ("Lin Yue", "555-0100", "Reed Lane", "ring twice"))
    async with house.engine.connect() as conn:
        stored = (
            await conn.execute(
                select(orders.c.body, profile_versions.c.body).join(profile_versions)
            )
        ).one()
    assert stored[0]["contact"]["name"] == "Lin Yue"
    assert stored[1] == start.profile.model_dump(mode="json")


async def test_a_price_is_kept_to_the_last_decimal(house: House, sales: httpx.AsyncClient) -> None:
    # A number with a point never becomes a float on its way.
    lines = [order_line(quantity=3, unit_price=0.1), order_line(quantity=1, unit_price="7.0001")]

    answer = await sales.post("/orders", json=order_body(lines=lines))

    shown = (await sales.get(answer.headers["location"])).json()
    assert shown["amount"] == "7.30"
    assert [line["unit_price"] for line in shown["order"]["lines"]] == ["0.1", "7.0001"]


async def test_the_same_key_and_body_replays_the_answer(
    house: House, sales: httpx.AsyncClient
) -> None:
    body, headers = order_body(), fresh_key()
    reordered = dict(reversed(body.items()))

    first = await sales.post("/orders", json=body, headers=headers)
    second = await sales.post("/orders", json=reordered, headers=headers)

    assert (second.status_code, second.json()) == (first.status_code, first.json())
    assert second.headers["idempotent-replayed"] == "true"
    assert await house.count() == (1, 0, 1)


async def test_the_same_key_with_another_body_is_refused(
    house: House, sales: httpx.AsyncClient
) -> None:
    headers = fresh_key()
    await sales.post("/orders", json=order_body(), headers=headers)

    answer = await sales.post("/orders", json=order_body(rush=True), headers=headers)

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:dueline:problem:key-reused"
    assert fields_of(answer.json()) == ["Idempotency-Key"]
    assert await house.count() == (1, 0, 1)


async def test_two_callers_may_choose_the_same_key(
    house: House, sales: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    headers = fresh_key()

    first = await sales.post("/orders", json=order_body(), headers=headers)
    second = await customer.post("/orders", json=order_body(), headers=headers)

    assert first.json()["id"] != second.json()["id"]
    assert "web_ui" not in second.json()["links"] or second.json()["links"]["web_ui"] is None


async def test_ten_at_once_under_one_key_make_one_order(
    house: House, sales: httpx.AsyncClient
) -> None:
    body, headers = order_body(), fresh_key()

    answers = await asyncio.gather(
        *(sales.post("/orders", json=body, headers=headers) for _ in range(10))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({start.order_id for start in house.temporal.started}) == 1
    assert await house.count() == (1, 0, 1)


async def test_without_an_engine_a_keyed_order_is_kept_and_its_retry_starts_it(
    house: House, sales: httpx.AsyncClient
) -> None:
    body, headers = order_body(), fresh_key()
    house.temporal.is_away = True

    refused = await sales.post("/orders", json=body, headers=headers)
    house.temporal.is_away = False
    accepted = await sales.post("/orders", json=body, headers=headers)

    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert accepted.status_code == 201
    assert [start.order_id for start in house.temporal.started] == [accepted.json()["id"]]
    assert await house.count() == (1, 0, 1)


async def test_without_an_engine_an_order_without_key_is_not_kept(
    house: House, sales: httpx.AsyncClient
) -> None:
    house.temporal.is_away = True

    answer = await sales.post("/orders", json=order_body())

    assert answer.status_code == 503
    assert await house.count() == (0, 0, 0)


async def test_a_retry_is_answered_after_the_promised_date_has_passed(
    house: House, sales: httpx.AsyncClient
) -> None:
    body, headers = order_body(), fresh_key()
    first = await sales.post("/orders", json=body, headers=headers)
    async with house.engine.begin() as conn:
        long_ago = orders.c.promised_at - timedelta(days=400)
        await conn.execute(orders.update().values(promised_at=long_ago))

    second = await sales.post("/orders", json=body, headers=headers)

    assert second.json() == first.json()


async def test_the_example_in_the_documentation_is_taken(sales: httpx.AsyncClient) -> None:
    answer = await sales.post("/orders", json=ORDER)

    assert answer.status_code == 201, answer.text


async def test_the_engine_has_one_open_workflow_for_an_order_sent_twice(
    house: House, temporal: str, loaded: Loaded
) -> None:
    settings = Settings(
        database_url=house.database_url, temporal_address=temporal, task_queue=TASK_QUEUE
    )
    app = create_app(settings, loaded=loaded)
    body, headers = order_body(), fresh_key()

    async with app.router.lifespan_context(app), api_client(app) as client:
        first = await client.post("/orders", json=body, headers=headers)
        second = await client.post("/orders", json=body, headers=headers)

    assert (first.status_code, second.status_code) == (201, 201)
    engine = await Client.connect(temporal, data_converter=pydantic_data_converter)
    handle = engine.get_workflow_handle(order_workflow_id(first.json()["id"]))
    description = await handle.describe()
    assert description.task_queue == TASK_QUEUE
    history = await handle.fetch_history()
    assert "Lin Yue" not in history.to_json()
    await handle.terminate()


async def test_an_unreachable_engine_is_said_within_seconds(house: House, loaded: Loaded) -> None:
    settings = Settings(database_url=house.database_url, temporal_address=NOBODY_LISTENS)
    app = create_app(settings, loaded=loaded)

    async with app.router.lifespan_context(app), api_client(app) as client:
        answer = await client.post("/orders", json=order_body(), headers=fresh_key())
        listed = await client.get("/orders")

    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:dueline:problem:unavailable"
    assert len(listed.json()["items"]) == 1
