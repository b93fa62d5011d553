"""Signed payment notices: taken once, whatever comes; kept when they fit nothing."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from api.signed import FAULTS
from settings import Settings
from store.follow_up_tables import follow_ups
from store.money_tables import ledger
from store.payment_tables import payments
from store.tables import outbox
from tests.api.conftest import House
from tests.api.factory import (
    NEW_SECRET,
    OLD_SECRET,
    Body,
    fields_of,
    key_of,
    order_body,
    payment_body,
)

PATH = "/webhooks/payments"


def signed(
    content: bytes, *, secret: str = NEW_SECRET, id: str | None = None, old: int = 0
) -> dict[str, str]:
    """Headers as a bank sends them, `old` seconds ago."""
    at = datetime.now(UTC) - timedelta(seconds=old)
    notice = id or uuid4().hex
    return {
        "content-type": "application/json",
        "webhook-id": notice,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(notice, at, content.decode()),
    }


async def send(house: House, body: Any, **how: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with house.client(None) as bank:
        return await bank.post(PATH, content=content, headers=signed(content, **how))


def counted(house: House) -> dict[str, float]:
    """How many notices were refused so far, by fault."""
    registry = house.app.state.services.metrics.registry
    name = "dueline_payment_notices_unsigned_total"
    return {fault: registry.get_sample_value(name, {"fault": fault}) for fault in FAULTS}


async def test_the_new_secret_and_the_one_it_replaces_both_open(
    house: House, order_id: str
) -> None:
    answers = [
        await send(house, payment_body(order=order_id, amount="1"), secret=secret)
        for secret in (NEW_SECRET, OLD_SECRET)
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert {row["source"] for row in await house.rows(payments)} == {"bank"}
    assert [name for _, name, _ in house.temporal.signals] == ["money_moved"] * 2


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("webhook-signature", {"webhook-signature": ""}),
        ("webhook-signature", {"webhook-signature": "v1,AAAA"}),
        ("webhook-signature", {"webhook-signature": "v1"}),
        ("webhook-signature", {"webhook-signature": "v1,not base 64"}),
        ("webhook-id", {"webhook-id": "x" * 201}),
        ("webhook-signature", {"webhook-id": "another"}),
        ("webhook-timestamp", {"webhook-timestamp": "yesterday"}),
        ("webhook-timestamp", {"old": 301}),
        ("webhook-timestamp", {"old": -360}),
        ("webhook-signature", {"secret": "whsec_" + "A" * 40}),
        ("webhook-signature", {"body": True}),
    ],
)
async def test_what_nobody_signed_is_refused_and_only_counted(
    house: House, order_id: str, field: str, changed: dict[str, Any]
) -> None:
    content = json.dumps(payment_body(order=order_id)).encode()
    how = {name: changed[name] for name in ("old", "secret") if name in changed}
    headers = signed(content, **how) | {
        name: value for name, value in changed.items() if name.startswith("webhook-")
    }
    sent = content.replace(b"1000.00", b"9000.00") if "body" in changed else content

    before = counted(house)
    async with house.client(None) as bank:
        answer = await bank.post(PATH, content=sent, headers=headers)

    assert answer.status_code == 401
    fault = "missing" if "" in changed.values() else field.removeprefix("webhook-")
    assert counted(house) == before | {fault: before[fault] + 1}
    assert answer.json()["type"] == "urn:dueline:problem:unsigned"
    assert fields_of(answer.json()) == [field]
    assert await house.rows(payments) == []


async def test_deliveries_at_once_and_later_count_once_with_one_answer(
    house: House, order_id: str
) -> None:
    told = payment_body(order=order_id)

    at_once = await asyncio.gather(*(send(house, told, id="msg-1") for _ in range(5)))
    later = await send(house, told, id="msg-2")

    answers = [*at_once, later]
    assert {answer.status_code for answer in answers} == {201}
    assert all(answer.json() == later.json() for answer in answers)
    assert len(await house.rows(payments)) == 1
    assert len(await house.rows(ledger)) == 2  # it came, and it was applied


async def test_another_body_under_the_same_id_or_reference_is_refused_and_recorded(
    house: House, order_id: str
) -> None:
    told = payment_body(order=order_id)
    first = await send(house, told, id="msg-1")

    replayed = [await send(house, payment_body(order=order_id), id="msg-1") for _ in range(2)]
    changed = [await send(house, {**told, "amount": "9.00"}, id="msg-2") for _ in range(2)]

    for answer in (*replayed, *changed):
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:dueline:problem:payment-known"
    states = sorted(row["state"] for row in await house.rows(payments))
    assert states == ["matched", "refused", "refused", "refused"]
    kinds = [row["kind"] for row in await house.rows(outbox)]
    assert kinds.count("payment_refused") == 3
    async with house.client(key_of("finance")) as finance:
        found = await finance.get("/payments/differences", params={"state": "open"})
    assert [one["kind"] for one in found.json()["items"]] == ["refused_notice"] * 3
    assert (await send(house, told, id="msg-1")).json() == first.json()
    assert len(await house.rows(ledger)) == 2


@pytest.mark.parametrize(
    ("field", "changed", "asked"),
    [
        ("order", {"order": "SO-2026-999999"}, 0),
        ("customer", {"customer": "C-0002"}, 1),
        ("currency", {"currency": "USD"}, 1),
    ],
)
async def test_what_fits_no_order_is_answered_422_and_kept_for_finance(
    house: House,
    finance: httpx.AsyncClient,
    order_id: str,
    field: str,
    changed: Body,
    asked: int,
) -> None:
    told = payment_body(order=order_id) | changed

    first, again = await send(house, told, id="m"), await send(house, told, id="m")

    assert (first.status_code, fields_of(first.json())) == (422, [field])
    assert again.json() == first.json()
    [kept] = (await finance.get("/payments?state=unmatched")).json()["items"]
    assert first.headers["location"] == f"/payments/{kept['id']}"
    assert (kept["amount"], kept["order"]) == ("1000.00", None)
    assert len(await house.rows(follow_ups)) == asked
    assert [row["kind"] for row in await house.rows(outbox)].count("payment_unmatched") == 1
    placed = await finance.post(f"{first.headers['location']}/assignment", json={"order": order_id})
    assert placed.status_code == (422 if field == "currency" else 200)
    assert (await send(house, told, id="m")).json() == first.json()


async def test_money_of_nobody_goes_back_by_two_keys(
    house: House, finance: httpx.AsyncClient
) -> None:
    kept = (await send(house, payment_body(order="SO-2026-999999"))).headers["location"]

    refund = (await finance.post(f"{kept}/refunds", json={"reason": "not ours"})).json()
    at = f"/refunds/{refund['id']}"
    early = await finance.post(f"{at}/payment", json={"reference": "OUT-1"})
    async with house.client(key_of("control")) as control:
        bare = await control.post(f"{at}/decision", json={"approved": False})
        approved = await control.post(f"{at}/decision", json={"approved": True})
    paid = [await finance.post(f"{at}/payment", json={"reference": "OUT-1"}) for _ in range(2)]

    assert (early.status_code, fields_of(bare.json())) == (409, ["reason"])
    assert (approved.json()["state"], approved.json()["approved_by"]) == ("approved", "control")
    assert [answer.json()["state"] for answer in paid] == ["paid", "paid"]
    assert (await finance.get(kept)).json()["state"] == "returned"
    assert (await finance.get("/payments?state=unmatched")).json()["items"] == []
    last = [(row["source"], row["target"]) for row in await house.rows(ledger)]
    assert sorted(last) == [
        ("outside", "unapplied"),
        ("refund_due", "outside"),
        ("unapplied", "refund_due"),
    ]


@pytest.mark.parametrize(
    ("field", "content"),
    [
        ("amount", {"amount": "0"}),
        ("amount", {"amount": "1.005"}),
        ("order", {"order": None}),
        (None, b"[1, 2"),
        (None, b'"text"'),
    ],
)
async def test_a_signed_notice_that_cannot_be_read_is_recorded_once(
    house: House, order_id: str, field: str | None, content: Any
) -> None:
    body = content
    if not isinstance(content, bytes):
        body = json.dumps(payment_body(order=order_id, reference="R-1") | content).encode()
    answers = [await send(house, body, id="m") for _ in range(2)]

    assert {answer.status_code for answer in answers} <= {400, 422}
    if field:
        assert fields_of(answers[0].json()) == [field]
    [kept] = await house.rows(payments)
    assert (kept["state"], kept["reference"]) == ("refused", "R-1" if field else None)
    assert len(await house.rows(ledger)) == 0
    assert answers[0].headers["location"] == f"/payments/{kept['id']}"


async def test_the_same_money_told_by_finance_and_by_the_bank_counts_once(
    house: House, finance: httpx.AsyncClient, order_id: str
) -> None:
    told = payment_body()
    await finance.post(f"/orders/{order_id}/payments", json=told)

    answer = await send(house, told | {"order": order_id})

    assert answer.status_code == 409
    [sums] = (await finance.get(f"/orders/{order_id}/ledger")).json()["sums"]
    assert (sums["received"], sums["balances"]) == ("1000.00", True)


@pytest.mark.parametrize("changed", [{"amount": "998.00"}, {"order": "another"}])
async def test_what_another_source_told_otherwise_is_held_and_never_applied_by_itself(
    house: House, finance: httpx.AsyncClient, sales: httpx.AsyncClient, changed: Body, order_id: str
) -> None:
    another = (await sales.post("/orders", json=order_body())).json()["id"]
    names = {"order": another} if "order" in changed else {}
    told = payment_body(reference="TX1")
    first = (await finance.post(f"/orders/{order_id}/payments", json=told)).json()

    notice = told | {"order": order_id, "customer": "C-0001"} | changed | names
    answers = [await send(house, notice) for _ in range(2)]

    assert [fields_of(answer.json()) for answer in answers] == [["reference"]] * 2
    [held] = (await finance.get("/payments?state=unmatched")).json()["items"]
    assert (held["end"], held["order"]) == ("told_otherwise", None)
    [wanted] = await house.rows(follow_ups)
    assert wanted["facts"]["first"] == first["id"]
    [said] = [row for row in await house.rows(outbox) if row["kind"] == "payment_unmatched"]
    assert first["id"] in said["text"]
    for holder, received in (
        (f"orders/{order_id}", "1000.00"),
        (f"orders/{another}", "0.00"),
        ("customers/C-0001", "1000.00"),
    ):
        [sums] = (await finance.get(f"/{holder}/ledger")).json()["sums"]
        assert (sums["received"], sums["balances"]) == (received, True)
    day = datetime.now(UTC).date().isoformat()
    line = {"reference": "TX1", "amount": held["amount"], "currency": "CNY", "date": day}
    path = "/customers/C-0001/reconciliation"
    [difference] = (await finance.post(path, json={"lines": [line]})).json()["differences"]
    assert (difference["kind"], difference["payment"]) == ("booked_twice", first["id"])
    assert difference["follow_up"] is not None


async def test_finance_is_told_what_the_bank_has_told_otherwise_and_nothing_is_stored(
    house: House, finance: httpx.AsyncClient, order_id: str
) -> None:
    told = payment_body(reference="TX1")
    await send(house, told | {"order": order_id, "amount": "998.00"})

    answer = await finance.post(f"/orders/{order_id}/payments", json=told)

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:dueline:problem:payment-known")
    assert "told otherwise by bank (998.00 CNY)" in answer.json()["detail"]
    assert len(await house.rows(payments)) == 1


async def test_two_sources_that_report_one_reference_at_once_count_once(
    house: House, finance: httpx.AsyncClient, sales: httpx.AsyncClient, order_id: str
) -> None:
    another = (await sales.post("/orders", json=order_body())).json()["id"]
    told = payment_body(reference="TX1")

    await asyncio.gather(
        finance.post(f"/orders/{order_id}/payments", json=told),
        send(house, told | {"order": another}),
    )

    assert [row["state"] for row in await house.rows(payments)].count("matched") == 1


async def test_a_notice_is_booked_while_the_engine_is_away_and_told_when_it_comes_again(
    house: House, order_id: str
) -> None:
    told = payment_body(order=order_id)
    house.temporal.is_away = True
    first = await send(house, told)
    house.temporal.is_away = False

    again = await send(house, told)

    assert (first.status_code, again.status_code) == (503, 201)
    assert len(await house.rows(payments)) == 1
    assert [name for _, name, _ in house.temporal.signals] == ["money_moved"]


async def test_a_notice_is_no_place_for_long_bodies(house: House) -> None:
    answer = await send(house, b"[" + b"1," * 40_000 + b"1]")

    assert answer.status_code == 413


@pytest.mark.parametrize(
    "secrets",
    ["plain", "whsec_short", f"finance:{NEW_SECRET}", f"Bank:{NEW_SECRET}", f"{NEW_SECRET} " * 3],
)
def test_secrets_that_cannot_be_used_are_refused_without_being_shown(secrets: str) -> None:
    with pytest.raises(ValueError) as caught:
        Settings(payment_secrets=secrets)

    assert secrets not in str(caught.value)
    assert NEW_SECRET not in repr(Settings(payment_secrets=NEW_SECRET))
