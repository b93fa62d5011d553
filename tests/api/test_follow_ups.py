"""Follow-ups over HTTP: asked for, listed, shown to whom they concern, and refused with a cure."""

import asyncio
from datetime import datetime
from typing import Any

import httpx
import pytest

from api.problems import INVALID, NOT_ALLOWED
from domain.follow_ups import follow_up_workflow_id
from ops import commands_follow_ups
from store.follow_up_tables import follow_ups
from store.tables import tasks
from tests.api.conftest import House
from tests.api.factory import Body, fields_of, fresh_key, key_of, task_row
from tests.api.test_overdue import submitted

COMPLAINT: Body = {"kind": "complaint", "text": "Frau Li says that it flickers."}


async def ask(client: httpx.AsyncClient, order: str, body: Body, **headers: str) -> httpx.Response:
    return await client.post(f"/orders/{order}/follow-ups", json=body, headers=headers)


async def test_a_customer_asks_for_its_own_order_once_and_only_those_concerned_read_what_it_said(
    house: House, sales: httpx.AsyncClient, now: datetime
) -> None:
    order, key = await submitted(sales), fresh_key()
    async with house.client(key_of("customer")) as customer:
        asked = await ask(customer, order, {**COMPLAINT, "facts": {"line": "1"}}, **key)
        again = await ask(customer, order, {**COMPLAINT, "facts": {"line": "1"}}, **key)
        own = (await customer.get(asked.json()["links"]["self"])).json()
    follow_up = asked.json()["id"]
    workflow_id = follow_up_workflow_id(order, follow_up)
    task = task_row(order, now, id=f"{workflow_id}.record.1", workflow_id=workflow_id)
    await house.insert(tasks, **{**task, "step": "record", "role": "customer_service"})
    async with house.client(key_of("customer-2")) as other:
        unknown = await other.get(f"/follow-ups/{follow_up}")
        not_theirs = await ask(other, order, COMPLAINT)
    async with house.client(key_of("quality")) as quality:
        seen = (await quality.get(f"/follow-ups/{follow_up}")).json()
    async with house.client(key_of("purchasing")) as purchasing:
        listed = (await purchasing.get("/follow-ups", params={"state": "wanted"})).json()
        hidden = (await purchasing.get(f"/follow-ups/{follow_up}")).json()

    assert (asked.status_code, asked.json()["state"]) == (202, "wanted")
    assert asked.headers["location"] == f"/follow-ups/{follow_up}"
    assert (again.json()["id"], again.headers["idempotent-replayed"]) == (follow_up, "true")
    assert len(await house.rows(follow_ups)) == 1
    assert (own["text"], own["requested_by"], own["tasks"]) == (COMPLAINT["text"], None, [])
    assert (unknown.status_code, not_theirs.status_code) == (404, 404)
    assert (seen["text"], seen["facts"]) == (COMPLAINT["text"], {"line": "1"})
    assert [task["step"] for task in seen["tasks"]] == ["record"]
    assert [item["title_zh"] for item in listed["items"]] == ["投诉"]
    assert hidden["text"] is None


@pytest.mark.parametrize(
    ("body", "role", "kind", "field", "said"),
    [
        ({"kind": "praise", "text": "x"}, "sales", INVALID, "kind", "write one of complaint, serv"),
        ({"kind": "refund", "text": "x"}, "sales", INVALID, "kind", "begins by itself"),
        ({"kind": "return", "text": "x"}, "sales", INVALID, "kind", "ask for a change"),
        ({"kind": "complaint", "text": ""}, "sales", INVALID, "text", "at least 1"),
        ({"kind": "complaint", "text": "a\u0000"}, "sales", INVALID, "text", "invisible"),
        ({"kind": "complaint", "text": "x", "price": 1}, "sales", INVALID, "price", ""),
        (COMPLAINT, "planning", NOT_ALLOWED, "", ""),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_with_a_cure_and_nothing_is_stored(
    house: House,
    sales: httpx.AsyncClient,
    body: Body,
    role: str,
    kind: Any,
    field: str,
    said: str,
) -> None:
    order = await submitted(sales)

    async with house.client(key_of(role)) as client:
        answer = await ask(client, order, body)

    assert (answer.status_code, answer.json()["type"]) == (kind.status, kind.type)
    assert fields_of(answer.json() | {"errors": answer.json().get("errors", ())}) == (
        [field] if field else []
    )
    assert said in answer.text
    assert await house.rows(follow_ups) == []


async def test_what_somebody_inside_wrote_of_a_complaint_no_customer_reads(
    house: House, sales: httpx.AsyncClient
) -> None:
    order = await submitted(sales)
    written = (await ask(sales, order, COMPLAINT)).json()["links"]["self"]

    async with house.client(key_of("customer")) as customer:
        seen = (await customer.get(written)).json()
    kept = (await sales.get(written)).json()

    assert (seen["state"], seen["text"], kept["text"]) == ("wanted", None, COMPLAINT["text"])


async def test_the_commands_ask_list_and_show(
    house: House,
    sales: httpx.AsyncClient,
    at_home: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    order = await submitted(sales)

    await commands_follow_ups.follow_up(
        order, "service", text="It hums.", fact=("line=1",), **at_home
    )
    [row] = await house.rows(follow_ups)
    await commands_follow_ups.follow_ups(state="wanted", kind="service", order=order, **at_home)
    await commands_follow_ups.follow_ups(row["id"], **at_home)
    said = capsys.readouterr().out

    assert f"After-sales service {row['id']} is wanted" in said
    assert "1 follow-up" in said
    assert "It hums." in said
    assert row["facts"] == {"line": "1"}


async def test_two_that_ask_at_once_under_one_key_ask_once(
    house: House, sales: httpx.AsyncClient
) -> None:
    order, key = await submitted(sales), fresh_key()

    answers = await asyncio.gather(*(ask(sales, order, COMPLAINT, **key) for _ in range(4)))

    assert {answer.json()["id"] for answer in answers} == {
        row["id"] for row in await house.rows(follow_ups)
    }
    assert len(await house.rows(follow_ups)) == 1
