"""A change is examined before it is taken: preview and post say the same of the same change."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, select, update

from store.tables import changes, goods, orders, tasks
from tests.api.conftest import House
from tests.api.factory import Body, fields_of, fresh_key, order_body, order_line, task_row
from workflows.contract import ChangeNotice

PREVIEW = {"preview": "true"}


def lines(*changed: Body, **others: Any) -> Body:
    return {"version": 1, "lines": list(changed), **others}


async def stands(house: House, **columns: Any) -> None:
    async with house.engine.begin() as conn:
        await conn.execute(update(orders).values(**columns))


async def applied(house: House, order_id: str, change_id: str, **patch: Any) -> None:
    """A change was made to the order's first version."""
    await house.insert(
        changes,
        id=change_id,
        order_id=order_id,
        kind="change",
        against_version=1,
        applied_version=2,
        patch=patch,
        state="applied",
        requested_by="sales",
        requested_at=datetime.now(UTC),
    )
    await stands(house, version=2)


async def test_a_preview_says_what_a_change_means_and_stores_nothing(
    house: House, customer: httpx.AsyncClient, order_id: str
) -> None:
    await stands(house, step="plan")
    body = lines({"line": 1, "quantity": 50}, {"product": "EL-A5", "quantity": 2})

    answer = await customer.post(f"/orders/{order_id}/changes", json=body, params=PREVIEW)

    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["class"] == "structural"
    assert found["touches"] == ["lines.quantity_up", "lines.added"]
    assert (found["price_before"], found["price_after"]) == ("1540.00", "2005.00")
    assert [agreed["step"] for agreed in found["must_agree"]] == ["change_review", "supplement"]
    assert datetime.fromisoformat(found["ready_at"]) > datetime.now(UTC)
    assert (found["back_to"], found["told"], found["because"]) == ("review", [], None)
    assert await house.count() == (1, 0, 1)
    assert house.temporal.signals == []


async def test_a_change_of_lines_is_stored_with_its_meaning_and_told_with_its_touches(
    house: House, sales: httpx.AsyncClient, order_id: str
) -> None:
    await stands(house, step="plan")
    body = lines({"line": 1, "quantity": 30}, reason="fewer walls")

    answer = await sales.post(f"/orders/{order_id}/changes", json=body, headers=fresh_key())

    assert answer.status_code == 202, answer.text
    change = answer.json()
    assert (change["class"], change["state"]) == ("structural", "received")
    assert change["impact"]["price_difference"] == "-385.00"
    [(_, _, notice)] = house.temporal.signals
    assert isinstance(notice, ChangeNotice)
    assert (notice.touches, notice.fields) == (("lines.quantity_down",), ("lines",))
    async with house.engine.connect() as conn:
        stored = (await conn.execute(changes.select())).mappings().one()
    assert stored["patch"] == {"lines": [{"line": 1, "quantity": 30}]}


async def test_the_change_that_was_taken_up_names_whom_it_asks_also_when_an_older_one_waits(
    house: House, customer: httpx.AsyncClient, order_id: str
) -> None:
    path = f"/orders/{order_id}/changes"
    sent = [
        (await customer.post(path, json=lines({"line": 1, "quantity": quantity}))).json()["id"]
        for quantity in (30, 31)
    ]
    now = datetime.now(UTC)
    asked = task_row(order_id, now, id=f"{order_id}.change_review.1.sales", step="change_review")
    async with house.engine.begin() as conn:
        await conn.execute(insert(tasks).values(asked))
        taken_up = update(changes).where(changes.c.id == sent[1])
        await conn.execute(taken_up.values(registered_at=now))

    newest, oldest = (await customer.get(path)).json()["items"]
    alone = (await customer.get(newest["links"]["self"])).json()
    first = (await customer.get(path, params={"limit": 1})).json()
    rest = (await customer.get(path, params={"limit": 1, "cursor": first["next"]})).json()

    assert (newest["asked"], oldest["asked"]) == (["sales"], [])
    assert alone == newest
    assert ([first["items"][0]], rest["items"]) == ([newest], [oldest])


async def test_an_old_version_is_told_what_changed_since_and_by_which_change(
    house: House, sales: httpx.AsyncClient, order_id: str
) -> None:
    await applied(house, order_id, "change-1", remarks="ring once")

    for params in ({}, PREVIEW):
        answer = await sales.post(
            f"/orders/{order_id}/changes", json={"version": 1, "remarks": "x"}, params=params
        )

        assert answer.status_code == 409
        problem = answer.json()
        assert problem["type"] == "urn:dueline:problem:version-conflict"
        version, remarks = problem["errors"]
        assert version["cure"].endswith("against version 2")
        assert (remarks["field"], "change-1" in remarks["message"]) == ("remarks", True)
    assert await house.count() == (1, 1, 1)


async def test_a_moved_promise_is_a_change_since_then_too(
    house: House, sales: httpx.AsyncClient, order_id: str
) -> None:
    await stands(house, version=2)

    answer = await sales.post(
        f"/orders/{order_id}/changes", json={"version": 1, "remarks": "x"}, headers=fresh_key()
    )

    assert answer.status_code == 409
    assert fields_of(answer.json()) == ["version", "promised_at"]


async def test_what_is_not_possible_is_said_in_advance_and_stores_nothing(
    house: House, sales: httpx.AsyncClient, order_id: str
) -> None:
    await stands(house, step="ship")
    path, body = f"/orders/{order_id}/changes", lines({"line": 1, "quantity": 50})

    preview = await sales.post(path, json=body, params=PREVIEW)
    refused = await sales.post(path, json=body, headers=fresh_key())

    assert (preview.status_code, preview.json()["class"]) == (200, "refused")
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:dueline:problem:not-possible"
    assert refused.json()["detail"] == preview.json()["because"]
    [fault] = refused.json()["errors"]
    assert (fault["field"], fault["cure"][:16]) == ("lines.quantity_up", "order more anew;")
    assert await house.count() == (1, 0, 1)
    assert house.temporal.signals == []


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"line": 1, "unit_price": "1.00"}, "lines[0].unit_price", "preview"),
        ({"line": 2, "quantity": 1}, "lines[0].line", "line 1 alone"),
        ({"product": "EL-A9", "quantity": 1}, "lines[0].product", "master data"),
        ({"line": 1, "remove": True}, "lines", "cancel the order"),
        ({"line": 1, "quantity": 0}, "lines[0].quantity", "at least 1"),
        ({"line": True, "quantity": 5}, "lines[0].line", "not true or false"),
        ({"line": 1, "quantity": 29}, "lines[0].quantity", "write at least 30"),
        ({"line": 1, "product": "EL-A5"}, "lines[0].product", "30 of 40 EL-A4"),
    ],
)
@pytest.mark.parametrize("params", [{}, PREVIEW], ids=["post", "preview"])
async def test_a_wrong_line_is_refused_by_field_with_the_cure(
    house: House,
    sales: httpx.AsyncClient,
    order_id: str,
    changed: Body,
    field: str,
    said: str,
    params: dict[str, str],
) -> None:
    await house.insert(goods, order_id=order_id, product="EL-A4", made=40, packed=40, shipped=30)

    answer = await sales.post(f"/orders/{order_id}/changes", json=lines(changed), params=params)

    assert answer.status_code == 422, answer.text
    [fault] = answer.json()["errors"]
    assert fault["field"] == field
    assert said in f"{fault['message']}; {fault.get('cure')}"
    assert await house.count() == (1, 0, 1)


async def test_another_customers_order_is_not_there(
    stranger: httpx.AsyncClient, order_id: str
) -> None:
    path, body = f"/orders/{order_id}/changes", {"version": 1, "remarks": "x"}

    answers = [
        await stranger.post(path, json=body, headers=fresh_key()),
        await stranger.post(path, json=body, params=PREVIEW),
        await stranger.get(path),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]


async def test_a_product_without_a_price_in_the_orders_currency_is_priced_by_sales(
    sales: httpx.AsyncClient,
) -> None:
    placed = await sales.post("/orders", json=order_body(currency="GBP", lines=[order_line()]))
    body = lines({"product": "EL-A5", "quantity": 1})

    answer = await sales.post(f"/orders/{placed.json()['id']}/changes", json=body, params=PREVIEW)

    assert answer.status_code == 422
    [fault] = answer.json()["errors"]
    assert (fault["field"], fault["message"]) == (
        "lines[0].product",
        "EL-A5 has no list price in GBP",
    )
    assert fault["cure"].startswith("agree a price with sales")


TEXT = {"name": "letter.pdf", "uri": "https://files.example.com/letter.pdf"}


async def placed(sales: httpx.AsyncClient, profile: str) -> str:
    answer = await sales.post("/orders", json=order_body(profile=profile))
    return f"/orders/{answer.json()['id']}/changes"


async def test_a_project_changes_by_the_customers_written_text_alone(
    house: House, sales: httpx.AsyncClient
) -> None:
    path, body = await placed(sales, "S22"), lines({"line": 1, "quantity": 50})

    preview = await sales.post(path, json=body, params=PREVIEW)
    without = await sales.post(path, json=body)
    taken = await sales.post(path, json=body | {"evidence": TEXT})

    assert (preview.status_code, preview.json()["needs"]) == (200, ["evidence"])
    assert (without.status_code, fields_of(without.json())) == (422, ["evidence"])
    assert (taken.status_code, await house.count()) == (202, (1, 1, 2))
    async with house.engine.connect() as conn:
        stored = (await conn.execute(changes.select())).mappings().one()
    assert (stored["evidence"], list(stored["patch"])) == (TEXT, ["lines"])


async def test_the_factory_takes_no_change_from_somebody_unknown(
    house: House, sales: httpx.AsyncClient, customer: httpx.AsyncClient
) -> None:
    path, body = await placed(sales, "S39"), {"version": 1, "remarks": "ring twice"}

    unknown = await sales.post(path, json=body)
    vouched = await customer.post(path, json=body | {"identity": "it is me"})
    assert [fields_of(answer.json()) for answer in (unknown, vouched)] == [["identity"]] * 2

    called = await sales.post(path, json=body | {"identity": "called back"})
    own = await customer.post(path, json=body)
    assert (called.status_code, own.status_code) == (202, 202)
    async with house.engine.connect() as conn:
        said = await conn.scalars(select(changes.c.identity))
    assert set(said) == {"called back", "the customer's own key"}
