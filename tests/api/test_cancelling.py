"""Cancellations through the API: what one costs now, and that this was accepted."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import Range

from domain.money import Account
from policy.change_rules import CancelRow
from policy.model import Profile
from policy.money_rules import DepositRules, MoneyRules
from store import tables
from store.cancellation_tables import cancellations
from store.ledger import Move, move
from store.profiles import pin_profile
from store.tables import changes, orders
from tests.api.conftest import House
from tests.api.factory import fields_of, fresh_key, order_body

AT_COST = {"until": "production", "terms": "at_cost", "cost_percent": "10"}
FORFEITED = {"until": "qc", "terms": "at_cost", "deposit": "forfeited"}
BY_CONTRACT = {"until": "pack", "terms": "free", "deposit": "by_contract"}
REFUSED = {
    "until": "ship",
    "terms": "refused",
    "because": "the goods are packed",
    "instead": "order less of the next",
}
ROWS = ({"until": "review", "terms": "free"}, AT_COST, FORFEITED, BY_CONTRACT, REFUSED)


@pytest.fixture
async def order_id(house: House, sales: httpx.AsyncClient, loaded: Any) -> str:
    """An order of customer C-0001 on terms that grow dearer, with a deposit of 30 %."""
    found: str = (await sales.post("/orders", json=order_body())).json()["id"]
    shipped: Profile = loaded.profiles["S08"]
    rows = tuple(CancelRow.model_validate(row) for row in ROWS)
    profile = shipped.model_copy(
        update={
            "cancellation": shipped.cancellation.model_copy(update={"rows": rows}),
            "money": MoneyRules(deposit=DepositRules(percent=Decimal(30))),
        }
    )
    async with house.engine.begin() as conn:
        digest = await pin_profile(conn, profile.model_dump(mode="json"), "S08", 1)
        await conn.execute(update(orders).values(profile_digest=digest, amount=Decimal(1000)))
    house.temporal.signals.clear()
    return found


async def put(house: House, step: str, paid: str | None = None) -> None:
    """The order is in a step, and so much of it is paid."""
    async with house.engine.begin() as conn:
        await conn.execute(update(orders).values(step=step))
        if paid is not None:
            order_id = await conn.scalar(select(orders.c.id))
            for source, target in (
                (Account.OUTSIDE, Account.UNAPPLIED),
                (Account.UNAPPLIED, Account.GOODS),
            ):
                entry = Move(
                    key=f"paid/{target}",
                    currency="CNY",
                    amount=Decimal(paid),
                    source=source,
                    target=target,
                    holder=str(order_id),
                    reason="paid",
                    by="finance",
                    at=datetime.now(UTC),
                    order_id=str(order_id),
                )
                await move(conn, entry)


@pytest.mark.parametrize(
    ("step", "paid", "terms", "cost", "back", "owed"),
    [
        ("confirm", "300", "free", "0.00", "300.00", "0.00"),
        ("plan", None, "at_cost", "100.00", "0.00", "100.00"),
        ("plan", "300", "at_cost", "100.00", "200.00", "0.00"),
        ("qc", "500", "at_cost", "300.00", "200.00", "0.00"),
        ("pack", "300", "free", "0.00", "300.00", "0.00"),
        ("ship", "300", "refused", "0.00", "300.00", "0.00"),
    ],
)
async def test_a_preview_says_terms_cost_and_money_and_stores_nothing(
    house: House,
    customer: httpx.AsyncClient,
    order_id: str,
    step: str,
    paid: str | None,
    terms: str,
    cost: str,
    back: str,
    owed: str,
) -> None:
    await put(house, step, paid)

    answer = await customer.post(f"/orders/{order_id}/cancellation?preview=true")

    assert answer.status_code == 200, answer.text
    found = answer.json()
    money = found["money"]
    assert (found["terms"], found["cost"], found["currency"]) == (terms, cost, "CNY")
    assert (money["given_back"], money["owed"]) == (back, owed)
    assert (found["asks"] is not None) is (step == "pack")
    assert house.temporal.signals == []
    async with house.engine.connect() as conn:
        assert (await conn.execute(select(changes))).all() == []


async def test_a_customer_reads_of_goods_and_money_and_staff_also_what_the_house_has_booked(
    house: House, customer: httpx.AsyncClient, sales: httpx.AsyncClient, order_id: str
) -> None:
    await put(house, "plan", "300")
    its = {"order_id": order_id, "step_key": f"{order_id}/slot/1"}
    hour = Range(datetime(2030, 1, 7, 8, tzinfo=UTC), datetime(2030, 1, 7, 9, tzinfo=UTC))
    await house.insert(tables.slots, **its, line="PANEL", during=hour, minutes=60)
    await house.insert(tables.shipments, **its, state="released")
    await house.insert(tables.goods, order_id=order_id, product="EL-A4", made=2)
    path = f"/orders/{order_id}/cancellation?preview=true"

    shown = (await customer.post(path)).json()
    all_of_it = (await sales.post(path)).json()

    assert shown["gives_back"] == [
        "2 finished units, which go into free stock",
        "200.00 CNY, once finance has approved the refund",
    ]
    assert "its place in production" in shown["loses"]
    assert shown["loses"] == all_of_it["loses"]
    assert all_of_it["gives_back"] == [
        "1 production slot, free again",
        shown["gives_back"][0],
        "the shipping release, which becomes void",
        shown["gives_back"][1],
    ]


async def test_a_cost_has_to_be_accepted_as_it_is_now(
    house: House, customer: httpx.AsyncClient, order_id: str
) -> None:
    await put(house, "plan", "300")
    path = f"/orders/{order_id}/cancellation"

    for wrong in ({}, {"accept_cost": "99.99"}, {"accept_cost": "101"}):
        refused = await customer.post(path, json=wrong, headers=fresh_key())
        assert refused.status_code == 409, refused.text
        problem = refused.json()
        assert problem["type"] == "urn:dueline:problem:cost-not-accepted"
        assert "100.00 CNY" in problem["detail"]
        assert fields_of(problem) == ["accept_cost"]
        assert '"accept_cost": "100.00"' in problem["errors"][0]["cure"]
    taken = await customer.post(path, json={"accept_cost": "100"}, headers=fresh_key())

    assert taken.status_code == 202, taken.text
    async with house.engine.connect() as conn:
        [row] = (await conn.execute(select(cancellations))).mappings()
    assert (row["change_id"], row["accepted_cost"]) == (taken.json()["id"], 100)
    assert len(house.temporal.signals) == 1
    shown = (await customer.get(taken.headers["location"])).json()
    assert shown["cancellation"]["accepted_cost"] == "100.00"
    assert (shown["state"], shown["cancellation"]["kept"]) == ("received", None)


async def test_what_is_refused_says_why_and_what_instead_and_is_not_stored(
    house: House, customer: httpx.AsyncClient, order_id: str
) -> None:
    await put(house, "ship")

    answer = await customer.post(f"/orders/{order_id}/cancellation", headers=fresh_key())

    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "urn:dueline:problem:not-cancellable"
    assert "the goods are packed; order less of the next" in problem["detail"]
    assert await house.count() == (1, 0, 1)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"accept_cost": "-1"}, ["accept_cost"]),
        ({"accept_cost": True}, ["accept_cost"]),
        ({"accept_cost": "much"}, ["accept_cost"]),
        ({"accept_cost": "1.23456"}, ["accept_cost"]),
        ({"cost": "1"}, ["cost"]),
    ],
)
async def test_a_wrong_cost_is_refused_by_field(
    house: House,
    customer: httpx.AsyncClient,
    order_id: str,
    body: dict[str, Any],
    fields: list[str],
) -> None:
    answer = await customer.post(f"/orders/{order_id}/cancellation", json=body, headers=fresh_key())

    assert answer.status_code == 422, answer.text
    assert fields_of(answer.json()) == fields
    assert await house.count() == (1, 0, 1)


async def test_staff_say_how_they_know_who_cancels_where_the_regulation_asks(
    house: House, sales: httpx.AsyncClient, customer: httpx.AsyncClient, loaded: Any
) -> None:
    placed = await sales.post("/orders", json={**order_body(), "profile": "S39"})
    path = f"/orders/{placed.json()['id']}/cancellation"

    unsaid = await sales.post(path, headers=fresh_key())
    twice = await customer.post(path, json={"identity": "me"}, headers=fresh_key())
    said = await sales.post(path, json={"identity": "called back"}, headers=fresh_key())

    assert (unsaid.status_code, fields_of(unsaid.json())) == (422, ["identity"])
    assert (twice.status_code, fields_of(twice.json())) == (422, ["identity"])
    assert said.status_code == 202, said.text
    async with house.engine.connect() as conn:
        assert await conn.scalar(select(changes.c.identity)) == "called back"


@pytest.mark.parametrize("query", ["", "?preview=true"])
async def test_anothers_order_is_not_there(
    house: House, stranger: httpx.AsyncClient, order_id: str, query: str
) -> None:
    answer = await stranger.post(f"/orders/{order_id}/cancellation{query}", headers=fresh_key())

    assert answer.status_code == 404
