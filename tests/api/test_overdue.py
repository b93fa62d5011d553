"""Overdue cases at the API: opened by hand where that makes sense, and shown with everything."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from domain.roles import Role
from domain.windows import DueWindow, Mark, MarkAt
from store.tables import marks, overdue_cases, performance_ledger, tasks, windows
from tests.api.conftest import House
from tests.api.factory import Body, fields_of, fresh_key, key_of, order_body, task_row, window_row


async def submitted(sales: httpx.AsyncClient) -> str:
    """The id of a new order."""
    return str((await sales.post("/orders", json=order_body(), headers=fresh_key())).json()["id"])


async def clocked(house: House, order_id: str, now: datetime, **changed: Any) -> Body:
    """A window of the order, as an activity writes it down."""
    row = window_row(order_id, now, **changed)
    due = DueWindow(
        key=row["key"],
        rule=row["rule"],
        step=row["step"],
        role=Role(row["role"]),
        limit=row["limit"],
        started_at=now,
        due_at=row["due_at"],
        marks=(MarkAt(mark=Mark.BREACH, at=row["due_at"]),),
        calendar=row["calendar"],
    )
    row["body"] = due.model_dump(mode="json")
    await house.insert(windows, **row)
    return row


def asked(window: Body) -> Body:
    """A request for a case of this window."""
    return {"order": window["order_id"], "window": window["key"], "why": "the press is down"}


async def test_a_case_is_opened_by_hand_for_a_window_that_runs(
    house: House, sales: httpx.AsyncClient, now: datetime
) -> None:
    window = await clocked(house, await submitted(sales), now)

    async with house.client(key_of("order_desk")) as desk:
        answer = await desk.post("/overdue", json=asked(window))

    assert answer.status_code == 202
    assert answer.headers["location"] == answer.json()["links"]["self"]
    [case] = house.temporal.cases
    assert (case.window.key, case.by, case.why) == (
        window["key"],
        "order_desk",
        "the press is down",
    )
    assert case.step_left is False


async def test_the_same_request_again_gets_the_same_answer(
    house: House, sales: httpx.AsyncClient, now: datetime
) -> None:
    window, key = await clocked(house, await submitted(sales), now), fresh_key()

    async with house.client(key_of("quality")) as quality:
        first = await quality.post("/overdue", json=asked(window), headers=key)
        case = {"order_id": window["order_id"], "window": window["key"], "role": "sales"}
        await house.insert(overdue_cases, **case, id=first.json()["id"], opened_at=now)
        again = await quality.post("/overdue", json=asked(window), headers=key)

    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_window_with_a_case_is_refused_with_the_way_to_it(
    house: House, sales: httpx.AsyncClient, now: datetime
) -> None:
    window = await clocked(house, await submitted(sales), now, state="breached", stopped_at=now)
    case = {"order_id": window["order_id"], "window": window["key"], "role": "sales"}
    await house.insert(overdue_cases, **case, id="case-1", opened_at=now)

    async with house.client(key_of("leadership")) as leadership:
        answer = await leadership.post("/overdue", json=asked(window))

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:dueline:problem:case-exists"
    assert answer.headers["location"] == "/overdue/case-1"
    assert house.temporal.cases == []


@pytest.mark.parametrize("state", ["kept", "stopped"])
async def test_a_window_that_was_kept_gets_no_case(
    house: House, sales: httpx.AsyncClient, now: datetime, state: str
) -> None:
    window = await clocked(house, await submitted(sales), now, state=state, stopped_at=now)

    async with house.client(key_of("control")) as control:
        answer = await control.post("/overdue", json=asked(window))

    assert answer.status_code == 422
    assert fields_of(answer.json()) == ["window"]


async def test_a_case_of_a_missed_window_knows_that_its_step_is_over(
    house: House, sales: httpx.AsyncClient, now: datetime
) -> None:
    window = await clocked(house, await submitted(sales), now, state="breached", stopped_at=now)

    async with house.client(key_of("sales_manager")) as manager:
        await manager.post("/overdue", json=asked(window))

    assert house.temporal.cases[0].step_left is True


@pytest.mark.parametrize(("role", "person"), [("control", "key-of-sales"), ("sales", None)])
async def test_one_case_is_shown_with_tasks_marks_and_charges(
    house: House, sales: httpx.AsyncClient, now: datetime, role: str, person: str | None
) -> None:
    window = await clocked(house, await submitted(sales), now, state="breached")
    order_id, case_id = window["order_id"], f"case-{window['order_id']}.confirm.1"
    await house.insert(marks, window=window["key"], mark="breach", due_at=now, recorded_at=now)
    await house.insert(
        overdue_cases,
        id=case_id,
        order_id=order_id,
        window=window["key"],
        role="sales",
        opened_at=now,
        cause="CLERK_ERROR",
        measure="one tray for all",
        measure_owner="planning",
        measure_until=now + timedelta(days=3),
        decision="re_plan",
    )
    await house.insert(
        tasks, **task_row(order_id, now, id=f"{case_id}.cause", workflow_id=case_id, step="cause")
    )
    await house.insert(tasks, **task_row(order_id, now))
    await house.insert(
        performance_ledger,
        key=f"{case_id}/S26.F01",
        order_id=order_id,
        case_id=case_id,
        profile="S26",
        rule="S26.F01",
        kind="fine",
        role="sales",
        person="key-of-sales",
        amount=Decimal(100),
        currency="CNY",
        reason="The plan was not reported.",
        at=now,
    )

    async with house.client(key_of(role)) as client:
        found = (await client.get(f"/overdue/{case_id}")).json()

    assert [task["step"] for task in found["tasks"]] == ["cause"]
    assert [mark["mark"] for mark in found["marks"]] == ["breach"]
    assert (found["measure_owner"], found["decision"]) == ("planning", "re_plan")
    [charge] = found["charges"]
    assert (charge["amount"], charge["currency"], charge["person"]) == ("100.00", "CNY", person)


async def test_an_unknown_case_is_said_to_be_unknown(sales: httpx.AsyncClient) -> None:
    answer = await sales.get("/overdue/case-of-nobody")

    assert answer.status_code == 404
