"""Payments by hand, ledgers, refunds and settlement: each amount has one place, and an end."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import text, update

from store.follow_up_tables import follow_ups
from store.gate_tables import order_money
from store.ledger import lock_money
from store.money_tables import money_news
from store.payment_tables import payments
from store.tables import orders
from tests.api.conftest import House
from tests.api.factory import (
    UNPAYABLE,
    Body,
    fields_of,
    fresh_key,
    key_of,
    order_body,
    payment_body,
)
from workflows.contract import MoneyMoved

PRICE = "1540.00"  # 40 x 38.50
SHANGHAI = ZoneInfo("Asia/Shanghai")
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()


async def sums(client: httpx.AsyncClient, order_id: str) -> dict[str, str]:
    [found] = (await client.get(f"/orders/{order_id}/ledger")).json()["sums"]
    assert found["balances"] is True
    return {of["account"]: of["amount"] for of in found["accounts"]}


async def test_what_could_not_be_told_waits_for_the_worker_and_is_gone_once_it_is_told(
    house: House, finance: httpx.AsyncClient, order_id: str
) -> None:
    paid, told = f"/orders/{order_id}/payments", payment_body()
    house.temporal.is_away = True

    away = await finance.post(paid, json=told)

    assert away.status_code == 503
    [untold] = await house.rows(money_news)
    [booked] = await house.rows(payments)
    assert (untold["order_id"], untold["entry"]) == (order_id, booked["id"])
    house.temporal.is_away = False
    again = await finance.post(paid, json=told)
    assert again.status_code == 201
    assert await house.rows(money_news) == []
    assert len(await house.rows(payments)) == 1


async def test_a_payment_pays_for_the_goods_and_the_workflow_hears_of_it(
    house: House, finance: httpx.AsyncClient, order_id: str
) -> None:
    told = payment_body()

    answer = await finance.post(f"/orders/{order_id}/payments", json=told)

    assert answer.status_code == 201
    taken = answer.json()
    assert (taken["end"], taken["applied"], taken["to_pay"]) == (
        "partly_applied",
        "1000.00",
        "540.00",
    )
    assert house.temporal.signals == [(order_id, "money_moved", MoneyMoved(entry=taken["id"]))]
    ledger = (await finance.get(f"/orders/{order_id}/ledger")).json()
    assert (ledger["owed"], ledger["paid"], ledger["to_pay"]) == (PRICE, "1000.00", "540.00")
    assert [move["by"] for move in ledger["entries"]] == ["finance", "finance"]
    shown = (await finance.get(answer.headers["location"])).json()
    assert (shown["state"], shown["order"], shown["customer"]) == ("matched", order_id, "C-0001")


async def test_a_customer_sees_its_own_ledger_without_names_and_no_other(
    finance: httpx.AsyncClient,
    customer: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    order_id: str,
) -> None:
    await finance.post(f"/orders/{order_id}/payments", json=payment_body())

    ledger = (await customer.get(f"/orders/{order_id}/ledger")).json()

    assert ledger["paid"] == "1000.00"
    assert {move["by"] for move in ledger["entries"]} == {None}
    own = (await customer.get("/customers/C-0001/ledger")).json()
    assert [(of["currency"], of["received"]) for of in own["sums"]] == [("CNY", "1000.00")]
    for path in (f"/orders/{order_id}/ledger", "/customers/C-0001/ledger"):
        assert (await stranger.get(path)).status_code == 404
    assert (await stranger.get(f"/orders/{order_id}/invoice")).status_code == 404
    assert (await customer.get("/payments")).status_code == 403


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        *UNPAYABLE,
        ("arrived_at", {"arrived_at": TOMORROW}),
        ("order", {"order": "another"}),
    ],
)
async def test_a_payment_that_cannot_be_is_refused_by_field_and_not_stored(
    house: House, finance: httpx.AsyncClient, order_id: str, field: str, changed: Body
) -> None:
    before = await house.count()

    answer = await finance.post(f"/orders/{order_id}/payments", json=payment_body(**changed))

    assert answer.status_code == 422
    assert field in fields_of(answer.json())
    assert await house.count() == before
    assert await house.rows(payments) == []


async def test_a_payment_for_an_order_that_is_not_there_is_not_stored(
    house: House, finance: httpx.AsyncClient
) -> None:
    answer = await finance.post("/orders/nowhere/payments", json=payment_body())

    assert answer.status_code == 404
    assert await house.rows(payments) == []


async def test_a_reference_counts_once_and_keeps_its_first_answer(
    house: House, finance: httpx.AsyncClient, order_id: str
) -> None:
    path, told = f"/orders/{order_id}/payments", payment_body()
    first = await finance.post(path, json=told, headers={"Idempotency-Key": "one"})
    await finance.post(path, json=payment_body(amount="540"))

    again = [
        await finance.post(path, json=told),
        await finance.post(path, json=told, headers={"Idempotency-Key": "one"}),
    ]
    other = await finance.post(path, json={**told, "amount": "10.00"})
    reused = await finance.post(
        path, json={**told, "reference": "X"}, headers={"Idempotency-Key": "one"}
    )

    assert [answer.json() for answer in again] == [first.json()] * 2
    assert all(answer.headers["idempotent-replayed"] == "true" for answer in again)
    assert (other.status_code, other.json()["type"]) == (409, "urn:dueline:problem:payment-known")
    assert reused.json()["type"] == "urn:dueline:problem:key-reused"
    assert len(await house.rows(payments)) == 2
    assert await sums(finance, order_id) == {"goods": PRICE}


@pytest.mark.parametrize(
    ("state", "purpose", "amount", "ended", "goods", "rest"),
    [
        ("open", "goods", "1600.00", "too_much", PRICE, "60.00"),
        ("cancelled", "goods", "100.00", "order_ended", "0.00", "100.00"),
        ("open", "rush_fee", "100.00", "no_fee_agreed", "0.00", "100.00"),
    ],
)
async def test_money_that_pays_for_nothing_is_kept_and_finance_gets_a_task(
    house: House,
    finance: httpx.AsyncClient,
    order_id: str,
    state: str,
    purpose: str,
    amount: str,
    ended: str,
    goods: str,
    rest: str,
) -> None:
    if state != "open":
        await house.end(order_id, state)

    told = payment_body(amount=amount, purpose=purpose)
    taken = (await finance.post(f"/orders/{order_id}/payments", json=told)).json()

    assert (taken["end"], taken["applied"], taken["unapplied"]) == (ended, goods, rest)
    [wanted] = await house.rows(follow_ups)
    assert (wanted["id"], wanted["kind"], wanted["subject"]) == (
        taken["follow_up"],
        "payment",
        taken["id"],
    )
    assert (wanted["facts"]["because"], wanted["facts"]["not_used"]) == (ended, rest)


async def test_a_rush_fee_that_came_too_early_pays_once_it_is_agreed(
    house: House, finance: httpx.AsyncClient, order_id: str
) -> None:
    path = f"/orders/{order_id}/payments"
    early = payment_body(amount="100.00", purpose="rush_fee")
    taken = (await finance.post(path, json=early)).json()
    there = f"/payments/{taken['id']}/assignment"
    refused = await finance.post(there, json={"order": order_id})
    await house.insert(order_money, order_id=order_id, rush_fee=150)

    placed = await finance.post(there, json={"order": order_id})
    rest = (await finance.post(path, json=payment_body(amount="60", purpose="rush_fee"))).json()

    assert (fields_of(refused.json()), placed.status_code) == (["order"], 200)
    assert (rest["end"], rest["applied"], rest["unapplied"]) == ("too_much", "50.00", "10.00")
    assert await sums(finance, order_id) == {"rush_fee": "150.00", "unapplied": "10.00"}


async def test_a_completed_order_still_takes_what_it_owes(
    house: House, finance: httpx.AsyncClient, order_id: str
) -> None:
    await house.end(order_id, "completed")

    told = payment_body(amount=PRICE)
    taken = (await finance.post(f"/orders/{order_id}/payments", json=told)).json()

    assert (taken["end"], taken["follow_up"]) == ("applied", None)
    assert house.temporal.signals == []  # it has ended


async def test_what_was_too_much_or_for_the_wrong_order_moves_to_the_right_one(
    house: House, finance: httpx.AsyncClient, sales: httpx.AsyncClient, order_id: str
) -> None:
    other = (await sales.post("/orders", json=order_body(customer="C-0002"))).json()["id"]
    abroad = (await sales.post("/orders", json=order_body(currency="USD"))).json()["id"]
    told = payment_body(amount="1600")
    taken = (await finance.post(f"/orders/{order_id}/payments", json=told)).json()
    path = f"/payments/{taken['id']}/assignment"

    key = fresh_key()
    rest = await finance.post(path, json={"order": other}, headers=key)
    again = await finance.post(path, json={"order": other}, headers=key)
    wrong = await finance.post(path, json={"order": abroad})
    more = await finance.post(path, json={"order": other, "amount": "1540.01"})
    whole = await finance.post(path, json={"order": other})

    assert (rest.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert fields_of(wrong.json()) == ["order"]
    assert fields_of(more.json()) == ["amount"]
    assert fields_of(whole.json()) == ["amount"]  # 60 of it have gone already
    assert await sums(finance, order_id) == {"goods": PRICE}
    assert await sums(finance, other) == {"goods": "60.00"}
    assert (order_id, "money_moved") in [(of, name) for of, name, _ in house.temporal.signals[1:]]
    moved = await finance.post(path, json={"order": other, "amount": PRICE})
    assert moved.status_code == 200
    async with house.engine.begin() as conn:
        numbered = update(orders).where(orders.c.id == other).values(number="SO-2026-777777")
        await conn.execute(numbered)
    for named in (other, "SO-2026-777777"):
        found = (await finance.get("/payments", params={"order": named})).json()["items"]
        assert [of["id"] for of in found] == [taken["id"]], "it came in two parts"
    assert (await finance.get("/payments", params={"order": abroad})).json()["items"] == []
    assert await sums(finance, other) == {"goods": PRICE, "unapplied": "60.00"}
    for code, received in (("C-0001", "0.00"), ("C-0002", "1600.00")):
        [theirs] = (await finance.get(f"/customers/{code}/ledger")).json()["sums"]
        assert (theirs["received"], theirs["balances"]) == (received, True)


async def test_a_placement_that_loses_against_one_that_crosses_it_is_done_after_it(
    house: House, finance: httpx.AsyncClient, sales: httpx.AsyncClient, order_id: str
) -> None:
    other = (await sales.post("/orders", json=order_body())).json()["id"]
    taken = await finance.post(f"/orders/{order_id}/payments", json=payment_body(amount="1600"))
    path = f"/payments/{taken.json()['id']}/assignment"
    first, last = sorted((order_id, other))

    async with house.engine.begin() as conn:
        await conn.execute(text("SET LOCAL deadlock_timeout = '30s'"))  # this one is never ended
        await lock_money(conn, last)
        placing = asyncio.ensure_future(finance.post(path, json={"order": other}))
        await asyncio.wait([placing], timeout=0.3)
        await lock_money(conn, first)
    answer = await placing

    assert answer.status_code == 200
    assert await sums(finance, other) == {"goods": "60.00"}


async def test_a_refund_is_set_aside_once_and_never_more_than_there_is(
    house: House, finance: httpx.AsyncClient, customer: httpx.AsyncClient, order_id: str
) -> None:
    await finance.post(f"/orders/{order_id}/payments", json=payment_body(amount="1600"))
    path, key = f"/orders/{order_id}/refunds", fresh_key()

    asked = {"amount": "100.00", "reason": "a panel came back"}
    first = await finance.post(path, json=asked, headers=key)
    again = await finance.post(path, json=asked, headers=key)
    more = await finance.post(path, json={"amount": "1500.01", "reason": "all"})
    nothing = await finance.post(path, json={"reason": "what is not applied"})

    assert first.status_code == 201
    assert again.json() == first.json()
    assert fields_of(more.json()) == fields_of(nothing.json()) == ["amount"]
    assert await sums(finance, order_id) == {"goods": "1500.00", "refund_due": "100.00"}
    wanted = [row for row in await house.rows(follow_ups) if row["kind"] == "refund"]
    assert [row["subject"] for row in wanted] == [first.json()["id"]]
    assert "reason" not in wanted[0]["facts"]
    [shown] = (await customer.get(path)).json()
    assert (shown["state"], shown["reason"], shown["proposed_by"]) == ("proposed", None, None)
    assert (await customer.get(f"/follow-ups/{shown['follow_up']}")).json()["text"] is None
    async with house.client(key_of("control")) as control:
        read = await control.get(f"/follow-ups/{shown['follow_up']}")
        assert read.json()["text"] == asked["reason"]
        there = f"/refunds/{first.json()['id']}/decision"
        refused = await control.post(there, json={"approved": True})
    assert refused.json()["type"] == "urn:dueline:problem:refund-not-open"
