"""Limits: how long a window may take, or until when, and in which clock (catalogue 3.2)."""

import re
from functools import lru_cache
from typing import Annotated, Self

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from domain.base import Record
from domain.clocks import Clock
from domain.lengths import Length
from domain.moments import DayOfMonth, Moment, PeriodEnd, SameDay, TimesOfDay, Weekdays
from domain.order_dates import PROMISED, OrderDate

__all__ = ["PROMISED", "Clock", "Limit", "LimitText"]

_TIME = re.compile(r"^\d{2}:\d{2}$")

Form = Length | Moment | OrderDate


class Limit(Record):
    """A length in one clock, or an instant: of the day, of the calendar, or of the order.

    `str()` gives the text it is parsed from; where a length can be written in two ways, the
    shorter one (`60m` is `1h`, `1w/CT` is `7d/CT`, `due` is `promised`).
    """

    form: Form

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a limit as a regulation writes it: `2h`, `2-3wd`, `before 09:30`, `due-3d`.

        Raises ValueError with the cure, for example for `1d`, which could mean a working day
        or 24 hours.
        """
        return cls(form=_form(text))

    def __str__(self) -> str:
        return str(self.form)

    @property
    def clock(self) -> Clock:
        """How it is counted."""
        return self.form.clock

    @property
    def is_counted(self) -> bool:
        """Whether it is a length, which can be used up and paused; otherwise it is an instant."""
        return isinstance(self.form, Length)

    @property
    def is_range(self) -> bool:
        """Whether it is `a-b`, and so says itself when its warning falls."""
        return isinstance(self.form, Length | OrderDate) and self.form.expected is not None

    @property
    def anchor(self) -> str | None:
        """The date of the order on which it hangs: `promised`, `plan`, `arrival`."""
        return self.form.anchor if isinstance(self.form, OrderDate) else None

    @property
    def hangs_on_a_date(self) -> bool:
        """Whether it hangs on a date of the order, which may move or not be known yet."""
        return isinstance(self.form, OrderDate)

    @property
    def is_promise(self) -> bool:
        """Whether it is the promised date itself."""
        return str(self.form) == PROMISED

    @property
    def words(self) -> str:
        """The limit as a reader says it: `2 working hours`, `the promised date`."""
        return self.form.words

    @property
    def words_zh(self) -> str:
        """The same in Chinese."""
        return self.form.words_zh


@lru_cache(maxsize=1024)
def _form(text: str) -> Form:
    forms = (Length, OrderDate, SameDay, TimesOfDay, Weekdays, DayOfMonth, PeriodEnd)
    for form in forms:
        if (found := form.read(text)) is not None:
            return found
    if _TIME.match(text):
        raise ValueError(f"{text!r} is a time; write before {text} or same_day cut-off {text}")
    raise ValueError(
        f"{text!r} is no limit; write 30m, 2h, 1wd, 2bd, 24h/CT, 2-3wd, same_day, before 09:30, "
        "next Mon, 20th 15:00, month_end, promised or due-3d"
    )


def _limit(value: object) -> object:
    return Limit.parse(value) if isinstance(value, str) else value


LimitText = Annotated[
    Limit,
    BeforeValidator(_limit),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["2h", "1wd", "24h/CT", "same_day"]}),
]
"""A `Limit` that is written as text."""
