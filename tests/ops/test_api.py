"""The same over HTTP, for keys of operations; and what an order says it waits for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from api.app import create_app
from domain.roles import Role
from ops.order_tables import print_order
from ops.repair.site import Site
from policy.loader import load_all
from settings import Settings
from store import tables
from store.keys import digest_of
from tests.ops.test_cures import MENDED, blocked_at_confirm, pending
from tests.workflow.floor import S08_STEPS, Floor, Placed

NOBODY_LISTENS = "127.0.0.1:1"
HELD = "urn:dueline:problem:order-on-hold"
AWAY = "urn:dueline:problem:unavailable"


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[FastAPI]:
    app = create_app(settings, loaded=load_all())
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def keys(site: Site) -> None:
    """Keys for the sales desk and for the customer, besides those of the site."""
    people = {"sales": Role.SALES, "customer": Role.CUSTOMER}
    async with site.database.begin() as conn:
        for name, role in people.items():
            await conn.execute(
                tables.api_keys.insert().values(
                    digest=digest_of(f"key-of-{name}"),
                    name=name,
                    roles=[role.value],
                    customer="C-0001" if role is Role.CUSTOMER else None,
                )
            )


@pytest.fixture
async def app(site: Site, keys: None, database_url: str, temporal: str) -> AsyncIterator[FastAPI]:
    """The API over the floor's database and engine."""
    settings = Settings(
        database_url=database_url, temporal_address=temporal, task_queue=site.task_queue
    )
    async with opened(settings) as app:
        yield app


def client(app: FastAPI, name: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer key-of-{name}"}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://api", headers=headers, timeout=30
    )


@pytest.fixture
async def ops(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app, "ops-1") as found:
        yield found


@pytest.fixture
async def sales(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app, "sales") as found:
        yield found


@pytest.fixture
async def customer(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app, "customer") as found:
        yield found


async def at_confirm(floor: Floor) -> Placed:
    placed = await floor.place()
    await placed.do("entry")
    await placed.at("confirm")
    return placed


async def held(placed: Placed, ops: httpx.AsyncClient) -> None:
    answer = await ops.post(
        f"/ops/orders/{placed.order_id}/hold", json={"because": "recall of batch 7"}
    )
    assert answer.status_code == 200, answer.text

    async def shown() -> bool:
        return (await placed.row())["held_at"] is not None

    await placed.until(shown, "the hold is shown")


async def waiting(of: httpx.AsyncClient, placed: Placed) -> dict[str, Any]:
    answer = await of.get(f"/orders/{placed.order_id}")
    found: dict[str, Any] = answer.json()["waiting"]
    return found


async def test_a_held_order_refuses_answers_and_tells_staff_why_and_the_customer_not(
    floor: Floor, ops: httpx.AsyncClient, sales: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    placed = await at_confirm(floor)
    [task] = await placed.open_tasks("confirm")
    await held(placed, ops)

    refused = await sales.post(f"/tasks/{task['id']}/completion", json={"outcome": "confirmed"})
    again = await ops.post(f"/ops/orders/{placed.order_id}/hold", json={"because": "once more"})
    seen, seen_outside = await waiting(sales, placed), await waiting(customer, placed)
    listed = await sales.get("/orders", params={"held": "true"})

    assert (refused.status_code, refused.json()["type"]) == (409, HELD)
    assert "recall of batch 7; operations release it" in refused.json()["detail"]
    assert (again.status_code, again.json()["type"]) == (409, HELD)
    assert seen["on_hold"]["because"] == "recall of batch 7"
    assert seen["next"] == [
        f"operations: release it with `dueline ops release {await name(placed)}`"
    ]
    assert seen_outside["on_hold"] == {"since": seen["on_hold"]["since"], "because": None}
    assert "recall" not in str(seen_outside)
    assert [item["id"] for item in listed.json()["items"]] == [placed.order_id]
    released = await ops.post(f"/ops/orders/{placed.order_id}/release")
    assert released.json()["said"] == "the hold is released"
    answered = await sales.post(f"/tasks/{task['id']}/completion", json={"outcome": "confirmed"})
    assert answered.status_code == 200


async def name(placed: Placed) -> str:
    row = await placed.row()
    return str(row["number"] or row["id"])


async def test_the_trail_has_every_action_under_the_keys_name_page_by_page(
    floor: Floor, ops: httpx.AsyncClient
) -> None:
    placed = await at_confirm(floor)
    await held(placed, ops)
    await ops.post(f"/ops/orders/{placed.order_id}/release", json={})
    await ops.post(f"/ops/orders/{placed.order_id}/retry")

    found, cursor = [], None
    while True:
        params = {"limit": "2", "target": placed.order_id} | ({"cursor": cursor} if cursor else {})
        page = (await ops.get("/ops/trail", params=params)).json()
        found += [(line["action"], line["by"]) for line in page["items"]]
        if (cursor := page["next"]) is None:
            break

    assert found == [("retry", "ops-1"), ("release", "ops-1"), ("hold", "ops-1")]
    odd = await ops.get("/ops/trail", params={"cursor": "nonsense"})
    assert odd.status_code == 422


async def test_a_request_with_the_same_key_holds_once(floor: Floor, ops: httpx.AsyncClient) -> None:
    placed = await at_confirm(floor)
    path, body = f"/ops/orders/{placed.order_id}/hold", {"because": "a strike"}
    headers = {"Idempotency-Key": "hold-1"}

    answers = [await ops.post(path, json=body, headers=headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]


async def test_skipping_over_http_takes_two_keys(app: FastAPI, floor: Floor) -> None:
    placed = await at_confirm(floor)
    path = f"/ops/orders/{placed.order_id}/skip-step"
    body = {"step": "confirm", "because": "confirmed on paper"}

    async with client(app, "ops-1") as first, client(app, "leader") as second:
        early = await second.post(path, json=body)
        asked = await first.post(path, json=body)
        alone = await first.post(path, json=body)
        agreed = await second.post(path, json=body)
        elsewhere = await first.post(path, json=body | {"step": "review"})

    assert early.status_code == 403
    assert asked.json()["outcome"] == "asked"
    assert (alone.status_code, "somebody else" in alone.json()["detail"]) == (403, True)
    assert agreed.json()["outcome"] == "skipped"
    assert (elsewhere.status_code, elsewhere.json()["errors"][0]["field"]) == (422, "step")


async def test_what_fails_is_told_in_plain_words_with_the_next_try_and_the_cure(
    floor: Floor, site: Site, ops: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    placed = await blocked_at_confirm(floor)
    await pending(placed, site, attempt=2)

    seen, outside = await waiting(ops, placed), await waiting(customer, placed)
    async with floor.engine.begin() as conn:
        await conn.execute(text(MENDED))
    retried = await ops.post(f"/ops/orders/{placed.order_id}/retry")

    assert seen["engine"] == "asked"
    assert seen["last_error"]["what"].startswith("entering the next step fails: ")
    assert "broken" in seen["last_error"]["what"]
    assert "Failing row" not in str(seen)
    assert seen["last_error"]["attempt"] >= 2
    assert f"`dueline ops retry {placed.order_id}`" in seen["next"][0]
    assert (outside["last_error"], outside["engine"]) == (None, "not asked")
    assert retried.json()["workflows"][0]["activities"][0]["type"] == "open_step"
    await placed.at("confirm")


async def test_an_order_says_stage_whom_since_due_and_what_to_do(
    floor: Floor, sales: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    placed = await at_confirm(floor)
    row = await placed.row()
    [task] = await placed.open_tasks("confirm")

    seen, outside = await waiting(sales, placed), await waiting(customer, placed)

    assert seen | {"engine": "asked", "last_error": None} == seen
    assert (seen["step"], seen["stage"], seen["for"]) == ("confirm", row["stage"], [task["role"]])
    assert seen["title_zh"] == task["title_zh"]
    assert task["id"] in seen["tasks"]
    assert any(
        said.startswith(f"{task['role']}: answer task {task['id']}") for said in seen["next"]
    )
    assert seen["since"] == outside["since"]
    assert seen["due_at"] == outside["due_at"]
    assert (outside["for"], outside["tasks"], outside["next"]) == ([], [], [])


async def test_a_blocked_step_says_why_until_it_is_no_longer_blocked(
    floor: Floor, sales: httpx.AsyncClient
) -> None:
    async with floor.engine.begin() as conn:
        await conn.execute(text("UPDATE materials SET on_hand = reserved"))
    placed = await floor.place()
    await placed.walk(S08_STEPS[:3])
    await placed.at("material")

    blocked = await waiting(sales, placed)
    async with floor.engine.begin() as conn:
        await conn.execute(text("UPDATE materials SET on_hand = 1000000"))
    await placed.do("material")
    await placed.at("plan")

    assert blocked["step"] == "material"
    assert "EL" in blocked["blocked"] or "short" in blocked["blocked"]
    assert (await waiting(sales, placed))["blocked"] is None


async def test_an_order_at_a_gate_of_money_says_that_it_is_to_be_paid_and_reported(
    floor: Floor, customer: httpx.AsyncClient, sales: httpx.AsyncClient
) -> None:
    async with floor.engine.begin() as conn:
        await conn.execute(text("UPDATE customers SET credit_limit = NULL"))
    placed = await floor.place(profile="S07")
    await placed.walk(("entry", "check", "confirm"))
    await placed.at("credit")

    theirs, ours = await waiting(customer, placed), await waiting(sales, placed)
    word = {"amount": "55.50", "currency": "CNY"}
    told = await customer.post(f"/orders/{placed.order_id}/payment-reports", json=word)

    assert (theirs["for"], theirs["due_at"], ours["due_at"]) == (["the customer"], None, None)
    assert "payment-reports" in theirs["next"][-1]
    assert "dueline paid" in ours["next"][-1]
    assert told.status_code == 201

    async def confirming() -> bool:
        return (await waiting(sales, placed))["due_at"] is not None

    await placed.until(confirming, "finance has until then to confirm it")
    first = await floor.place(profile="S23")
    await first.walk(("entry", "check", "confirm", "review"))
    await first.at("activation")
    assert (await waiting(customer, first))["next"] == ["pay what is due"], "its time runs already"
    for order in (placed, first):
        [*others, last] = (await waiting(sales, order))["next"]
        assert last.startswith("finance: enter what arrives")
        assert "dueline pay SO-" in last
        assert "dueline paid" not in " ".join((*others, last))


async def test_the_customer_is_told_to_confirm_the_receipt_and_a_closed_order_waits_for_nothing(
    floor: Floor, customer: httpx.AsyncClient, sales: httpx.AsyncClient
) -> None:
    placed = await floor.place()
    await placed.walk((*S08_STEPS, "ship", "notify"))
    await placed.reached("receipt")

    theirs, ours = await waiting(customer, placed), await waiting(sales, placed)
    await placed.wish("receipt")
    await placed.handle.result()

    assert theirs["next"] == ["confirm the receipt of the goods"]
    assert (theirs["for"], ours["for"]) == (["the customer"], ["the customer"])
    assert ours["next"] == ["customer: confirm the receipt"]
    assert (await sales.get(f"/orders/{placed.order_id}")).json()["waiting"] is None


async def test_lists_find_what_has_made_no_progress(floor: Floor, sales: httpx.AsyncClient) -> None:
    placed = await at_confirm(floor)
    since = (await placed.row())["step_since"]

    after = await sales.get(
        "/orders", params={"since_before": (since + timedelta(seconds=1)).isoformat()}
    )
    before = await sales.get("/orders", params={"since_before": since.isoformat(), "held": "false"})

    assert [item["id"] for item in after.json()["items"]] == [placed.order_id]
    assert before.json()["items"] == []


async def test_operations_hear_over_http_what_is_stuck_and_how_to_cure_it(
    floor: Floor, ops: httpx.AsyncClient
) -> None:
    stopped, healthy = await at_confirm(floor), await at_confirm(floor)
    await stopped.handle.terminate("by hand")

    report = (await ops.get("/ops/stuck")).json()

    [finding] = report["findings"]
    assert (finding["order_id"], finding["cause"]) == (stopped.order_id, "workflow-closed")
    assert finding["cure"].startswith("dueline ops recover")
    assert report["orders"] == 2
    assert healthy.order_id not in str(report)


async def test_without_the_engine_an_order_is_read_and_cures_are_unavailable(
    site: Site, keys: None, idle_floor: Floor, database_url: str
) -> None:
    placed = await idle_floor.place()
    settings = Settings(database_url=database_url, temporal_address=NOBODY_LISTENS)

    async with opened(settings) as app, client(app, "ops-1") as ops:
        seen = await waiting(ops, placed)
        refused = await ops.post(
            f"/ops/orders/{placed.order_id}/hold", json={"because": "a strike"}
        )

    assert (seen["engine"], seen["last_error"]) == ("not asked", None)
    assert seen["next"] == ["the platform: enter the first step, as soon as a worker takes it"]
    assert (refused.status_code, refused.json()["type"]) == (503, AWAY)


async def test_unknown_orders_and_wrong_bodies_are_refused_by_name(ops: httpx.AsyncClient) -> None:
    unknown = await ops.post(f"/ops/orders/{uuid4()}/hold", json={"because": "a strike"})
    empty = await ops.post(f"/ops/orders/{uuid4()}/hold", json={"because": "  "})
    more = await ops.post(f"/ops/orders/{uuid4()}/retry", json={"force": True})

    assert unknown.status_code == 404
    assert empty.status_code == 422
    assert more.status_code == 422


async def test_the_terminal_shows_hold_reason_and_the_next_thing_to_do(
    floor: Floor,
    ops: httpx.AsyncClient,
    sales: httpx.AsyncClient,
    capsys: pytest.CaptureFixture[str],
) -> None:
    placed = await at_confirm(floor)
    path = f"/orders/{placed.order_id}"
    clocks = (await sales.get(f"{path}/windows")).json()
    print_order((await sales.get(path)).json(), clocks, [])
    before = capsys.readouterr().out
    await held(placed, ops)
    print_order((await sales.get(path)).json(), clocks, [])
    after = capsys.readouterr().out

    for shown in ("waiting for", "since", "due", "answer task"):
        assert shown in before
    assert "on hold" not in before
    assert "recall of batch 7" in after
    assert "dueline ops release" in after
