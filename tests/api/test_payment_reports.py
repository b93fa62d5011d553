"""Reports of payments through the API: a word of whoever may give it, and never money."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from domain.payments import REPORTS_OPEN_MAX
from store.gate_tables import payment_reports
from store.money_tables import ledger, money_news
from store.tables import timeline
from tests.api.conftest import House
from tests.api.factory import UNPAYABLE, Body, fields_of, fresh_key, key_of
from workflows.contract import MoneyMoved


def told(**changed: Any) -> Body:
    """What a customer says of an order that costs 1540 CNY."""
    return {"amount": "1000.00", "currency": "CNY"} | changed


def of(order_id: str) -> str:
    return f"/orders/{order_id}/payment-reports"


async def test_a_report_is_kept_once_told_to_the_order_and_books_nothing(
    house: House, customer: httpx.AsyncClient, finance: httpx.AsyncClient, order_id: str
) -> None:
    body, key = told(route="foreign", reference="CMB-1"), fresh_key()

    answer = await customer.post(of(order_id), json=body, headers=key)
    again = await customer.post(of(order_id), json=body, headers=key)

    report = answer.json()
    assert (answer.status_code, again.status_code) == (201, 201)
    assert again.json() == report
    assert again.headers["idempotent-replayed"] == "true"
    assert (
        house.temporal.signals
        == [
            (order_id, "money_moved", MoneyMoved(entry=report["id"])),
        ]
        * 2
    ), "hearing twice is safe"
    [row] = await house.rows(payment_reports)
    assert (row["reported_by"], row["settled_at"]) == ("customer", None)
    assert await house.rows(ledger) == []
    assert await house.rows(money_news) == []
    [line] = [row for row in await house.rows(timeline) if row["kind"] == "payment_reported"]
    assert line["text"] == "A payment of 1,000.00 CNY is reported"
    [listed] = (await finance.get(answer.headers["location"])).json()["items"]
    assert listed == {**report, "reported_by": "customer"}
    assert (report["amount"], report["route"], report["reported_by"]) == (
        "1000.00",
        "foreign",
        None,
    )


async def test_the_same_key_with_another_amount_is_refused(
    house: House, customer: httpx.AsyncClient, order_id: str
) -> None:
    key = fresh_key()
    await customer.post(of(order_id), json=told(), headers=key)

    answer = await customer.post(of(order_id), json=told(amount="1"), headers=key)

    assert answer.json()["type"] == "urn:dueline:problem:key-reused"
    assert len(await house.rows(payment_reports)) == 1


@pytest.mark.parametrize(
    ("role", "report", "read"),
    [
        ("customer", 201, 200),
        ("sales", 201, 200),
        ("finance", 201, 200),
        ("order_desk", 403, 200),
        ("leadership", 403, 200),
        ("production", 403, 403),
        ("customer-2", 404, 404),
    ],
)
async def test_who_may_report_a_payment_and_who_may_read_it(
    house: House, order_id: str, role: str, report: int, read: int
) -> None:
    async with house.client(key_of(role)) as client:
        posted = await client.post(of(order_id), json=told())
        listed = await client.get(of(order_id))

    assert (posted.status_code, listed.status_code) == (report, read)
    assert len(await house.rows(payment_reports)) == (report == 201)


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        *UNPAYABLE,
        ("route", {"route": "cash"}),
        ("arrived_at", {"arrived_at": "2026-01-01T00:00:00+08:00"}),
    ],
)
async def test_a_report_that_cannot_be_is_refused_by_field_and_not_kept(
    house: House, customer: httpx.AsyncClient, order_id: str, field: str, changed: Body
) -> None:
    before = await house.count()

    answer = await customer.post(of(order_id), json=told(**changed))

    assert answer.status_code == 422
    assert field in fields_of(answer.json())
    assert await house.count() == before
    assert await house.rows(payment_reports) == []


async def test_an_order_that_has_ended_takes_no_report(
    house: House, customer: httpx.AsyncClient, order_id: str
) -> None:
    await house.end(order_id, "cancelled")

    answer = await customer.post(of(order_id), json=told())

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:dueline:problem:order-closed")
    assert await house.rows(payment_reports) == []


async def test_no_more_than_twenty_reports_wait_and_settled_ones_do_not_count(
    house: House, customer: httpx.AsyncClient, order_id: str
) -> None:
    said: dict[str, Any] = {"order_id": order_id, "amount": 1, "currency": "CNY"}
    said |= {"reported_by": "customer", "reported_at": datetime.now(UTC), "settled_at": None}
    rows = [{**said, "id": f"r{n}"} for n in range(REPORTS_OPEN_MAX - 1)]
    rows.append({**said, "id": "settled", "settled_at": datetime.now(UTC)})
    async with house.engine.begin() as conn:
        await conn.execute(insert(payment_reports), rows)

    last = await customer.post(of(order_id), json=told())
    refused = await customer.post(of(order_id), json=told())
    first = (await customer.get(of(order_id), params={"limit": 15})).json()
    rest = (await customer.get(of(order_id), params={"cursor": first["next"]})).json()

    assert last.status_code == 201
    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (409, "urn:dueline:problem:too-many-wishes")
    assert problem["errors"][0]["cure"].endswith(of(order_id))
    assert len({item["id"] for item in (*first["items"], *rest["items"])}) == REPORTS_OPEN_MAX + 1


async def test_a_report_that_could_not_be_told_waits_for_the_worker(
    house: House, customer: httpx.AsyncClient, order_id: str
) -> None:
    house.temporal.is_away = True

    answer = await customer.post(of(order_id), json=told())

    assert answer.status_code == 503
    assert "it is taken down" in answer.json()["detail"]
    [row], [untold] = await house.rows(payment_reports), await house.rows(money_news)
    assert (untold["order_id"], untold["entry"]) == (order_id, row["id"])
