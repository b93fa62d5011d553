"""Lists: filters that mean what they say, and pages that neither repeat nor skip."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import update

from store.tables import marks, orders, overdue_cases, windows
from tests.api.conftest import House
from tests.api.factory import fields_of, order_body, window_row


async def submitted(client: httpx.AsyncClient, number: int) -> list[str]:
    """The ids of so many orders, the newest first."""
    answers = [await client.post("/orders", json=order_body()) for _ in range(number)]
    return [answer.json()["id"] for answer in reversed(answers)]


async def test_pages_follow_each_other_while_orders_come_in(sales: httpx.AsyncClient) -> None:
    ids = await submitted(sales, 5)

    seen, cursor = [], None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        shown = (await sales.get("/orders", params=params)).json()
        seen += [item["id"] for item in shown["items"]]
        await submitted(sales, 1)
        if (cursor := shown["next"]) is None:
            break

    assert seen == ids


async def test_filters_select_and_combine(house: House, sales: httpx.AsyncClient) -> None:
    late, other = await submitted(sales, 2)
    due_at = datetime.now(UTC) + timedelta(hours=1)
    stands = {"stage": "L10", "step": "review", "waiting_role": "finance", "slack": "breached"}
    async with house.engine.begin() as conn:
        await conn.execute(
            update(orders).where(orders.c.id == late).values(**stands, due_at=due_at)
        )
    selecting = [
        {"stage": "L10"},
        {"role": "finance"},
        {"slack": "breached"},
        {"due_before": (due_at + timedelta(minutes=1)).isoformat()},
        {"stage": "L10", "slack": "breached", "state": "open", "profile": "S08"},
    ]
    missing = [
        {"stage": "L10", "slack": "warned"},
        {"due_before": due_at.isoformat()},
        {"state": "completed"},
        {"customer": "C-0002"},
        {"profile": "GEN"},
    ]

    for params in selecting:
        items = (await sales.get("/orders", params=params)).json()["items"]
        assert [item["id"] for item in items] == [late], params
    for params in missing:
        assert (await sales.get("/orders", params=params)).json()["items"] == [], params
    assert len((await sales.get("/orders", params={"customer": "C-0001"})).json()["items"]) == 2
    assert other != late


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("stage=L99", "stage"),
        ("role=boss", "role"),
        ("slack=late", "slack"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("due_before=2031-01-01T00:00:00", "due_before"),
        ("due_before=9999-12-31T23:59:59-12:00", "due_before"),
        ("customer=%00", "customer"),
        ("cursor=nonsense", "cursor"),
        ("cursor=WyIyMDMxIl0=", "cursor"),
        ("cursor=WyIyMDMxLTAxLTAxIiwgIlx1MDAwMCJd", "cursor"),
        ("colour=blue", "colour"),
    ],
)
async def test_a_wrong_filter_is_refused_by_name(house: House, query: str, field: str) -> None:
    async with house.client("key-of-sales") as client:
        answer = await client.get(f"/orders?{query}")

    assert answer.status_code == 422, answer.text
    assert fields_of(answer.json()) == [field]


async def test_windows_and_overdue_cases_say_why_and_since_when(
    house: House, sales: httpx.AsyncClient, now: datetime
) -> None:
    (order_id,) = await submitted(sales, 1)
    window = window_row(order_id, now, state="breached")
    await house.insert(windows, **window)
    fallen = {"window": window["key"], "due_at": now, "recorded_at": now}
    for mark in ("warning", "breach"):
        await house.insert(marks, mark=mark, **fallen)
    case = {"id": f"case-{order_id}", "order_id": order_id, "window": window["key"]}
    await house.insert(overdue_cases, **case, role="sales", opened_at=now, cause="CARRIER")

    clocks = (await sales.get(f"/orders/{order_id}/windows")).json()
    cases = (await sales.get("/overdue?state=open&cause=CARRIER")).json()["items"]

    assert clocks[0]["state"] == "breached"
    assert clocks[0]["explanation"] == window["explanation"]
    assert {mark["mark"] for mark in clocks[0]["marks"]} == {"warning", "breach"}
    assert (cases[0]["rule"], cases[0]["cause"]) == ("S08.W02", "CARRIER")
    assert cases[0]["links"]["order"] == f"/orders/{order_id}"
    assert (await sales.get("/overdue?state=closed")).json()["items"] == []
