"""Periods that are assessed: a month `2026-11` or a quarter `2026-Q4`, in the company's zone."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field

from domain.base import Record
from domain.errors import InvalidField

COMPANY_ZONE = ZoneInfo("Asia/Shanghai")
"""The zone in which a period begins and ends."""

EXAMPLES = "write 2026-11 for a month or 2026-Q4 for a quarter"

_PERIOD = re.compile(r"(20\d\d)-(?:(0[1-9]|1[0-2])|Q([1-4]))")


class Length(StrEnum):
    """How long a period is."""

    MONTH = "month"
    QUARTER = "quarter"

    @property
    def months(self) -> int:
        """1 or 3."""
        return 1 if self is Length.MONTH else 3


class Period(Record):
    """A month or a quarter. Its last instant belongs to the next one."""

    length: Length
    year: int
    first_month: int = Field(ge=1, le=12)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `2026-11` or `2026-Q4`. Raises InvalidField for the field `period`."""
        match = _PERIOD.fullmatch(text)
        if match is None:
            raise InvalidField("period", f"is no month and no quarter; {EXAMPLES}")
        year, month, quarter = match.groups()
        if month is not None:
            return cls(length=Length.MONTH, year=int(year), first_month=int(month))
        return cls(length=Length.QUARTER, year=int(year), first_month=int(quarter) * 3 - 2)

    @classmethod
    def around(cls, length: Length, at: datetime) -> Self:
        """The period in which `at` lies, in the company's zone."""
        local = at.astimezone(COMPANY_ZONE)
        first = (local.month - 1) // length.months * length.months + 1
        return cls(length=length, year=local.year, first_month=first)

    @property
    def before(self) -> Self:
        """The period of the same length that ended when this one began."""
        return self._moved(-1)

    @property
    def from_at(self) -> datetime:
        """Its first instant."""
        return datetime(self.year, self.first_month, 1, tzinfo=COMPANY_ZONE)

    @property
    def to_at(self) -> datetime:
        """The first instant after it."""
        return self._moved(1).from_at

    def _moved(self, periods: int) -> Self:
        months = self.year * 12 + self.first_month - 1 + periods * self.length.months
        return self.model_copy(update={"year": months // 12, "first_month": months % 12 + 1})

    def __str__(self) -> str:
        if self.length is Length.MONTH:
            return f"{self.year}-{self.first_month:02d}"
        return f"{self.year}-Q{(self.first_month + 2) // 3}"
