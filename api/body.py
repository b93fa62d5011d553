"""Reads a JSON body strictly: bounded, without surprises, every fault with its place."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from api.faults import ERRORS_MAX, NAME_LENGTH_MAX, dotted, field_errors
from api.problems import BROKEN, NOT_JSON, TOO_LARGE, FieldError, Problem, invalid

BODY_BYTES_MAX = 1_000_000  # 200 lines with 2,000 characters each fit
DEPTH_MAX = 20  # an order is four deep
ENTRIES_MAX = 1_000  # an order has 200 lines
NUMBER_LENGTH_MAX = 40  # the longest amount has 18 digits
EXPONENT_MAX = 40

_JSON_TYPE = re.compile(r"application/(?:[\w.-]+\+)?json", re.IGNORECASE)
# What PostgreSQL cannot store, and what makes a text read other than it is.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Posted(Generic[Model]):
    """A valid body. `digest` is the same for the same JSON, however it is spaced or ordered."""

    value: Model
    digest: str


@dataclass(frozen=True)
class _NoNumber:
    """Stands where JSON had a number that is none, until its place is known."""

    fault: str


def posted(model: type[Model], *, may_be_empty: bool = False) -> Any:
    """A dependency that reads the body as `model` into a `Posted`."""

    async def read(request: Request) -> Posted[Model]:
        raw = await bounded(request)
        if not raw and may_be_empty:
            return Posted(model(), json_digest({}))
        _must_be_json(request)
        return validated(parse(raw), model)

    return Depends(read)


def validated(value: Any, model: type[Model]) -> Posted[Model]:
    """Parsed JSON as `model`. Raises Problem with every fault's place."""
    faults = []
    for fault in _faults(value, ()):
        faults.append(fault)
        if len(faults) == ERRORS_MAX:
            break
    if faults:
        raise invalid(faults)
    try:
        return Posted(model.model_validate(value), json_digest(value))
    except ValidationError as error:
        raise invalid(field_errors(error.errors(include_url=False), model)) from error


async def bounded(request: Request, most: int = BODY_BYTES_MAX) -> bytes:
    """The body, or a refusal as soon as it is too long, whatever Content-Length says."""
    chunks: list[bytes] = []
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > most:
            raise Problem(
                TOO_LARGE,
                f"a body has at most {most:,} bytes; split the order, or send documents "
                "as attachments by reference",
                # The rest is not read, so the connection cannot be used again.
                headers={"Connection": "close"},
            )
        chunks.append(chunk)
    return b"".join(chunks)


def _must_be_json(request: Request) -> None:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.lower().replace(" ", "").replace('"', "")
    if not _JSON_TYPE.fullmatch(media_type.strip()) or charset not in ("", "charset=utf-8"):
        raise Problem(NOT_JSON, "send JSON in UTF-8 with Content-Type: application/json")


def parse(raw: bytes) -> Any:
    """JSON to Python, numbers with a point to Decimal. Raises Problem for what is no JSON."""
    if not raw.strip():
        raise Problem(BROKEN, "the body is empty; send a JSON object")
    try:
        return json.loads(
            raw.decode("utf-8"),
            parse_int=_whole,
            parse_float=_decimal,
            parse_constant=lambda name: _NoNumber(f"should be a number, not {name}"),
            object_pairs_hook=_without_repetition,
        )
    except UnicodeDecodeError as error:
        raise Problem(BROKEN, f"byte {error.start + 1} of the body is not UTF-8") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        message = error.msg[:1].lower() + error.msg[1:].removesuffix(" at")
        raise Problem(BROKEN, f"the JSON is broken at {where}: {message}") from error
    except RecursionError as error:
        raise _too_deep() from error


def _too_deep() -> Problem:
    return Problem(BROKEN, f"the JSON is nested more than {DEPTH_MAX} deep")


def _whole(text: str) -> int | _NoNumber:
    return int(text) if len(text) <= NUMBER_LENGTH_MAX else _NoNumber("has too many digits")


def _decimal(text: str) -> Decimal | _NoNumber:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return _NoNumber("is too large or too small")
    if len(text) > NUMBER_LENGTH_MAX or abs(number.adjusted()) > EXPONENT_MAX:
        return _NoNumber("is too large, too small or too long")
    return number


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            # Readers disagree on which of the two counts, so neither does.
            shown = ascii(name[:NAME_LENGTH_MAX])
            raise Problem(BROKEN, f"the key {shown} comes twice in one object; leave one out")
        found[name] = value
    return found


def _faults(value: Any, path: Path) -> Iterator[FieldError]:
    """What no model needs to see: numbers that are none, and invisible characters."""
    if len(path) > DEPTH_MAX:
        raise _too_deep()
    match value:
        case _NoNumber():
            yield FieldError(
                field=dotted(path) or "body", message=value.fault, cure="write a plain number"
            )
        case str():
            if fault := _invisible(value):
                yield FieldError(field=dotted(path) or "body", message=fault, cure="remove it")
        case dict() | list() if len(value) > ENTRIES_MAX:
            # Before any model sees it: naming each wrong entry of a million would take minutes.
            message = f"should have at most {ENTRIES_MAX:,} entries"
            yield FieldError(field=dotted(path) or "body", message=message, cure="shorten it")
        case dict():
            for name, inner in value.items():
                if fault := _invisible(name):
                    field = dotted((*path, ascii(name)))
                    yield FieldError(field=field, message=f"its name {fault}", cure="remove it")
                else:
                    yield from _faults(inner, (*path, name))
        case list():
            for index, inner in enumerate(value):
                yield from _faults(inner, (*path, index))


def _invisible(text: str) -> str | None:
    found = _INVISIBLE.search(text)
    if found is None:
        return None
    return f"contains the invisible character U+{ord(found[0]):04X} at position {found.start() + 1}"


def json_digest(value: Any) -> str:
    """The same for the same JSON, however it is spaced or ordered."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
