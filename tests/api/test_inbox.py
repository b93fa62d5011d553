"""Tasks as the database shows them: the inbox, and refusals that need no engine."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from domain.roles import Role
from store.tables import tasks
from tests.api.conftest import House
from tests.api.factory import fields_of, key_of, task_row

ANSWER = {"outcome": "done", "data": {"carrier": "SF"}, "note": "by telephone"}


@pytest.fixture
def path(order_id: str) -> str:
    """Where the sales desk's task is completed."""
    return f"/tasks/{order_id}.confirm.1.sales/completion"


async def test_a_closed_task_is_refused_without_asking_the_engine(
    house: House, sales: httpx.AsyncClient, order_id: str, path: str, now: datetime
) -> None:
    await house.insert(tasks, **task_row(order_id, now, state="withdrawn", closed_at=now))

    answer = await sales.post(path, json=ANSWER)

    assert answer.status_code == 409


async def test_the_same_person_giving_the_same_answer_again_is_told_so(
    house: House, sales: httpx.AsyncClient, order_id: str, path: str, now: datetime
) -> None:
    await house.insert(tasks, **task_row(order_id, now))
    done = {"state": "done", "decided_by": "sales", "closed_at": now}
    async with house.engine.begin() as conn:
        await conn.execute(update(tasks).values(**ANSWER, **done))

    same = await sales.post(path, json=ANSWER)
    other = await sales.post(path, json=ANSWER | {"note": "by mail"})

    assert (same.status_code, other.status_code) == (200, 409)


async def test_only_the_tasks_own_role_completes_it(
    house: House, order_id: str, path: str, now: datetime
) -> None:
    await house.insert(tasks, **task_row(order_id, now))

    for role in (Role.FINANCE, Role.OPERATIONS, Role.LEADERSHIP):
        async with house.client(key_of(role.value)) as client:
            answer = await client.post(path, json=ANSWER)
        assert answer.status_code == 403, role
        assert "sales" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "outcome"),
        ({"outcome": True}, "outcome"),
        ({"outcome": "done", "data": {"carrier": 7}}, "data.carrier"),
        ({"outcome": "done", "data": [1]}, "data"),
        ({"outcome": "done", "note": "x" * 2_001}, "note"),
        ({"outcome": "done", "note": "a\x00"}, "note"),
        ({"outcome": "done", "by": "me"}, "by"),
    ],
)
async def test_an_answer_of_the_wrong_shape_is_refused_by_field(
    house: House, body: dict[str, Any], field: str
) -> None:
    async with house.client(key_of("sales")) as client:
        answer = await client.post("/tasks/none/completion", json=body)

    assert answer.status_code == 422
    assert fields_of(answer.json()) == [field]


async def test_the_inbox_shows_the_keys_roles_the_most_urgent_first(
    house: House, sales: httpx.AsyncClient, order_id: str, now: datetime
) -> None:
    hours = {"a": 3, "b": 1, "c": None}
    for step, due_in in hours.items():
        due_at = None if due_in is None else now + timedelta(hours=due_in)
        row = {"id": f"{order_id}.{step}.1.sales", "step": step, "due_at": due_at}
        await house.insert(tasks, **task_row(order_id, now, **row))
    await house.insert(tasks, **task_row(order_id, now, role="finance"))

    mine = (await sales.get("/tasks")).json()["items"]
    first = (await sales.get("/tasks?limit=2")).json()
    second = (await sales.get("/tasks", params={"limit": 2, "cursor": first["next"]})).json()
    theirs = (await sales.get("/tasks?role=finance")).json()["items"]
    whole = (await sales.get(f"/tasks?order={order_id}")).json()["items"]

    assert [task["step"] for task in mine] == ["b", "a", "c"]
    assert [task["step"] for task in first["items"] + second["items"]] == ["b", "a", "c"]
    assert second["next"] is None
    assert [task["role"] for task in theirs] == ["finance"]
    assert len(whole) == 4
