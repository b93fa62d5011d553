"""Moments: limits that name an instant of a working day or of the calendar (catalogue 3.2)."""

import re
from datetime import time
from typing import Literal, Self, get_args

from domain.base import Record
from domain.clocks import Clock

CLOSING = "closing"
Period = Literal["week", "month", "quarter", "year"]

_SAME_DAY = re.compile(r"^same_day(?: cut-off (.+))?$")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEKDAYS_LONG = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEKDAYS_ZH = "一二三四五六日"
_DAY = re.compile(r"^(\d{1,2})(st|nd|rd|th)(?: (?!or )(.+?))?(?: or (later|earlier))?$")
_PERIODS_ZH = {"week": "本周", "month": "本月", "quarter": "本季度", "year": "本年"}


class SameDay(Record):
    """The closing time of the working day; from `cut_off` on, that of the next working day."""

    clock: Literal[Clock.TIME_OF_DAY] = Clock.TIME_OF_DAY
    cut_off: time | None = None

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Reads `same_day` and `same_day cut-off 16:00`; none for another form."""
        match = _SAME_DAY.match(text)
        if not match:
            return None
        return cls(cut_off=read_time(text, match[1]) if match[1] else None)

    def __str__(self) -> str:
        return "same_day" + (f" cut-off {self.cut_off:%H:%M}" if self.cut_off else "")

    @property
    def words(self) -> str:
        """As a reader says it."""
        said = "the closing time of the same working day"
        return f"{said}, from {self.cut_off:%H:%M} on of the next" if self.cut_off else said

    @property
    def words_zh(self) -> str:
        """The same in Chinese."""
        return "当日下班前" + (f"({self.cut_off:%H:%M}起计入下一工作日)" if self.cut_off else "")


class TimesOfDay(Record):
    """The first of these times on a working day; none stands for closing time."""

    clock: Literal[Clock.TIME_OF_DAY] = Clock.TIME_OF_DAY
    times: tuple[time | None, ...]

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Reads `before 09:30` and `next 10:00, 13:45, closing`; none for another form."""
        word, _, rest = text.partition(" ")
        if word == "before" and rest:
            return cls(times=(read_time(text, rest),))
        names = _listed(rest)
        if word != "next" or not names or not (names[0][0].isdigit() or names[0] == CLOSING):
            return None
        times = tuple(None if name == CLOSING else read_time(text, name) for name in names)
        if times == (None,):
            raise ValueError(f"{text!r} is the closing time of the day; write same_day")
        _refuse_repeats(text, times)
        return cls(times=times)

    def __str__(self) -> str:
        names = ", ".join(CLOSING if t is None else f"{t:%H:%M}" for t in self.times)
        return f"before {names}" if len(self.times) == 1 else f"next {names}"

    @property
    def words(self) -> str:
        """As a reader says it."""
        names = ["closing time" if t is None else f"{t:%H:%M}" for t in self.times]
        return f"the next {_or(names)} of a working day"

    @property
    def words_zh(self) -> str:
        """The same in Chinese."""
        said = "、".join("下班时间" if t is None else f"{t:%H:%M}" for t in self.times)
        return f"工作日{said}" + ("之前" if len(self.times) == 1 else "中最近的一个时点")


class Weekdays(Record):
    """The next of these weekdays (0 is Monday), at `at` or closing time; a free one moves on."""

    clock: Literal[Clock.CALENDAR] = Clock.CALENDAR
    days: tuple[int, ...]
    at: time | None = None

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Reads `next Mon, Thu` and `next Mon, Thu 15:00`; none for another form."""
        word, _, rest = text.partition(" ")
        names = _listed(rest)
        if word != "next" or not names:
            return None
        last, *at = names[-1].split(" ", 1)
        names[-1] = last
        if unknown := next((name for name in names if name not in _WEEKDAYS), None):
            raise ValueError(
                f"{text!r}: {unknown!r} is neither a weekday nor a time; write next Mon, Thu or "
                "next 10:00, 13:45"
            )
        days = tuple(_WEEKDAYS.index(name) for name in names)
        _refuse_repeats(text, days)
        return cls(days=days, at=read_time(text, at[0]) if at else None)

    def __str__(self) -> str:
        at = f" {self.at:%H:%M}" if self.at else ""
        return f"next {', '.join(_WEEKDAYS[day] for day in self.days)}{at}"

    @property
    def words(self) -> str:
        """As a reader says it."""
        named = _or([_WEEKDAYS_LONG[day] for day in self.days])
        return f"{_time(self.at)} of the next {named} (after a holiday, of the next working day)"

    @property
    def words_zh(self) -> str:
        """The same in Chinese."""
        named = "或".join(f"周{_WEEKDAYS_ZH[day]}" for day in self.days)
        return f"下一个{named}{_time_zh(self.at)}(遇假日顺延)"


class DayOfMonth(Record):
    """The next such day of a month, at `at` or closing time, working day or not.

    A month without a 29th, 30th or 31st has it on its last day. `moves` to the next or the last
    working day when the day is free.
    """

    clock: Literal[Clock.CALENDAR] = Clock.CALENDAR
    day: int
    at: time | None = None
    moves: Literal["later", "earlier"] | None = None

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Reads `8th`, `20th 15:00` and `31st or earlier`; none for another form."""
        match = _DAY.match(text)
        if not match:
            return None
        day = int(match[1])
        if not 1 <= day <= 31:
            raise ValueError(f"{text!r}: no month has a day {day}; write 1st to 31st")
        if match[2] != _ordinal(day):
            raise ValueError(f"{text!r} is spelt wrong; write {day}{_ordinal(day)}")
        at = read_time(text, match[3]) if match[3] else None
        return cls.model_validate({"day": day, "at": at, "moves": match[4]})

    def __str__(self) -> str:
        at = f" {self.at:%H:%M}" if self.at else ""
        return f"{self.day}{_ordinal(self.day)}{at}" + (f" or {self.moves}" if self.moves else "")

    @property
    def words(self) -> str:
        """As a reader says it."""
        said = f"{_time(self.at)} of the next {self.day}{_ordinal(self.day)} of a month"
        moved = {None: "", "later": "next", "earlier": "last"}[self.moves]
        return f"{said} (if that day is free, of the {moved} working day)" if moved else said

    @property
    def words_zh(self) -> str:
        """The same in Chinese."""
        moved = {None: "", "later": "(遇休息日顺延)", "earlier": "(遇休息日提前)"}
        return f"每月{self.day}日{_time_zh(self.at)}{moved[self.moves]}"


class PeriodEnd(Record):
    """The closing time of the last working day of a week, month, quarter or year."""

    clock: Literal[Clock.CALENDAR] = Clock.CALENDAR
    period: Period

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Reads `week_end`, `month_end`, `quarter_end` and `year_end`; none for another form."""
        period = text.removesuffix("_end")
        if period == text or period not in get_args(Period):
            return None
        return cls.model_validate({"period": period})

    def __str__(self) -> str:
        return f"{self.period}_end"

    @property
    def words(self) -> str:
        """As a reader says it."""
        return f"the closing time of the last working day of the {self.period}"

    @property
    def words_zh(self) -> str:
        """The same in Chinese."""
        return f"{_PERIODS_ZH[self.period]}最后一个工作日下班前"


Moment = SameDay | TimesOfDay | Weekdays | DayOfMonth | PeriodEnd


def read_time(text: str, part: str) -> time:
    """The `part` of `text` as a time of day. Raises ValueError with the cure."""
    if match := re.match(r"^([01]?\d|2[0-3]):([0-5]\d)$", part):
        if len(match[1]) == 2:
            return time(int(match[1]), int(match[2]))
        raise ValueError(f"{text!r}: {part!r} has one digit too few; write 0{part}")
    raise ValueError(f"{text!r}: {part!r} is no time of day; write one such as 09:30 or 16:00")


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")] if text.strip() else []


def _refuse_repeats(text: str, values: tuple[object, ...]) -> None:
    if len(set(values)) < len(values):
        raise ValueError(f"{text!r} names one of them twice; write each once")


def _or(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def _ordinal(day: int) -> str:
    return "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _time(at: time | None) -> str:
    return f"{at:%H:%M}" if at else "the closing time"


def _time_zh(at: time | None) -> str:
    return f"{at:%H:%M}前" if at else "下班前"
