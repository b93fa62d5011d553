"""Keyset pages: a cursor names the last row seen, so new rows never shift a page."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from domain.base import Instant, Record
from domain.errors import InvalidField
from store.reading import Place

LIMIT_MAX = 200
LIMIT_DEFAULT = 50

Item = TypeVar("Item")
Row = TypeVar("Row")


class Paged(BaseModel):
    """The query parameters of every list."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[str, Field(max_length=400)] | None = Field(
        default=None, description="`next` of the page before"
    )
    limit: int = Field(default=LIMIT_DEFAULT, ge=1, le=LIMIT_MAX)


class Page(Record, Generic[Item]):
    """One page; `next` is the cursor of the following one, if there is more."""

    items: tuple[Item, ...]
    next: str | None = None


def _has_utc_equivalent(value: datetime) -> datetime:
    try:
        value.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999") from None
    return value


StorableInstant = Annotated[Instant, AfterValidator(_has_utc_equivalent)]
"""An instant that PostgreSQL can be asked about."""


def page(
    rows: Sequence[Row], limit: int, place: Callable[[Row], Place], view: Callable[[Row], Item]
) -> Page[Item]:
    """A page of `limit` rows out of `limit + 1` that were read."""
    shown = rows[:limit]
    following = _encoded(place(shown[-1])) if len(rows) > limit else None
    return Page(items=tuple(view(row) for row in shown), next=following)


def place_after(cursor: str | None) -> Place | None:
    """Where the page before ended. Raises InvalidField for a cursor that is none of ours."""
    if cursor is None:
        return None
    try:
        at, key = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
        instant = datetime.fromisoformat(at).astimezone(UTC)
        # A NUL inside would reach PostgreSQL.
        if not isinstance(key, str) or not key.isprintable():
            raise ValueError("no id")
    except (ValueError, TypeError, binascii.Error, OverflowError) as error:
        raise InvalidField(
            "cursor", "is not one of ours; send `next` of the page before, or leave it out"
        ) from error
    return instant, key


def _encoded(place: Place) -> str:
    at, key = place
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), key]).encode()).decode()
