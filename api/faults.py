"""What pydantic finds wrong, in words that say what would be right. Values are never repeated:
they may be personal data."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from api.problems import FieldError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

ERRORS_MAX = 50  # nobody mends more at once, and a hostile body could ask for thousands
NAME_LENGTH_MAX = 80

_SOURCES = frozenset({"query", "path", "header", "body"})
_INSTANT = "write an instant with its offset, such as 2026-12-20T18:00:00+08:00"
_DATE = "write a date such as 2026-12-20"
_WHOLE = "write a whole number such as 12, without quotes or decimal point"
_AMOUNT = 'write a decimal number such as "38.50"'

Words = tuple[str, str | None]

# Type of the error: what is wrong and the cure; {names} come from the error's context.
_WORDS: Mapping[str, Words] = {
    "missing": ("is missing", "add it"),
    "int_type": ("should be a whole number", _WHOLE),
    "int_parsing": ("should be a whole number", "write a whole number such as 12"),
    "int_from_float": ("should be a whole number", _WHOLE),
    "bool_type": ("should be true or false", "write true or false, without quotes"),
    "bool_parsing": ("should be true or false", None),
    "decimal_type": ("should be a decimal number", _AMOUNT),
    "decimal_parsing": ("should be a decimal number", _AMOUNT),
    "date_type": ("is no date", _DATE),
    "date_parsing": ("is no date", _DATE),
    "date_from_datetime_parsing": ("is no date", _DATE),
    "date_from_datetime_inexact": ("is no date", _DATE),
    "decimal_max_places": ("has more than {decimal_places} decimals", "round it"),
    "finite_number": ("should be a finite number", _AMOUNT),
    "greater_than": ("should be more than {gt}", None),
    "greater_than_equal": ("should be at least {ge}", None),
    "less_than_equal": ("should be at most {le}", None),
    "too_short": ("should have at least {min_length} entries", "add what is missing"),
    "too_long": ("should have at most {max_length} entries", "split it over several requests"),
    "string_type": ("should be a text", "put it in quotes"),
    "string_too_short": ("should have at least {min_length} characters", None),
    "string_too_long": ("should have at most {max_length} characters", "shorten it"),
    "enum": ("should be one of {expected}", None),
    "literal_error": ("should be one of {expected}", None),
    "timezone_aware": ("has no offset", _INSTANT),
    "datetime_type": ("is no instant", _INSTANT),
    "datetime_parsing": ("is no instant", _INSTANT),
    "datetime_from_date_parsing": ("is no instant", _INSTANT),
    "datetime_object_invalid": ("is no instant", _INSTANT),
    "model_type": ("should be an object", "write its fields in braces"),
    "model_attributes_type": ("should be an object", "write its fields in braces"),
    "dict_type": ("should be an object", "write its fields in braces"),
    "tuple_type": ("should be a list", "write it in brackets"),
    "list_type": ("should be a list", "write it in brackets"),
}

_UNPRICED = "leave it out; ?preview=true says what the change costs"
_AGREED = {("ChangeRequest", name) for name in ("unit_price", "price", "amount", "currency")}

_PATTERNS: Mapping[str, str] = {
    "^[A-Za-z0-9][A-Za-z0-9._/-]": "use letters, digits and ._/- only, at most 64",
    "^[A-Za-z0-9]": "use letters, digits, dot, dash and underscore, at most 64",
    "^[A-Z]{2}": "write the country's two capital letters, such as CN",
    "^(https|s3)": "write an address that begins with https:// or s3://, without blanks",
}


def dotted(path: Iterable[str | int]) -> str:
    """`("lines", 0, "quantity")` as `lines[0].quantity`."""
    parts = (f"[{p}]" if isinstance(p, int) else f".{p[:NAME_LENGTH_MAX]}" for p in path)
    return "".join(parts).removeprefix(".")


def field_errors(
    details: Sequence["ErrorDetails"], model: type[BaseModel] | None = None
) -> list[FieldError]:
    """pydantic's errors as ours; `model` is what the names at the top should have been."""
    paths = {detail["loc"][:depth] for detail in details for depth in range(len(detail["loc"]))}
    # A list whose entries are all wrong counts as empty too, which helps nobody.
    own = [d for d in details if not (d["type"] == "too_short" and d["loc"] in paths)]
    return [_field_error(detail, model) for detail in own[:ERRORS_MAX]]


def _field_error(detail: "ErrorDetails", model: type[BaseModel] | None) -> FieldError:
    path = detail["loc"]
    if path and path[0] in _SOURCES and model is None:
        path = path[1:]
    message, cure = _said(detail, path, model)
    return FieldError(field=dotted(path) or "body", message=message, cure=cure)


def _said(
    detail: "ErrorDetails", path: tuple[str | int, ...], model: type[BaseModel] | None
) -> Words:
    kind: str = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    if kind == "extra_forbidden":
        if model is not None and (model.__name__, str(path[-1])) in _AGREED:
            return "is agreed with sales and no part of a change", _UNPRICED
        return "is not known here", _nearest(path, model)
    if kind == "string_pattern_mismatch":
        return "has the wrong form", _first(_PATTERNS, str(context.get("pattern")).startswith)
    if kind == "value_error":
        message, _, cure = str(context["error"]).partition("; ")
        return message, cure or None
    if kind in _WORDS:
        template, known_cure = _WORDS[kind]
        return template.format_map(context), known_cure
    return detail["msg"][:1].lower() + detail["msg"][1:], None


def _nearest(path: tuple[str | int, ...], model: type[BaseModel] | None) -> str:
    known = list(model.model_fields) if model is not None and len(path) == 1 else []
    near = difflib.get_close_matches(str(path[-1]), known, n=1)
    return f"did you mean {near[0]}?" if near else "leave it out"


def _first(words: Mapping[str, str], matches: Callable[[str], bool]) -> str | None:
    return next((cure for start, cure in words.items() if matches(start)), None)
