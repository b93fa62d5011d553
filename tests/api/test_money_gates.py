"""Rush, credit and the planning queue through the API: what is told, who may, what is refused."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import update

from activities.money_teller import MoneyTeller
from api.rush import fee_of
from domain.money import Currency
from policy.loader import Loaded
from policy.money_rules import MoneyRules, RushRules
from store.money_news import MoneyNews
from store.reading import read_order
from store.tables import customers, orders
from tests.api.conftest import House
from tests.api.factory import fields_of, fresh_key, key_of, order_body
from workflows.contract import RushNotice


async def test_a_wish_for_rush_is_stored_and_told_and_a_preview_is_neither(
    house: House, customer: httpx.AsyncClient, order_id: str
) -> None:
    before = await house.count()

    preview = await customer.post(f"/orders/{order_id}/rush?preview=true")
    asked = await customer.post(f"/orders/{order_id}/rush", json={"reason": "the opening"})

    assert preview.status_code == 200
    assert preview.json() == {
        "order_id": order_id,
        "possible": False,
        "fee": None,
        "currency": "CNY",
        "because": "this regulation knows no rush fee",
    }
    wish = asked.json()
    assert (asked.status_code, wish["kind"], wish["state"]) == (202, "rush", "received")
    assert house.temporal.signals == [
        (order_id, "request_rush", RushNotice(change_id=wish["id"])),
    ]
    assert (await house.count())[1] == before[1] + 1


async def test_the_fee_is_said_until_production_is_planned(
    house: House, loaded: Loaded, order_id: str
) -> None:
    fee = RushRules(percent=Decimal(10), at_least={Currency.CNY: Decimal(500)})
    rules = MoneyRules(rush=fee)
    profile = loaded.profiles["S08"].model_copy(update={"money": rules})
    async with house.engine.connect() as conn:
        order = await read_order(conn, order_id)
    assert order is not None

    early = fee_of(order.model_copy(update={"step": "slot"}), profile)
    late = fee_of(order.model_copy(update={"step": "plan_approval"}), profile)

    assert (early.possible, early.fee) == (True, Decimal("500.00"))
    assert (late.possible, late.fee) == (False, None)
    assert "planned already" in (late.because or "")


async def test_somebody_elses_order_is_not_there_to_be_rushed(house: House, order_id: str) -> None:
    async with house.client(key_of("customer-2")) as other:
        answer = await other.post(f"/orders/{order_id}/rush?preview=true")

    assert answer.status_code == 404


async def test_finance_sets_what_a_customer_may_owe_and_its_waiting_orders_look_again(
    house: House, order_id: str
) -> None:
    async with house.engine.begin() as conn:
        stands = update(orders).where(orders.c.id == order_id)
        await conn.execute(stands.values(blocked="missing: the customer has no credit"))
    async with house.client(key_of("finance")) as finance:
        body = {"limit": "80000.00", "because": "yearly review"}
        headers = fresh_key()
        first = await finance.post("/customers/C-0001/credit", json=body, headers=headers)
        again = await finance.post("/customers/C-0001/credit", json=body, headers=headers)
        blocking = {"blocked": True, "because": "an invoice is overdue"}
        blocked = await finance.post("/customers/C-0001/credit", json=blocking)
        shown = await finance.get("/customers/C-0001/credit")

    assert first.status_code == 200
    assert again.headers["idempotent-replayed"] == "true"
    assert shown.json() == blocked.json()
    found = shown.json()
    assert (found["limit"], found["blocked_because"]) == ("80000.00", "an invoice is overdue")
    assert [(line["by"], line["because"], line["what"]) for line in found["history"]] == [
        ("finance", "an invoice is overdue", "limit 80000.00 CNY, blocked"),
        ("finance", "yearly review", "limit 80000.00 CNY"),
    ]
    heard: list[MoneyNews] = []

    async def tell(news: MoneyNews) -> None:
        heard.append(news)

    assert await MoneyTeller(house.engine, tell).round() == 1, "two changes are one piece of news"
    assert heard == [MoneyNews(order_id, "credit-C-0001")]


async def test_a_limit_that_was_meant_before_a_block_does_not_lift_it(house: House) -> None:
    async with house.client(key_of("finance")) as finance:
        async with house.engine.begin() as conn:
            block = {"blocked_at": datetime.now(UTC), "blocked_because": "an invoice is overdue"}
            this = customers.c.code == "C-0001"
            await conn.execute(update(customers).where(this).values(block))
            body = {"limit": "80000.00", "because": "yearly review"}
            raising = asyncio.ensure_future(finance.post("/customers/C-0001/credit", json=body))
            done, _ = await asyncio.wait([raising], timeout=0.3)
        answer = await raising

    assert not done, "it waits for whoever blocks the customer just now"
    found = answer.json()
    assert (found["limit"], found["blocked_because"]) == ("80000.00", "an invoice is overdue")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"limit": "-1", "because": "x"}, "limit"),
        ({"limit": "10.001", "because": "x"}, "limit"),
        ({"limit": True, "because": "x"}, "limit"),
        ({"blocked": "yes", "because": "x"}, "blocked"),
        ({"limit": "10.00"}, "because"),
        ({"because": "x"}, None),
    ],
)
async def test_a_credit_that_cannot_be_changes_nothing(
    house: House, body: dict[str, object], field: str | None
) -> None:
    async with house.client(key_of("finance")) as finance:
        answer = await finance.post("/customers/C-0001/credit", json=body)
        shown = await finance.get("/customers/C-0001/credit")

    assert answer.status_code == 422
    if field is not None:
        assert field in fields_of(answer.json())
    assert (shown.json()["limit"], shown.json()["history"]) == (None, [])


async def test_only_finance_and_the_leadership_set_credit_and_no_customer_sees_it(
    house: House, customer: httpx.AsyncClient, sales: httpx.AsyncClient
) -> None:
    body = {"limit": "10.00", "because": "x"}

    assert (await sales.post("/customers/C-0001/credit", json=body)).status_code == 403
    assert (await customer.get("/customers/C-0001/credit")).status_code == 403
    async with house.client(key_of("finance")) as finance:
        assert (await finance.get("/customers/C-9999/credit")).status_code == 404


async def test_the_planning_queue_puts_rush_first_and_lists_filter_by_priority(
    house: House, sales: httpx.AsyncClient, order_id: str
) -> None:
    rushed = (await sales.post("/orders", json=order_body())).json()["id"]
    async with house.engine.begin() as conn:
        planned = update(orders).values(stage="L13", step="slot", received_at=datetime.now(UTC))
        await conn.execute(planned)
        await conn.execute(update(orders).where(orders.c.id == rushed).values(priority="rush"))

    queue = (await sales.get("/planning/queue")).json()["items"]
    listed = (await sales.get("/orders?priority=rush")).json()["items"]
    tasks = await sales.get("/tasks?priority=rush")

    assert [item["order_id"] for item in queue] == [rushed, order_id]
    assert [(item["id"], item["priority"]) for item in listed] == [(rushed, "rush")]
    assert tasks.status_code == 200
