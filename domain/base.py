"""The base of every record that travels: frozen, closed, with constant defaults."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

LINE_LENGTH_MAX = 200
TEXT_LENGTH_MAX = 2_000

# C0 and C1 controls but tab and newline; bidirectional overrides, which make a text lie.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class Record(BaseModel):
    """An immutable value that refuses unknown fields."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,  # a wrong phone number is still a phone number
    )


def _is_text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("should be a text")
    return value


def _has_no_control_characters(value: str) -> str:
    found = _FORBIDDEN.search(value)
    if found:
        raise ValueError(
            f"contains the invisible character U+{ord(found[0]):04X} at position "
            f"{found.start() + 1}; remove it"
        )
    return value


def _is_one_line(value: str) -> str:
    if "\n" in value or "\t" in value:
        raise ValueError("should be one line without tabs")
    if not value.strip():
        raise ValueError("should not be blank")
    return value


def is_no_flag(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("should be a number, not true or false")
    return value


def _has_zone(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("should be an instant such as 2026-12-20T18:00:00+08:00")
    return value


Text = Annotated[
    str,
    BeforeValidator(_is_text),
    AfterValidator(_has_no_control_characters),
    Field(max_length=TEXT_LENGTH_MAX),
]
"""Free text of up to 2,000 characters without control or bidirectional characters."""

Line = Annotated[
    str,
    BeforeValidator(_is_text),
    AfterValidator(_has_no_control_characters),
    AfterValidator(_is_one_line),
    Field(min_length=1, max_length=LINE_LENGTH_MAX),
]
"""One line of text that is not blank."""

Code = Annotated[
    str, BeforeValidator(_is_text), Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
]
"""A short key: letters, digits, dot, dash and underscore."""

Instant = Annotated[AwareDatetime, BeforeValidator(_has_zone)]
"""An absolute point in time; always carries its offset."""

Number = Annotated[Decimal, BeforeValidator(is_no_flag), Field(allow_inf_nan=False)]
"""A decimal number; floats and flags never reach money or stock."""
