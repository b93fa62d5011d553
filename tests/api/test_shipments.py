"""What has left an order's house, and what the customer says of it."""

from datetime import datetime

import httpx
import pytest

from domain.changes import ReceiptCondition
from store.tables import goods, shipments
from tests.api.conftest import House
from tests.api.factory import Body, fields_of
from workflows.contract import ReceiptNotice


@pytest.fixture
async def partly_shipped(house: House, order_id: str, now: datetime) -> str:
    """An order of which thirty of forty panels have left, after a day on which nothing could."""
    row = {"order_id": order_id, "released_at": now, "state": "shipped", "shipped_at": now}
    failed = {"reason": "the lorry broke down", "new_date": "2026-12-02", "arrival": "2026-12-04"}
    await house.insert(goods, order_id=order_id, product="EL-A4", made=40, packed=40, shipped=30)
    await house.insert(
        shipments,
        step_key=f"{order_id}/ship/1",
        order_id=order_id,
        state="failed",
        failed_at=now,
        details=failed,
    )
    left = {"carrier": "SF", "tracking": "SF-1", "quantities": {"EL-A4": 30}}
    await house.insert(shipments, **row, **left, step_key=f"{order_id}/ship/2")
    return order_id


async def test_shipments_and_goods_are_listed_and_reasons_stay_inside(
    partly_shipped: str, sales: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    path = f"/orders/{partly_shipped}/shipments"

    inside, outside = (await sales.get(path)).json(), (await customer.get(path)).json()

    assert [(item["number"], item["state"]) for item in inside["items"]] == [
        (1, "failed"),
        (2, "shipped"),
    ]
    assert inside["items"][0]["details"]["reason"] == "the lorry broke down"
    assert outside["items"][0]["details"] == {"new_date": "2026-12-02", "arrival": "2026-12-04"}
    [line] = outside["goods"]
    assert (line["ordered"], line["shipped"], line["open"]) == (40, 30, 10)


async def test_somebody_elses_shipments_are_unknown(
    partly_shipped: str, stranger: httpx.AsyncClient
) -> None:
    assert (await stranger.get(f"/orders/{partly_shipped}/shipments")).status_code == 404


async def test_what_is_wrong_with_the_goods_is_stored_and_told(
    house: House, partly_shipped: str, customer: httpx.AsyncClient
) -> None:
    items = [{"product": "EL-A4", "quantity": 2}]
    body = {"condition": "damaged", "note": "cracked", "items": items}

    answer = await customer.post(f"/orders/{partly_shipped}/receipt", json=body)

    wish = answer.json()
    assert (answer.status_code, wish["condition"], wish["reason"]) == (202, "damaged", "cracked")
    notice = ReceiptNotice(change_id=wish["id"], condition=ReceiptCondition.DAMAGED)
    assert house.temporal.signals == [(partly_shipped, "confirm_receipt", notice)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({"condition": "lost"}, "condition", id="no such condition"),
        pytest.param({"condition": "damaged"}, "note", id="nothing said"),
        pytest.param({"items": [{"product": "EL-A4", "quantity": 1}]}, "items", id="complete"),
        pytest.param(
            {"condition": "damaged", "note": "x", "items": [{"product": "EL-A5", "quantity": 1}]},
            "items[0].product",
            id="never shipped",
        ),
        pytest.param(
            {"condition": "damaged", "note": "x", "items": [{"product": "EL-A4", "quantity": 31}]},
            "items[0].quantity",
            id="more than was shipped",
        ),
    ],
)
async def test_a_receipt_that_cannot_be_meant_is_refused(
    house: House, partly_shipped: str, customer: httpx.AsyncClient, body: Body, field: str
) -> None:
    answer = await customer.post(f"/orders/{partly_shipped}/receipt", json=body)

    assert answer.status_code == 422
    assert fields_of(answer.json()) == [field]
    assert house.temporal.signals == []
