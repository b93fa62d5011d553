"""What reviewers need to know of an order before they judge it (L06, L10)."""

from decimal import Decimal
from typing import Any

from activities.order_file import OrderFile
from activities.remaining import to_make
from store import slots, stock


async def review_facts(file: OrderFile) -> dict[str, Any]:
    """Completeness, money, date, load and stock, as the tasks of a review show them."""
    request = file.request
    remaining = await to_make(file)
    needs = await stock.needs(file.conn, await stock.explode(file.conn, remaining))
    minutes = await slots.load_minutes(file.conn, remaining)
    return {
        "missing_fields": missing_fields(file.row.body, file.profile.required_fields),
        "amount": str(request.amount),
        "currency": request.currency.value,
        "lines": len(request.lines),
        "promised_at": file.said(request.promised_at),
        "load_minutes": {line: plain(asked) for line, asked in minutes.items()},
        "stock_suffices": not any(need.short for need in needs),
    }


def missing_fields(body: Any, required: tuple[str, ...]) -> list[str]:
    """Required fields (dotted; a list's field must stand in every row) without a value (G02)."""
    return [name for name in required if not _filled(body, name.split("."))]


def _filled(value: Any, path: list[str]) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(_filled(row, path) for row in value)
    if not path:
        return value is not None and value != ""
    return isinstance(value, dict) and _filled(value.get(path[0]), path[1:])


def plain(number: Decimal) -> str:
    """A decimal without trailing zeros: `0.19`, `40`."""
    return f"{number.normalize():f}"
