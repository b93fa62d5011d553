"""Changes on the floor: asked for as the API does, answered, and held against what has to be.

What has to be is worked out here from the master data and the route, not read from the platform.
"""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import update

from domain.changes import ChangeRequest
from domain.money import Account
from domain.orders import OrderRequest
from domain.patching import touches
from domain.windows import PauseReason
from store import ledger, money_tables, tables
from tests.workflow.floor import Placed
from workflows.contract import (
    MONEY_MOVED,
    REQUEST_CHANGE,
    STANDING,
    ChangeNotice,
    MoneyMoved,
    Standing,
)

PRODUCT = "EL-A4"
ORDERED = 10
PRICE = Decimal("18.50")
TWENTY = {"lines": [{"line": 1, "quantity": 20}]}
FIVE = {"lines": [{"line": 1, "quantity": 5}]}
PINK = {"lines": [{"line": 1, "product": "EL-A4-PK"}]}
SPECIFIED = {"lines": [{"line": 1, "specification": "powder-coated"}]}
REMARK = {"remarks": "ring the bell"}
SIGNED = {"agreement": "CA-2026-0001"}
_MASTER = Path(__file__).parents[2] / "examples" / "master" / "products.json"


def later(placed: Placed, days: int = 120) -> dict[str, str]:
    """A patch that moves the promised date to so many days from now."""
    return {"promised_at": (placed.now + timedelta(days=days)).isoformat()}


async def ask(
    placed: Placed,
    patch: dict[str, Any],
    *,
    version: int | None = None,
    times: int = 1,
    evidence: bool = False,
) -> str:
    """Asks for a change against the order as it stands, or as it stood; returns its id."""
    row = await placed.row()
    seen = version or row["version"]
    wanted = ChangeRequest.model_validate({**patch, "version": seen})
    touched = touches(OrderRequest.model_validate(row["body"]), wanted)
    change_id = await placed.store_wish("change", patch, seen)
    if evidence:
        text = {"name": "letter.pdf", "uri": "https://files.example/letter.pdf"}
        of_change = update(tables.changes).where(tables.changes.c.id == change_id)
        async with placed.floor.engine.begin() as conn:
            await conn.execute(of_change.values(evidence=text))
    notice = ChangeNotice(change_id=change_id, version=seen, fields=tuple(patch), touches=touched)
    for _ in range(times):
        await placed.handle.signal(REQUEST_CHANGE, notice)
    return change_id


async def asked(placed: Placed, step: str) -> dict[str, Any]:
    """Waits until somebody is asked about the change; returns the one task."""

    async def there() -> list[dict[str, Any]]:
        return await placed.open_tasks(step)

    [task] = await placed.until(there, f"{step} is asked")
    return dict(task)


async def say(placed: Placed, step: str, outcome: str = "agreed", **data: str) -> None:
    """Waits for a question about the change and answers it."""
    await placed.answer(await asked(placed, step), outcome, **data)


async def pay(placed: Placed, amount: Decimal, key: str = "paid") -> None:
    """All of it on the goods' account, also what the price does not ask for."""
    moved = ledger.Move(
        key=f"{placed.order_id}/{key}",
        currency="CNY",
        amount=amount,
        source=Account.OUTSIDE,
        target=Account.GOODS,
        holder=placed.order_id,
        reason="paid ahead",
        by="key-of-finance",
        at=placed.now,
        order_id=placed.order_id,
    )
    async with placed.floor.engine.begin() as conn:
        await ledger.move(conn, moved)
    await placed.handle.signal(MONEY_MOVED, MoneyMoved(entry=moved.key))


async def standing(placed: Placed) -> Standing:
    """What the workflow says of itself, once it has written everything down."""

    async def settled() -> Standing | None:
        told: Standing = await placed.handle.query(STANDING, result_type=Standing)
        return told if told.settled else None

    found: Standing = await placed.until(settled, f"{placed.order_id} has settled")
    return found


@dataclass(frozen=True)
class Expected:
    """What an order has to hold: nothing besides is held.

    `made` and `packed` are units of `product`. `to_make` are
    the units that material is reserved for, `booked` those that the line is booked for.
    """

    step: str
    version: int
    product: str = PRODUCT
    to_make: int = 0
    booked: int = 0
    made: int = 0
    packed: int = 0
    amount: Decimal = PRICE * ORDERED
    applied: Decimal = Decimal(0)
    unapplied: Decimal = Decimal(0)
    frozen: bool = False
    asks: tuple[tuple[str, str], ...] = field(default=())


async def holds(placed: Placed, expected: Expected) -> None:
    """Fails with what differs from the expectation, in the database or in the workflow."""
    told = await standing(placed)
    row = await placed.row()
    assert told.step is not None
    assert (told.step.step, row["step"]) == (expected.step, expected.step)
    assert (told.version, row["version"]) == (expected.version, expected.version)
    assert row["amount"] == expected.amount
    assert await _reserved(placed) == _material(expected.product, expected.to_make)
    assert await _booked(placed) == _minutes(expected.product) * expected.booked
    assert await _goods(placed, expected.product) == (expected.made, expected.packed)
    assert await _money(placed) == (expected.applied, expected.unapplied)
    assert (told.changing is not None and told.changing.freezes) is expected.frozen
    await _windows_agree(placed, told, frozen=expected.frozen)
    tasks = {(task["step"], task["role"]) for task in await placed.open_tasks()}
    assert tasks == {(task.step, task.role.value) for task in told.tasks}
    if expected.asks:
        assert tasks >= set(expected.asks)


async def _windows_agree(placed: Placed, told: Standing, *, frozen: bool) -> None:
    running = {one.window.key: one.window for one in told.windows}
    stored = await placed.rows(tables.windows, stopped_at=None)
    assert {row["key"] for row in stored} == set(running)
    for row in stored:
        assert set(row["paused_for"]) == set(running[row["key"]].paused_for)
    route = {window.step for window in running.values() if PauseReason.CHANGE in window.paused_for}
    assert frozen or not route, "nothing stands still once the change is decided"


async def _reserved(placed: Placed) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for row in await placed.rows(tables.reservations, state="held"):
        found[row["material"]] = found.get(row["material"], Decimal(0)) + row["quantity"]
    return found


async def _booked(placed: Placed) -> Decimal:
    slots = await placed.rows(tables.slots, state="held")
    return sum((row["minutes"] for row in slots), Decimal(0))


async def _goods(placed: Placed, product: str) -> tuple[int, int]:
    [row] = await placed.rows(tables.goods, product=product) or [{"made": 0, "packed": 0}]
    return row["made"], row["packed"]


async def _money(placed: Placed) -> tuple[Decimal, Decimal]:
    rows = await placed.floor.rows(money_tables.balances, holder=placed.order_id)
    by = {row["account"]: row["amount"] for row in rows}
    free = by.get("unapplied", Decimal(0)) + by.get("refund_due", Decimal(0))
    return by.get("goods", Decimal(0)), free


async def spare(placed: Placed, product: str = PRODUCT) -> int:
    """Free finished units of a product."""
    [row] = await placed.floor.rows(tables.products, code=product)
    return int(row["finished"])


@cache
def _products() -> dict[str, dict[str, Any]]:
    return {row["code"]: row for row in json.loads(_MASTER.read_text(encoding="utf-8"))}


def _material(product: str, units: int) -> dict[str, Decimal]:
    bill = _products()[product]["bom"] if units else []
    return {row["material"]: Decimal(row["per_unit"]) * units for row in bill}


def _minutes(product: str) -> Decimal:
    return Decimal(_products()[product]["minutes_per_unit"])
