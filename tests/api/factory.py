"""Bodies and rows with sensible defaults."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

Body = dict[str, Any]

OLD_SECRET = "whsec_" + b64encode(b"o" * 32).decode()
NEW_SECRET = "whsec_" + b64encode(b"n" * 32).decode()


UNPAYABLE: list[tuple[str, Body]] = [
    ("amount", {"amount": "0"}),
    ("amount", {"amount": "-1"}),
    ("amount", {"amount": "10.001"}),
    ("amount", {"amount": "10.5", "currency": "JPY"}),
    ("amount", {"amount": "1e30"}),
    ("amount", {"amount": True}),
    ("currency", {"currency": "XXX"}),
    ("currency", {"currency": "USD"}),
    ("reference", {"reference": "a b"}),
]
"""What no order over CNY can be paid with, and the field that says so."""


def key_of(name: str) -> str:
    """The API key that the tests give to a role or a second customer."""
    return f"key-of-{name}"


def order_body(**changed: Any) -> Body:
    """An order that profile S08 takes."""
    body: Body = {
        "profile": "S08",
        "customer": "C-0001",
        "promised_at": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
        "contact": {"name": "Lin Yue", "phone": "+86-555-0100-0101"},
        "deliver_to": {
            "name": "Store 2",
            "line1": "12 Reed Lane",
            "city": "Hefei",
            "country": "CN",
        },
        "lines": [order_line()],
    }
    return body | changed


def order_line(**changed: Any) -> Body:
    """A line of an order."""
    return {"product": "EL-A4", "quantity": 40, "unit_price": "38.50"} | changed


def task_row(order_id: str, now: datetime, **changed: Any) -> Body:
    """A task as the activities open it."""
    role = changed.get("role", "sales")
    row: Body = {
        "id": f"{order_id}.confirm.1.{role}",
        "workflow_id": f"order-{order_id}",
        "order_id": order_id,
        "step": "confirm",
        "visit": 1,
        "role": role,
        "title": "Confirm",
        "title_zh": "订单信息确认",
        "outcomes": ["done", "refused"],
        "requires": [],
        "facts": {},
        "opened_at": now,
        "due_at": now + timedelta(hours=3),
    }
    return row | changed


def window_row(order_id: str, now: datetime, **changed: Any) -> Body:
    """A window as the activities open it."""
    row: Body = {
        "key": f"{order_id}/confirm/1",
        "order_id": order_id,
        "rule": "S08.W02",
        "step": "confirm",
        "role": "sales",
        "limit": "3h",
        "calendar": "cn@1",
        "provisional": False,
        "started_at": now,
        "due_at": now + timedelta(hours=3),
        "explanation": "3 working hours from the order number.",
    }
    return row | changed


def fresh_key() -> dict[str, str]:
    """Headers with an Idempotency-Key that nobody has used."""
    return {"Idempotency-Key": uuid4().hex}


def fields_of(problem: Body) -> list[str]:
    """The fields that a problem names."""
    return [error["field"] for error in problem["errors"]]


def payment_body(**changed: Any) -> Body:
    """A payment as finance enters it; an order of `order_body` costs 1540 CNY."""
    return {"reference": uuid4().hex[:12], "amount": "1000.00", "currency": "CNY"} | changed
