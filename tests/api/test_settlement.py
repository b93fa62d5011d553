"""Settlement: invoices stay as they were issued, statements are compared, differences end."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import httpx

from store.follow_up_tables import follow_ups
from store.tables import outbox
from tests.api.conftest import House
from tests.api.factory import Body, fields_of, payment_body

PRICE = "1540.00"  # 40 x 38.50
SHANGHAI = ZoneInfo("Asia/Shanghai")


async def test_an_invoice_gets_its_number_once_when_finance_asks_and_all_is_paid(
    house: House, finance: httpx.AsyncClient, customer: httpx.AsyncClient, order_id: str
) -> None:
    path = f"/orders/{order_id}/invoice"
    await finance.post(f"/orders/{order_id}/payments", json=payment_body(amount=PRICE))
    before = (await finance.get(path)).json()
    await house.end(order_id, "completed")

    theirs = (await customer.get(path)).json()
    first, again = (await finance.get(path)).json(), (await finance.get(path)).json()

    assert (before["number"], before["open"]) == (None, "0.00")
    assert (theirs["number"], theirs["total"]) == (None, PRICE)
    assert first["number"].startswith(f"INV-{datetime.now(SHANGHAI).year}-")
    assert first == again == (await customer.get(path)).json()
    assert (first["total"], first["paid"], first["open"]) == (PRICE, PRICE, "0.00")
    assert [(line["line"], line["amount"]) for line in first["lines"]] == [(1, "1540.00")]


async def test_what_is_credited_later_stands_beside_an_invoice_that_stays_as_it_was(
    house: House, finance: httpx.AsyncClient, order_id: str
) -> None:
    path = f"/orders/{order_id}/invoice"
    await finance.post(f"/orders/{order_id}/payments", json=payment_body(amount=PRICE))
    await house.end(order_id, "completed")
    issued = (await finance.get(path)).json()

    for amount in ("40.00", "1500.00"):
        back = {"amount": amount, "reason": "goods came back"}
        assert (await finance.post(f"/orders/{order_id}/refunds", json=back)).status_code == 201
    now = (await finance.get(path)).json()

    assert (now["credited"], now["paid"], now["open"]) == (PRICE, "0.00", "0.00")
    moved = {"credited", "paid"}
    assert {k: v for k, v in now.items() if k not in moved} == {
        k: v for k, v in issued.items() if k not in moved
    }


def day(ago: int) -> str:
    return (datetime.now(SHANGHAI) - timedelta(days=ago)).date().isoformat()


async def booked(finance: httpx.AsyncClient, order_id: str, amount: str, of: str, on: str) -> None:
    told = payment_body(reference=of, amount=amount, arrived_at=f"{on}T00:00:00+08:00")
    assert (await finance.post(f"/orders/{order_id}/payments", json=told)).is_success


async def compared(finance: httpx.AsyncClient, lines: list[Body], **period: str) -> Body:
    body = {"lines": [{"currency": "CNY", **line} for line in lines], **period}
    answer = await finance.post("/customers/C-0001/reconciliation", json=body)
    assert answer.status_code == 200, answer.text
    found: Body = answer.json()
    return found


async def test_a_statement_is_compared_and_each_difference_is_finances_once(
    house: House, finance: httpx.AsyncClient, order_id: str
) -> None:
    on = day(9)
    for reference, amount in (("A", "100"), ("B", "200"), ("C", "300")):
        await booked(finance, order_id, amount, reference, on)
    said = [
        {"reference": "A", "amount": "100.00", "date": on},
        {"reference": "B", "amount": "250.00", "date": on},
        {"reference": "D", "amount": "400.00", "date": on},
    ]

    first, again = [await compared(finance, said, until=day(0)) for _ in range(2)]

    assert first == again
    assert [one["reference"] for one in first["matched"]] == ["A"]
    assert [(one["reference"], one["kind"]) for one in first["differences"]] == [
        ("B", "other_amount"),
        ("D", "missing_here"),
        ("C", "missing_there"),
    ]
    asked = {row["id"] for row in await house.rows(follow_ups)}
    assert asked == {one["follow_up"] for one in first["differences"]} - {None}
    [notice] = [row for row in await house.rows(outbox) if row["kind"] == "payment_difference"]
    assert "reference D" in notice["text"]
    open_ = (await finance.get("/payments/differences", params={"state": "open"})).json()["items"]
    assert [one["id"] for one in open_] == [first["differences"][1]["difference"]]
    there = f"/payments/differences/{open_[0]['id']}/settlement"
    for because in ("booked by another bank", "or not"):
        settled = (await finance.post(there, json={"because": because})).json()
        told = (settled["state"], settled["settled_by"], settled["settled_because"])
        assert told == ("settled", "finance", "booked by another bank")


async def test_a_payment_that_the_bank_dates_days_later_is_no_difference(
    finance: httpx.AsyncClient, order_id: str
) -> None:
    last, next_ = day(10), day(9)  # as 30 June and 1 July
    early = {"reference": "E", "amount": "50.00", "date": day(20)}
    for of, on in (("E", day(20)), ("L", last), ("N", next_), ("M", last)):
        await booked(finance, order_id, "50", of, on)

    june = await compared(finance, [early, early | {"reference": "N", "date": last}], until=last)
    july = await compared(
        finance, [early | {"reference": "L", "date": next_}], since=next_, until=day(0)
    )

    assert [one["reference"] for one in june["matched"]] == ["E", "N"]
    assert {one["reference"] for one in june["awaited"]} == {"L", "M"}
    assert (june["differences"], july["awaited"]) == ([], [])
    assert [one["reference"] for one in july["differences"]] == ["M"], "no statement has it"


async def test_what_was_missing_here_is_settled_by_a_statement_that_agrees(
    finance: httpx.AsyncClient, order_id: str
) -> None:
    late = {"reference": "Z", "amount": "70.00", "date": day(9)}
    before = await compared(finance, [late])
    await booked(finance, order_id, "70", "Z", day(9))

    after = await compared(finance, [late])

    assert [one["kind"] for one in before["differences"]] == ["missing_here"]
    assert after["differences"] == []
    [found] = (await finance.get("/payments/differences")).json()["items"]
    assert (found["state"], found["reference"]) == ("settled", "Z")


async def test_a_bad_line_of_a_statement_is_named_and_nothing_becomes_a_task(
    house: House, finance: httpx.AsyncClient
) -> None:
    line = {"reference": "A", "amount": "1.00", "currency": "CNY", "date": "2026-03-02"}
    path = "/customers/C-0001/reconciliation"

    broken = await finance.post(path, json={"lines": [line, line | {"amount": "1.005"}]})
    twice = await finance.post(path, json={"lines": [line, line]})
    empty = await finance.post(path, json={"lines": []})
    unknown = await finance.post("/customers/C-9/reconciliation", json={"lines": [line]})

    assert fields_of(broken.json()) == ["lines[1].amount"]
    assert fields_of(twice.json()) == ["lines[0].reference", "lines[1].reference"]
    assert (fields_of(empty.json()), unknown.status_code) == (["lines"], 404)
    assert await house.rows(outbox) == []
