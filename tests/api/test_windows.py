"""An order's clocks through the API: explained, adjusted, judged at risk."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.limits import Limit
from domain.roles import Role
from domain.windows import DueWindow, LedgerKind, Mark, MarkAt, PauseReason
from store.tables import outbox, window_ledger, windows
from tests.api.conftest import House
from tests.api.factory import fields_of, fresh_key, key_of, order_body, window_row

MORNING = datetime.fromisoformat("2026-09-21T08:30:00+08:00")


async def order_with_window(house: House, sales: httpx.AsyncClient, **changed: Any) -> str:
    """An order with a window of four working hours since Monday morning, one of them paused."""
    order_id = str((await sales.post("/orders", json=order_body())).json()["id"])
    due = MORNING + timedelta(hours=6, minutes=30)
    window = DueWindow(
        key=f"{order_id}/confirm/1",
        rule="S08.W02",
        step="confirm",
        role=Role.SALES,
        limit=Limit.parse("4h"),
        started_at=MORNING,
        due_at=due,
        marks=(MarkAt(mark=Mark.BREACH, at=due),),
        calendar="cn@1",
        pauses=(PauseReason.CUSTOMER,),
        running_since=MORNING + timedelta(hours=2),
        used=3600,
        pause_count=1,
        paused_seconds=3600,
    )
    body = {"body": window.model_dump(mode="json"), "limit": "4h", "due_at": due}
    row = window_row(order_id, MORNING, **body, stopped_at=MORNING + timedelta(hours=2.5))
    await house.insert(windows, **(row | {"state": "kept"} | changed))
    return order_id


async def test_a_window_says_why_it_is_due_what_is_used_and_what_remains(
    house: House, sales: httpx.AsyncClient
) -> None:
    order_id = await order_with_window(house, sales)
    await house.insert(
        window_ledger,
        key="k",
        window=f"{order_id}/confirm/1",
        order_id=order_id,
        at=MORNING,
        kind="paused",
        reason="waits for the customer",
        by="key-of-sales",
        due_before=MORNING,
        due_after=MORNING,
        used="3600",
        calendar="cn@1",
    )

    [window] = (await sales.get(f"/orders/{order_id}/windows")).json()

    assert window["explanation"] == (
        "S08.W02 runs from 2026-09-21 08:30+08:00 for 4 working hours. "
        "It was paused once, 1 h in all. "
        "By 2026-09-21 11:00+08:00 it has used 1 h 30 min of working time: "
        "2 h 30 min left. "
        "So it was due on 2026-09-21 15:00+08:00, by calendar cn@1 (its holidays are announced)."
    )
    assert [(line["kind"], line["by"]) for line in window["ledger"]] == [("paused", "key-of-sales")]


async def test_a_customer_sees_the_clock_and_not_who_touched_it(
    house: House, sales: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    order_id = await order_with_window(house, sales)

    [window] = (await customer.get(f"/orders/{order_id}/windows")).json()

    assert "1 h 30 min" in window["explanation"]
    assert (window["marks"], window["ledger"]) == (None, None)


async def test_a_pause_is_asked_of_the_workflow_and_answered_at_once(
    house: House, sales: httpx.AsyncClient
) -> None:
    order_id = await order_with_window(house, sales)
    wish = {"action": "pause", "reason": "customer", "note": "a drawing is missing"}
    headers = fresh_key()

    answers = [
        await sales.post(f"/orders/{order_id}/windows/adjustments", json=wish, headers=headers)
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["links"] == {"windows": f"/orders/{order_id}/windows"}
    first, second = (wished for _, wished in house.temporal.adjusted)
    assert (first.action, first.reason) == (LedgerKind.PAUSED, PauseReason.CUSTOMER)
    assert (first.roles, first.by) == ((Role.SALES,), "sales")
    assert first.request_id == second.request_id


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"action": "stop", "reason": "customer"}, "action"),
        ({"action": "pause", "reason": "weather"}, "reason"),
        ({"action": "pause", "reason": "customer", "until": "noon"}, "until"),
        ({}, "action"),
    ],
)
async def test_what_is_no_adjustment_is_refused_with_its_field(
    house: House, sales: httpx.AsyncClient, wish: dict[str, str], field: str
) -> None:
    order_id = await order_with_window(house, sales)

    answer = await sales.post(f"/orders/{order_id}/windows/adjustments", json=wish)

    assert answer.status_code == 422
    assert fields_of(answer.json()) == [field]
    assert not house.temporal.adjusted


async def test_customers_touch_no_clock_and_other_peoples_orders_are_not_there(
    house: House, sales: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    order_id = await order_with_window(house, sales)
    wish = {"action": "pause", "reason": "customer"}

    forbidden = await customer.post(f"/orders/{order_id}/windows/adjustments", json=wish)
    unknown = await sales.post("/orders/nobody/windows/adjustments", json=wish)

    assert (forbidden.status_code, unknown.status_code) == (403, 404)


async def test_a_closed_order_has_no_clock_to_pause(house: House, sales: httpx.AsyncClient) -> None:
    order_id = await order_with_window(house, sales)
    house.temporal.has_closed = True

    answer = await sales.post(
        f"/orders/{order_id}/windows/adjustments", json={"action": "pause", "reason": "customer"}
    )

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:dueline:problem:order-closed")


async def test_a_warning_answered_at_risk_is_kept_once_and_told_to_sales_and_head(
    house: House, sales: httpx.AsyncClient
) -> None:
    order_id = await order_with_window(house, sales, stopped_at=None, state="open")
    answer = {"rule": "S08.W02", "at_risk": True, "note": "nobody answers the phone"}

    answers = [await sales.post(f"/orders/{order_id}/windows/risk", json=answer) for _ in range(2)]

    assert [one.status_code for one in answers] == [200, 200]
    async with house.engine.connect() as conn:
        lines = (await conn.execute(window_ledger.select())).mappings().all()
        told = (await conn.execute(outbox.select())).mappings().all()
    assert [(line["kind"], line["reason"]) for line in lines] == [
        ("at_risk", "nobody answers the phone")
    ]
    assert sorted(row["to_role"] for row in told) == ["department_head", "sales"]
    assert all(row["text_zh"] for row in told)


async def test_only_the_owner_of_a_running_window_judges_its_risk(
    house: House, sales: httpx.AsyncClient
) -> None:
    order_id = await order_with_window(house, sales, stopped_at=None, state="open")
    answer = {"rule": "S08.W02", "at_risk": False}

    async with house.client(key_of("finance")) as finance:
        forbidden = await finance.post(f"/orders/{order_id}/windows/risk", json=answer)
    unknown = await sales.post(
        f"/orders/{order_id}/windows/risk", json=answer | {"rule": "S08.W09"}
    )

    assert forbidden.status_code == 403
    assert (unknown.status_code, fields_of(unknown.json())) == (422, ["rule"])


@pytest.mark.parametrize(
    ("ordered_at", "what"),
    [
        (datetime.now(UTC) + timedelta(days=1), "future"),
        (datetime.now(UTC) - timedelta(days=400), "90 days back"),
    ],
)
async def test_an_order_is_entered_late_and_not_early_or_from_another_year(
    sales: httpx.AsyncClient, ordered_at: datetime, what: str
) -> None:
    answer = await sales.post("/orders", json=order_body(ordered_at=ordered_at.isoformat()))

    assert (answer.status_code, fields_of(answer.json())) == (422, ["ordered_at"])
    assert what in answer.json()["errors"][0]["message"]


async def test_an_order_entered_late_was_received_when_the_customer_ordered(
    house: House, sales: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    earlier = datetime.now(UTC) - timedelta(hours=5)
    body = order_body(ordered_at=earlier.isoformat())

    taken = await sales.post("/orders", json=body)
    refused = await customer.post("/orders", json=body)

    assert taken.status_code == 201
    assert [start.received_at for start in house.temporal.started] == [earlier]
    assert (refused.status_code, fields_of(refused.json())) == (422, ["ordered_at"])
