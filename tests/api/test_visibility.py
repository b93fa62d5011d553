"""What of the house each caller sees: staff all orders, a customer its own and no names."""

import httpx
from sqlalchemy import func, update

from domain.roles import STAFF, Role
from store.tables import api_keys, tasks, timeline, windows
from tests.api.conftest import House
from tests.api.factory import key_of, order_body, task_row, window_row


async def submitted(client: httpx.AsyncClient) -> str:
    answer = await client.post("/orders", json=order_body())
    order_id: str = answer.json()["id"]
    return order_id


async def test_a_revoked_key_opens_nothing(house: House, sales: httpx.AsyncClient) -> None:
    async with house.engine.begin() as conn:
        await conn.execute(update(api_keys).values(revoked_at=func.now()))

    answer = await sales.get("/orders")

    assert answer.status_code == 401


async def test_staff_see_all_orders(house: House, sales: httpx.AsyncClient) -> None:
    order_id = await submitted(sales)

    for role in sorted(STAFF):
        async with house.client(key_of(role.value)) as client:
            listed = await client.get("/orders")
            shown = await client.get(f"/orders/{order_id}")
        assert len(listed.json()["items"]) == 1, role
        assert shown.status_code == 200, role


async def test_somebody_elses_order_is_not_there(
    house: House, sales: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    order_id = await submitted(sales)
    task = task_row(order_id, house.temporal.started[0].received_at, role="customer")
    await house.insert(tasks, **task)
    before = await house.count()

    requests = [
        stranger.get(f"/orders/{order_id}"),
        stranger.get(f"/orders/{order_id}/timeline"),
        stranger.get(f"/orders/{order_id}/windows"),
        stranger.get(f"/orders/{order_id}/changes/1"),
        stranger.post(f"/orders/{order_id}/changes", json={"version": 1, "remarks": "x"}),
        stranger.post(f"/orders/{order_id}/cancellation"),
        stranger.post(f"/orders/{order_id}/receipt"),
        stranger.get(f"/tasks/{task['id']}"),
        stranger.post(f"/tasks/{task['id']}/completion", json={"outcome": "done"}),
    ]
    answers = [await request for request in requests]

    assert {answer.status_code for answer in answers} == {404}
    for path in ("/orders", "/orders?customer=C-0001", "/tasks", f"/tasks?order={order_id}"):
        assert (await stranger.get(path)).json()["items"] == []
    assert await house.count() == before
    assert house.temporal.signals == []


async def test_a_customer_sees_the_story_without_names_and_notes(
    house: House, sales: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    order_id = await submitted(sales)
    now = house.temporal.started[0].received_at
    told = {"order_id": order_id, "at": now, "kind": "decision", "text": "Confirm: done"}
    await house.insert(timeline, key="1", **told, data={"by": "Hua", "note": "a difficult one"})
    await house.insert(windows, **window_row(order_id, now))
    done = {
        "state": "done",
        "outcome": "done",
        "note": "n",
        "decided_by": "Hua",
        "data": {"a": "b"},
    }
    await house.insert(tasks, **task_row(order_id, now, role="customer", **done))

    for client, sees in ((sales, True), (customer, False)):
        story = (await client.get(f"/orders/{order_id}/timeline")).json()
        clocks = (await client.get(f"/orders/{order_id}/windows")).json()
        task = (await client.get(f"/tasks/{order_id}.confirm.1.customer")).json()
        assert story[0]["text"] == "Confirm: done"
        assert clocks[0]["explanation"]
        hidden = (
            story[0]["data"],
            clocks[0]["marks"],
            task["note"],
            task["data"],
            task["decided_by"],
        )
        assert all((value is not None) is sees for value in hidden)


async def test_a_customer_does_not_see_what_the_departments_do(
    house: House, sales: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    order_id = await submitted(sales)
    task = task_row(order_id, house.temporal.started[0].received_at, role="production")
    await house.insert(tasks, **task)

    answers = [
        await customer.get(f"/tasks/{task['id']}"),
        await customer.post(f"/tasks/{task['id']}/completion", json={"outcome": "done"}),
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    for path in ("/tasks", f"/tasks?order={order_id}", "/tasks?role=production"):
        assert (await customer.get(path)).json()["items"] == []


async def test_contact_and_address_are_shown_to_those_who_call_or_deliver(
    house: House, sales: httpx.AsyncClient
) -> None:
    order_id = await submitted(sales)

    for role, sees in ((Role.LOGISTICS, True), (Role.PRODUCTION, False), (Role.FINANCE, False)):
        async with house.client(key_of(role.value)) as client:
            answer = await client.get(f"/orders/{order_id}")
        assert ("contact" in answer.json()["order"]) is sees, role
        assert ("Lin Yue" in answer.text) is sees, role


async def test_a_customer_is_not_told_why_a_step_is_held_up(
    house: House, sales: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    order_id = await submitted(sales)
    why = "Credit check: missing: the customer is blocked; waits for finance"
    told = {"order_id": order_id, "at": house.temporal.started[0].received_at, "text": why}
    await house.insert(timeline, key="1", kind="step_blocked", **told)

    [theirs] = (await customer.get(f"/orders/{order_id}/timeline")).json()
    [ours] = (await sales.get(f"/orders/{order_id}/timeline")).json()

    assert theirs["text"] == "Credit check: waits for something inside the company"
    assert ours["text"] == why


async def test_a_customer_does_not_see_overdue_cases(
    house: House, sales: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    order_id = await submitted(sales)
    now = house.temporal.started[0].received_at
    kinds = ("step_opened", "window_breach", "window_leadership", "case_cause_done")
    for kind in kinds:
        told = {"order_id": order_id, "at": now, "kind": kind, "text": kind}
        await house.insert(timeline, key=kind, **told)
    case = f"case-{order_id}.confirm.1/cause"
    breached = {"order_id": order_id, "at": now, "kind": "window_breach", "text": "x"}
    await house.insert(timeline, key="case", **breached, data={"window": case})
    await house.insert(windows, **window_row(order_id, now))
    await house.insert(windows, **window_row(order_id, now, key=case))

    seen = {
        client: (
            [entry["kind"] for entry in (await client.get(f"/orders/{order_id}/timeline")).json()],
            len((await client.get(f"/orders/{order_id}/windows")).json()),
        )
        for client in (sales, customer)
    }

    assert seen[sales] == ([*kinds, "window_breach"], 2)
    assert seen[customer] == (["step_opened", "window_breach"], 1)
