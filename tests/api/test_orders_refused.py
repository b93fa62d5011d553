"""What no order may be: refused with the field and the cure, nothing stored, nothing started."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.body import BODY_BYTES_MAX
from tests.api.conftest import House
from tests.api.factory import Body, fields_of, fresh_key, order_body, order_line

JSON = {"Content-Type": "application/json"}
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).isoformat()
TOMORROW_WITHOUT_ZONE = (datetime.now(UTC) + timedelta(days=1)).replace(tzinfo=None).isoformat()


def with_line(**changed: Any) -> Body:
    return order_body(lines=[order_line(**changed)])


def without(*names: str) -> Body:
    return {name: value for name, value in order_body().items() if name not in names}


def raw_with_quantity(text: str) -> bytes:
    return json.dumps(with_line(quantity=4711)).replace("4711", text).encode()


async def assert_nothing_happened(house: House) -> None:
    assert await house.count() == (0, 0, 0)
    assert house.temporal.started == []
    assert house.temporal.signals == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param(order_body(profile="S99"), "profile", id="unknown profile"),
        pytest.param(order_body(customer="C-9999"), "customer", id="unknown customer"),
        pytest.param(with_line(product="EL-A9"), "lines[0].product", id="unknown product"),
        pytest.param(order_body(lines=[]), "lines", id="no lines"),
        pytest.param(without("lines"), "lines", id="lines left out"),
        pytest.param(order_body(lines=[order_line()] * 201), "lines", id="201 lines"),
        pytest.param(order_body(lines=[0] * 300_000), "lines", id="300,000 small lines"),
        pytest.param(with_line(quantity=0), "lines[0].quantity", id="quantity 0"),
        pytest.param(with_line(quantity=-1), "lines[0].quantity", id="quantity -1"),
        pytest.param(with_line(quantity=1.5), "lines[0].quantity", id="quantity 1.5"),
        pytest.param(with_line(quantity=1.0), "lines[0].quantity", id="quantity 1.0"),
        pytest.param(with_line(quantity="12"), "lines[0].quantity", id="quantity as a text"),
        pytest.param(with_line(quantity=False), "lines[0].quantity", id="false for a quantity"),
        pytest.param(with_line(quantity=10**30), "lines[0].quantity", id="a huge quantity"),
        pytest.param(with_line(unit_price=False), "lines[0].unit_price", id="false for a price"),
        pytest.param(
            with_line(unit_price="38.12345678901"), "lines[0].unit_price", id="eleven decimals"
        ),
        pytest.param(with_line(unit_price="NaN"), "lines[0].unit_price", id="NaN as a text"),
        pytest.param(with_line(unit_price="-0.01"), "lines[0].unit_price", id="negative price"),
        pytest.param(order_body(promised_at=YESTERDAY), "promised_at", id="promised yesterday"),
        pytest.param(
            order_body(promised_at=TOMORROW_WITHOUT_ZONE), "promised_at", id="promise without zone"
        ),
        pytest.param(
            order_body(promised_at="9999-12-31T23:59:59-12:00"), "promised_at", id="end of time"
        ),
        pytest.param(
            order_body(promised_at=1_900_000_000), "promised_at", id="a number for a date"
        ),
        pytest.param(order_body(colour="blue"), "colour", id="unknown field"),
        pytest.param(with_line(colour="blue"), "lines[0].colour", id="unknown field of a line"),
        pytest.param(order_body(rush="yes"), "rush", id="a text for a flag"),
        pytest.param(order_body(customer=7), "customer", id="a number for a text"),
        pytest.param(order_body(remarks="a\x00b"), "remarks", id="NUL"),
        pytest.param(order_body(remarks="safe\u202egnp.exe"), "remarks", id="right-to-left"),
        pytest.param(order_body(remarks="\ud800"), "remarks", id="half a surrogate pair"),
        pytest.param(
            order_body(attachments=[{"name": "a", "uri": "https://x/\x00"}]),
            "attachments[0].uri",
            id="NUL where the model allows anything",
        ),
        pytest.param(
            order_body(contact={"name": "A\nB", "phone": "1"}), "contact.name", id="two-line name"
        ),
    ],
)
async def test_a_wrong_order_is_refused_by_field(
    house: House, sales: httpx.AsyncClient, body: Body, field: str
) -> None:
    answer = await sales.post("/orders", content=json.dumps(body), headers=JSON | fresh_key())

    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert fields_of(problem) == [field]
    assert problem["errors"][0]["message"]
    await assert_nothing_happened(house)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
async def test_a_number_that_is_none_is_refused_by_field(
    house: House, sales: httpx.AsyncClient, number: str
) -> None:
    answer = await sales.post("/orders", content=raw_with_quantity(number), headers=JSON)

    assert answer.status_code == 422
    assert fields_of(answer.json()) == ["lines[0].quantity"]
    await assert_nothing_happened(house)


async def test_every_missing_field_of_the_profile_is_named(
    house: House, sales: httpx.AsyncClient
) -> None:
    answer = await sales.post("/orders", json=without("contact", "deliver_to"))

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:dueline:problem:incomplete-order"
    assert fields_of(answer.json()) == ["contact", "deliver_to"]
    await assert_nothing_happened(house)


async def test_every_unknown_product_is_named(house: House, sales: httpx.AsyncClient) -> None:
    lines = [order_line(product="X"), order_line(), order_line(product="Y")]

    answer = await sales.post("/orders", json=order_body(lines=lines))

    assert fields_of(answer.json()) == ["lines[0].product", "lines[2].product"]
    await assert_nothing_happened(house)


async def test_a_sum_beyond_the_books_is_refused(house: House, sales: httpx.AsyncClient) -> None:
    line = order_line(quantity=1_000_000, unit_price="9999999.9999")

    answer = await sales.post("/orders", json=order_body(lines=[line] * 20))

    assert answer.status_code == 422
    assert fields_of(answer.json()) == ["lines"]
    await assert_nothing_happened(house)


async def test_a_typing_error_in_a_name_is_pointed_at(sales: httpx.AsyncClient) -> None:
    answer = await sales.post("/orders", json=order_body(promissed_at="x"))

    assert answer.json()["errors"][0]["cure"] == "did you mean promised_at?"


@pytest.mark.parametrize(
    "content", [b"x" * 5_000_000, b'{"lines": [' + b"{}," * 1_000_000 + b"{}]}"]
)
async def test_a_body_of_megabytes_is_refused(
    house: House, sales: httpx.AsyncClient, content: bytes
) -> None:
    answer = await sales.post("/orders", content=content, headers=JSON)

    assert answer.status_code == 413
    assert f"{BODY_BYTES_MAX:,}" in answer.json()["detail"]
    await assert_nothing_happened(house)


async def test_a_body_is_measured_not_believed(house: House, sales: httpx.AsyncClient) -> None:
    read = 0

    async def endless() -> Any:
        nonlocal read
        while True:
            read += 65_536
            yield b" " * 65_536

    answer = await sales.post("/orders", content=endless(), headers=JSON | {"Content-Length": "9"})

    assert answer.status_code == 413
    assert read < 2 * BODY_BYTES_MAX
    await assert_nothing_happened(house)


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        pytest.param(b'{\n "profile": S08}', "line 2, column 13", id="broken"),
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b'{"profile": "\xff"}', "UTF-8", id="not UTF-8"),
        pytest.param(b'{"rush": true, "rush": false}', "'rush' comes twice", id="a key twice"),
        pytest.param(b"[" * 100_000, "nested", id="deeper than the stack"),
        pytest.param(b"[" * 50 + b"]" * 50, "nested", id="deep"),
    ],
)
async def test_json_that_cannot_be_read_is_refused_with_its_place(
    house: House, sales: httpx.AsyncClient, content: bytes, detail: str
) -> None:
    answer = await sales.post("/orders", content=content, headers=JSON)

    assert answer.status_code == 400
    assert detail in answer.json()["detail"]
    await assert_nothing_happened(house)


@pytest.mark.parametrize("content", [b"[]", b"null", b'"order"', b"7"])
async def test_json_that_is_no_object_is_refused(
    house: House, sales: httpx.AsyncClient, content: bytes
) -> None:
    answer = await sales.post("/orders", content=content, headers=JSON)

    assert answer.status_code == 422
    assert fields_of(answer.json()) == ["body"]
    await assert_nothing_happened(house)


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=gbk"],
)
async def test_only_json_is_read(house: House, sales: httpx.AsyncClient, media_type: str) -> None:
    content = json.dumps(order_body())

    answer = await sales.post("/orders", content=content, headers={"Content-Type": media_type})

    assert answer.status_code == 415
    await assert_nothing_happened(house)


async def test_an_order_in_somebody_elses_name_is_refused(
    house: House, customer: httpx.AsyncClient
) -> None:
    answer = await customer.post("/orders", json=order_body(customer="C-0002"))

    assert answer.status_code == 403
    assert fields_of(answer.json()) == ["customer"]
    await assert_nothing_happened(house)


@pytest.mark.parametrize("key", ["", "two words", "x" * 201, "schlüssel"])
async def test_an_unusable_retry_key_is_refused(
    house: House, sales: httpx.AsyncClient, key: str
) -> None:
    headers = {"Idempotency-Key": key.encode()}

    answer = await sales.post("/orders", json=order_body(), headers=headers)  # type: ignore[arg-type]  # bytes are headers too

    assert answer.status_code == 422
    assert fields_of(answer.json()) == ["Idempotency-Key"]
    await assert_nothing_happened(house)
