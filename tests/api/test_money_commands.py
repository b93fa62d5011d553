"""The money commands against the API over HTTP: what finance does in a day, in one go."""

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from domain.errors import DuelineError
from domain.money import PaymentRoute, Purpose
from ops.commands_differences import differences
from ops.commands_money import (
    invoice,
    ledger,
    paid,
    pay,
    payments,
    place,
    refund,
    statement,
)
from tests.api.factory import key_of, order_body

FINANCE = key_of("finance")
SALES = key_of("sales")


async def test_finance_enters_moves_and_shows_money(
    address: str,
    sales: httpx.AsyncClient,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    orders = [(await sales.post("/orders", json=order_body())).json()["id"] for _ in range(2)]
    first, second = (order[:8] for order in orders)

    await pay(first, "1600", reference="CMB-1", api=address, key=FINANCE)
    await pay(first, "1600", reference="CMB-1", api=address, key=FINANCE)
    entered = capsys.readouterr().out

    assert "1600.00 CNY taken: too much" in entered
    assert "60.00 CNY pays for nothing: finance has a task" in entered
    assert "CMB-1 was entered before" in entered
    await payments(order=first, as_json=True, api=address, key=FINANCE)
    [found] = json.loads(capsys.readouterr().out)
    await place(found["id"][:8], second, api=address, key=FINANCE)
    await payments(api=address, key=FINANCE)
    assert "1 payment" in capsys.readouterr().out
    await ledger(second, api=address, key=FINANCE)
    assert "owes 1540.00 CNY, paid 60.00 CNY, to pay 1480.00 CNY" in capsys.readouterr().out
    await ledger(customer="C-0001", api=address, key=FINANCE)
    assert "1600.00" in capsys.readouterr().out
    await refund(first, "40", why="a panel came back", api=address, key=FINANCE)
    assert "40.00 CNY shall go back: proposed" in capsys.readouterr().out
    await invoice(first, api=address, key=FINANCE)
    assert "not settled yet" in capsys.readouterr().out
    today = datetime.now(UTC).date().isoformat()
    line = {"reference": "CMB-2", "amount": "1.00", "currency": "CNY", "date": today}
    (tmp_path / "march.json").write_text(json.dumps({"lines": [line]}))
    await statement("C-0001", tmp_path / "march.json", api=address, key=FINANCE)
    assert "missing here" in capsys.readouterr().out


async def test_market_reports_a_payment_and_lists_what_is_awaited(
    address: str, sales: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    order = (await sales.post("/orders", json=order_body())).json()["id"][:8]
    await paid(order, "462", route=PaymentRoute.FOREIGN, reference="CMB-9", api=address, key=SALES)
    await paid(order, "38.50", as_json=True, api=address, key=SALES)
    said = capsys.readouterr().out
    await paid(order, api=address, key=SALES)
    listed = capsys.readouterr().out

    assert "462.00 CNY" in said
    assert json.loads(said[said.index("{") :])["amount"] == "38.50"
    assert "2 reports of payments" in listed
    assert "foreign" in listed
    await paid(order, as_json=True, api=address, key=SALES)
    assert len(json.loads(capsys.readouterr().out)) == 2
    with pytest.raises(DuelineError, match="amount: should be more than 0"):
        await paid(order, "0", api=address, key=SALES)


async def test_finance_lists_differences_that_no_order_has_and_settles_one(
    address: str,
    sales: httpx.AsyncClient,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await sales.post("/orders", json=order_body())
    today = datetime.now(UTC).date().isoformat()
    lines = [
        {"reference": f"CMB-{n}", "amount": "1.00", "currency": "CNY", "date": today}
        for n in (1, 2)
    ]
    (tmp_path / "march.json").write_text(json.dumps({"lines": lines}))
    await statement("C-0001", tmp_path / "march.json", api=address, key=FINANCE)
    capsys.readouterr()

    await differences(customer="C-0001", as_json=True, api=address, key=FINANCE)
    found = json.loads(capsys.readouterr().out)
    await differences(found[0]["id"][:8], because="booked twice", api=address, key=FINANCE)
    settled = capsys.readouterr().out
    await differences(api=address, key=FINANCE)
    left = capsys.readouterr().out

    assert len(found) == 2
    assert "booked twice" in settled
    assert "1 difference" in left
    assert "booked twice" not in left
    with pytest.raises(DuelineError, match="None begins with"):
        await differences(found[0]["id"][:8], because="again", api=address, key=FINANCE)
    with pytest.raises(DuelineError, match="Name a difference and --because"):
        await differences(found[1]["id"], api=address, key=FINANCE)


async def test_what_cannot_be_done_is_one_sentence(
    address: str, sales: httpx.AsyncClient, tmp_path: Path
) -> None:
    order = (await sales.post("/orders", json=order_body())).json()["id"]

    with pytest.raises(DuelineError, match="amount: has 3 decimals; CNY has at most 2"):
        await pay(order, "1.005", reference="R", purpose=Purpose.GOODS, api=address, key=FINANCE)
    with pytest.raises(DuelineError, match="There is no payment"):
        await place("7c1d9a02", order, api=address, key=FINANCE)
    with pytest.raises(DuelineError, match="Name an order, or a customer"):
        await ledger(api=address, key=FINANCE)
    with pytest.raises(DuelineError, match="amount: is nothing"):
        await refund(order, why="x", api=address, key=FINANCE)
    with pytest.raises(DuelineError, match="cannot be read"):
        await statement("C-0001", tmp_path / "none.json", api=address, key=FINANCE)
