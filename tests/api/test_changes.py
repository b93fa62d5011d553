"""Wishes: stored before they are told, told once they are stored, and never lost between."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import insert, update
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.wish_teller import WishTeller
from api.app import create_app
from api.examples import CHANGE
from api.wishing import WISHES_OPEN_MAX
from domain.changes import Touch
from policy.loader import Loaded
from settings import Settings
from store.rows import WishRow
from store.tables import changes, orders
from tests.api.conftest import House
from tests.api.factory import Body, fields_of, fresh_key, key_of, order_line
from workflows.contract import (
    CancellationNotice,
    ChangeNotice,
    OrderStart,
    ReceiptNotice,
    order_workflow_id,
)

PAST = (datetime.now(UTC) - timedelta(days=1)).isoformat()


async def test_a_change_is_stored_and_the_workflow_told_its_fields(
    house: House, customer: httpx.AsyncClient, order_id: str
) -> None:
    body = {"version": 1, "reason": "the shop moves", "remarks": "ring twice"}

    answer = await customer.post(f"/orders/{order_id}/changes", json=body)

    assert answer.status_code == 202
    change = answer.json()
    assert answer.headers["location"] == f"/orders/{order_id}/changes/{change['id']}"
    assert (change["state"], change["fields"]) == ("received", ["remarks"])
    notice = ChangeNotice(change_id=change["id"], version=1, fields=("remarks",))
    notice = notice.model_copy(update={"touches": (Touch.REMARKS,)})
    assert house.temporal.signals == [(order_id, "request_change", notice)]
    shown = await customer.get(answer.headers["location"])
    assert shown.json() == change


@pytest.mark.parametrize("said", [None, "it rained"])
@pytest.mark.parametrize(
    ("path", "field", "signal", "notice"),
    [
        ("cancellation", "reason", "request_cancellation", CancellationNotice),
        ("receipt", "note", "confirm_receipt", ReceiptNotice),
    ],
)
async def test_cancellation_and_receipt_are_stored_and_told(
    house: House,
    customer: httpx.AsyncClient,
    order_id: str,
    said: str | None,
    path: str,
    field: str,
    signal: str,
    notice: type[CancellationNotice | ReceiptNotice],
) -> None:
    answer = (
        await customer.post(f"/orders/{order_id}/{path}", json={field: said})
        if said
        else (await customer.post(f"/orders/{order_id}/{path}"))
    )

    assert answer.status_code == 202
    wish = (await customer.get(answer.headers["location"])).json()
    assert (wish["kind"], wish["reason"]) == (path, said)
    told = (order_id, signal, notice(change_id=wish["id"]))
    assert house.temporal.signals == [told]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param({"version": 1}, ["body"], id="nothing"),
        pytest.param({"remarks": "x"}, ["version"], id="no version"),
        pytest.param({"version": 2, "remarks": "x"}, ["version"], id="a version to come"),
        pytest.param({"version": False, "remarks": "x"}, ["version"], id="false for a version"),
        pytest.param({"version": 1, "customer": "C-0002"}, ["customer"], id="another customer"),
        pytest.param({"version": 1, "promised_at": PAST}, ["promised_at"], id="promised yesterday"),
        pytest.param({"version": 1, "promised_at": None}, ["promised_at"], id="no promise"),
        pytest.param({"version": 1, "lines": []}, ["lines"], id="no lines"),
        pytest.param({"version": 1, "lines": None}, ["lines"], id="lines of null"),
        pytest.param({"version": 1, "contact": None}, ["contact"], id="a required field cleared"),
        pytest.param(
            {"version": 1, "lines": [order_line()]}, ["lines[0].unit_price"], id="a price"
        ),
    ],
)
async def test_a_wrong_change_is_refused_by_field(
    house: House, sales: httpx.AsyncClient, order_id: str, body: Body, fields: list[str]
) -> None:
    answer = await sales.post(f"/orders/{order_id}/changes", json=body, headers=fresh_key())

    assert answer.status_code == 422, answer.text
    assert fields_of(answer.json()) == fields
    assert await house.count() == (1, 0, 1)
    assert house.temporal.signals == []


@pytest.mark.parametrize("path", ["changes", "cancellation", "receipt"])
async def test_a_closed_order_takes_no_wish(
    house: House, sales: httpx.AsyncClient, order_id: str, path: str
) -> None:
    async with house.engine.begin() as conn:
        closed = {"state": "completed", "closed_at": datetime.now(UTC)}
        await conn.execute(update(orders).values(**closed))
    body = {"version": 1, "remarks": "x"} if path == "changes" else {}

    answer = await sales.post(f"/orders/{order_id}/{path}", json=body, headers=fresh_key())

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:dueline:problem:order-closed"
    assert await house.count() == (1, 0, 1)


async def test_a_wish_that_comes_as_the_order_closes_is_refused_and_settled(
    house: House, sales: httpx.AsyncClient, order_id: str
) -> None:
    house.temporal.has_closed = True

    answer = await sales.post(f"/orders/{order_id}/cancellation", headers=fresh_key())

    assert answer.status_code == 409
    async with house.engine.connect() as conn:
        wish = (await conn.execute(changes.select())).mappings().one()
    assert wish["state"] == "refused"
    assert wish["settled_at"] is not None


async def test_a_retry_is_the_same_wish_and_tells_the_workflow_until_it_is_settled(
    house: House, sales: httpx.AsyncClient, order_id: str
) -> None:
    headers = fresh_key()
    path = f"/orders/{order_id}/cancellation"
    house.temporal.is_away = True

    refused = await sales.post(path, headers=headers)
    house.temporal.is_away = False
    accepted = await sales.post(path, headers=headers)
    async with house.engine.begin() as conn:
        await conn.execute(update(changes).values(state="applied"))
    settled = await sales.post(path, headers=headers)

    assert refused.status_code == 503
    assert accepted.status_code == settled.status_code == 202
    assert accepted.json()["id"] == settled.json()["id"]
    assert settled.json()["state"] == "applied"
    assert len(house.temporal.signals) == 1
    assert await house.count() == (1, 1, 2)


async def test_the_worker_tells_what_the_api_could_not_tell_and_nothing_else(
    house: House, sales: httpx.AsyncClient, order_id: str
) -> None:
    told: list[WishRow] = []

    async def tell(wish: WishRow) -> bool:
        told.append(wish)
        return True

    async with house.engine.begin() as conn:
        await conn.execute(update(orders).values(step="entry"))
    await sales.post(f"/orders/{order_id}/receipt")
    house.temporal.is_away = True
    refused = await sales.post(f"/orders/{order_id}/cancellation")
    await WishTeller(house.engine, tell, grace=timedelta()).round()

    assert refused.status_code == 503
    assert "it is taken down" in refused.json()["detail"]
    assert [wish.kind for wish in told] == ["cancellation"]


async def test_one_key_is_good_for_one_address(
    house: House, sales: httpx.AsyncClient, order_id: str
) -> None:
    headers = fresh_key()
    await sales.post(f"/orders/{order_id}/cancellation", headers=headers)

    answer = await sales.post(f"/orders/{order_id}/receipt", headers=headers)

    assert answer.status_code == 422
    assert fields_of(answer.json()) == ["Idempotency-Key"]


async def test_ten_at_once_under_one_key_are_one_wish(
    house: House, sales: httpx.AsyncClient, order_id: str
) -> None:
    headers, path = fresh_key(), f"/orders/{order_id}/changes"

    answers = await asyncio.gather(
        *(sales.post(path, json=CHANGE, headers=headers) for _ in range(10))
    )

    assert {answer.status_code for answer in answers} == {202}
    assert await house.count() == (1, 1, 2)


async def test_an_unknown_change_is_not_found(sales: httpx.AsyncClient, order_id: str) -> None:
    answer = await sales.get(f"/orders/{order_id}/changes/nothing")

    assert answer.status_code == 404


async def test_a_wish_reaches_the_engine_while_no_worker_lives(
    house: House, order_id: str, temporal: str, loaded: Loaded
) -> None:
    settings = Settings(
        database_url=house.database_url, temporal_address=temporal, task_queue="nobody"
    )
    app = create_app(settings, loaded=loaded)
    headers = {"X-API-Key": key_of("sales")}
    transport = httpx.ASGITransport(app)

    # The order was only stored so far: the wish starts it first.
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client,
    ):
        answer = await client.post(f"/orders/{order_id}/cancellation")

    assert answer.status_code == 202, answer.text
    engine = await Client.connect(temporal, data_converter=pydantic_data_converter)
    handle = engine.get_workflow_handle(order_workflow_id(order_id), result_type=OrderStart)
    names = [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in (await handle.fetch_history()).events
    ]
    assert "request_cancellation" in names
    await handle.terminate()


async def test_more_wishes_than_anybody_can_answer_are_refused_and_a_cancellation_is_not(
    house: House, customer: httpx.AsyncClient, order_id: str
) -> None:
    changes_of = f"/orders/{order_id}/changes"
    waiting = {"order_id": order_id, "kind": "change", "patch": {}, "against_version": 1}
    asked = {"requested_by": "customer", "requested_at": datetime.now(UTC)}
    async with house.engine.begin() as conn:
        rows = [{**waiting, **asked, "id": f"c{n}"} for n in range(WISHES_OPEN_MAX)]
        await conn.execute(insert(changes), rows)

    refused = await customer.post(changes_of, json={"version": 1, "remarks": "ring for ever"})
    cancelled = await customer.post(f"/orders/{order_id}/cancellation")

    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (409, "urn:dueline:problem:too-many-wishes")
    assert problem["errors"][0]["cure"].endswith(changes_of)
    assert cancelled.status_code == 202
