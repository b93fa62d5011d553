"""Order files: JSON as the API takes it, or a sheet with an order a row; faults have a place."""

import difflib
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from domain.orders import OrderRequest
from domain.worktime import WorkCalendar
from ops.intake_places import Cell, Fault, FileFaults, JsonPlaces, Place, csv_rows
from ops.intake_places import Path as FieldPath

FILE_BYTES_MAX = 5_000_000
WORKING_DAYS_MAX = 500
JSON_CURE = "write the JSON object that POST /orders takes, as in examples/orders"

# In the order of `examples/orders.csv`; a sheet may have them in any order.
COLUMNS: Mapping[str, FieldPath] = {
    "profile": ("profile",),
    "customer": ("customer",),
    "channel": ("channel",),
    "currency": ("currency",),
    "promised_at": ("promised_at",),
    "rush": ("rush",),
    "special": ("special",),
    "contact_name": ("contact", "name"),
    "contact_phone": ("contact", "phone"),
    "deliver_name": ("deliver_to", "name"),
    "deliver_line1": ("deliver_to", "line1"),
    "deliver_city": ("deliver_to", "city"),
    "deliver_postcode": ("deliver_to", "postcode"),
    "deliver_country": ("deliver_to", "country"),
    "product": ("lines", 0, "product"),
    "quantity": ("lines", 0, "quantity"),
    "unit_price": ("lines", 0, "unit_price"),
    "specification": ("lines", 0, "specification"),
    "remarks": ("remarks",),
}
REQUIRED_COLUMNS = ("profile", "customer", "promised_at", "product", "quantity", "unit_price")

_WORKING_DAYS = re.compile(r"\+([1-9]\d{0,2})wd")
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True)
class Draft:
    """One order of a file, ready to be sent. `key` is the same for the same content."""

    file: str
    body: Mapping[str, Any]
    key: str
    names: Mapping[str, str]
    places: Mapping[str, Place]
    begins: Place = (1, 1)

    def fault(self, field: str, what: str, cure: str | None = None) -> Fault:
        """A fault of a field as the API names it, at its place or at the nearest one around it."""
        around = field
        while around and around not in self.places:
            around = around[: max(around.rfind("."), around.rfind("["), 0)]
        line, column = self.places.get(around, self.begins)
        return Fault(self.file, line, column, self.names.get(field, field), what, cure or "")


def read_orders(path: Path, days: WorkCalendar, now: datetime) -> list[Draft]:
    """The orders of a file, checked as far as that is possible without the platform.

    A promised date such as `+15wd` becomes the closing time of the 15th working day after the day
    of `now`. Raises FileFaults with everything that is wrong; then no order of the file is usable.
    """
    text = _text(path)
    if path.suffix.lower() == ".csv":
        drafts, faults = _from_sheet(text, str(path))
    elif path.suffix.lower() == ".json":
        drafts, faults = [_from_json(text, str(path))], []
    else:
        what = "is neither .json nor .csv"
        raise FileFaults(
            [Fault(str(path), 1, 1, "", what, "save it as one of them, and name it so")]
        )
    ready = []
    for draft in drafts:
        unclear = _promise_faults(draft)
        ready.append(draft if unclear else _with_promise(draft, days, now))
        faults += unclear or _order_faults(ready[-1])
    if faults:
        raise FileFaults(sorted(faults))
    return ready


def promised(text: str, days: WorkCalendar, now: datetime) -> datetime | None:
    """The instant that `+15wd` means; none for a text that is no such thing."""
    match = _WORKING_DAYS.fullmatch(text)
    if match is None or int(match[1]) > WORKING_DAYS_MAX:
        return None
    today = days.local(now).date()
    later = [day for day in days.dates if day > today]
    return days.closing(datetime.combine(later[int(match[1]) - 1], time.min, days.zone))


def _text(path: Path) -> str:
    file = str(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*.*")], n=1)
        cure = f"did you mean {near[0]}?" if near else "mend the name"
        raise FileFaults([Fault(file, 1, 1, "", "there is no such file", cure)]) from None
    except OSError as error:
        what = f"cannot be read: {(error.strerror or str(error)).lower()}"
        raise FileFaults([Fault(file, 1, 1, "", what, "name a file that you may read")]) from error
    if len(raw) > FILE_BYTES_MAX:
        what = f"has more than {FILE_BYTES_MAX:,} bytes"
        raise FileFaults([Fault(file, 1, 1, "", what, "split it")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        cure = "save it as UTF-8 (in Excel: CSV UTF-8)"
        raise FileFaults([Fault(file, line, column, "", "is not UTF-8", cure)]) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _from_json(text: str, file: str) -> Draft:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no number")

    try:
        body = json.loads(text, parse_float=Decimal, parse_constant=refuse)
        places = JsonPlaces(text)
    except json.JSONDecodeError as error:
        what = f"is not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise FileFaults([Fault(file, error.lineno, error.colno, "", what, JSON_CURE)]) from error
    except (ValueError, RecursionError) as error:
        what = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise FileFaults([Fault(file, 1, 1, "", what, JSON_CURE)]) from error
    if not isinstance(body, dict):
        raise FileFaults([Fault(file, 1, 1, "", "holds no order", JSON_CURE)])
    draft = Draft(
        file=file,
        body=body,
        key=_key(json.dumps(body, sort_keys=True, default=str), 1),
        names={},
        places={_dotted(path): at for path, at in places.found.items()},
    )
    if places.repeated:
        what, cure = "stands here a second time", "leave one of them out"
        raise FileFaults([draft.fault(_dotted(path), what, cure) for path in places.repeated])
    return draft


def _from_sheet(text: str, file: str) -> tuple[list[Draft], list[Fault]]:
    rows = list(csv_rows(text, file))
    if not rows:
        raise FileFaults([Fault(file, 1, 1, "", "is empty", f"begin with {','.join(COLUMNS)}")])
    header, *entries = rows
    faults = list(_header_faults(header, file))
    if faults:
        raise FileFaults(faults)
    if not entries:
        cure = "add an order below the names"
        raise FileFaults([Fault(file, *header[0].place, "", "has no order", cure)])
    names = [cell.text for cell in header]
    seen = Counter[str]()
    drafts = []
    for row in entries:
        if len(row) != len(names):
            what = f"has {len(row)} cells instead of {len(names)}"
            cure = "put cells with a comma in quotes, and leave none out"
            faults.append(Fault(file, *row[0].place, "the row", what, cure))
            continue
        content = json.dumps({name: c.text for name, c in zip(names, row, strict=True) if c.text})
        seen[content] += 1
        drafts.append(
            _from_row(dict(zip(names, row, strict=True)), file, _key(content, seen[content]))
        )
    return drafts, faults


def _header_faults(header: Sequence[Cell], file: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for cell in header:
        if cell.text not in COLUMNS:
            near = difflib.get_close_matches(cell.text, COLUMNS, n=1)
            cure = f"did you mean {near[0]}?" if near else f"the columns are {', '.join(COLUMNS)}"
            yield Fault(file, *cell.place, cell.text or "a column", "is no column", cure)
        elif cell.text in seen:
            yield Fault(file, *cell.place, cell.text, "stands here again", "leave one of them out")
        seen.add(cell.text)
    for name in REQUIRED_COLUMNS:
        if name not in seen:
            yield Fault(file, *header[0].place, name, "is missing", "add the column")


def _from_row(row: Mapping[str, Cell], file: str, key: str) -> Draft:
    body: dict[str, Any] = {"lines": [{}]}
    names, places = {}, {}
    for name, path in COLUMNS.items():
        if name not in row:
            continue
        names[_dotted(path)], places[_dotted(path)] = name, row[name].place
        if row[name].text:
            _put(body, path, _value(name, row[name].text))
    begins = min(cell.place for cell in row.values())
    return Draft(file, body, key, names, places, begins)


def _put(body: Any, path: FieldPath, value: Any) -> None:
    for part in path[:-1]:
        body = body.setdefault(part, {}) if isinstance(body, dict) else body[part]
    body[path[-1]] = value


def _value(column: str, text: str) -> Any:
    """A cell as the API wants it; what does not fit stays a text, and is refused with its place."""
    if column in {"rush", "special"}:
        return _FLAGS.get(text.lower(), text)
    if column == "quantity" and text.isascii() and text.isdigit():
        return int(text)
    return text


def _promise_faults(draft: Draft) -> list[Fault]:
    value = draft.body.get("promised_at")
    if isinstance(value, str) and value.startswith("+") and not _WORKING_DAYS.fullmatch(value):
        cure = "write +15wd for the 15th working day from now, or 2026-12-20T18:00:00+08:00"
        return [draft.fault("promised_at", "is no instant", cure)]
    return []


def _with_promise(draft: Draft, days: WorkCalendar, now: datetime) -> Draft:
    value = draft.body.get("promised_at")
    instant = promised(value, days, now) if isinstance(value, str) else None
    body = dict(draft.body)
    if instant is not None:
        body["promised_at"] = instant.isoformat()
    # Decimals travel as texts: a float would change the price.
    sendable = json.loads(json.dumps(body, default=str))
    return Draft(draft.file, sendable, draft.key, draft.names, draft.places, draft.begins)


def _order_faults(draft: Draft) -> Iterator[Fault]:
    try:
        OrderRequest.model_validate(draft.body)
    except ValidationError as error:
        from api.faults import field_errors

        for fault in field_errors(error.errors(include_url=False), OrderRequest):
            yield draft.fault(fault.field, fault.message, fault.cure)


def _dotted(path: FieldPath) -> str:
    """`("lines", 0, "quantity")` as `lines[0].quantity`, the way the API names it."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def _key(content: str, occurrence: int) -> str:
    """The Idempotency-Key of this content; the same row twice in a sheet is two orders."""
    return f"file-{hashlib.sha256(content.encode()).hexdigest()[:40]}-{occurrence}"
