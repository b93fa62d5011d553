"""Dates of the order that a limit can hang on: promised, planned, agreed (S35.W06 to W20)."""

import re
from typing import Literal, Self

from domain.base import Record
from domain.clocks import Clock

PROMISED = "promised"
ANSWERED = {
    "arrival": "planned_arrival",
    "dispatch": "planned_dispatch",
    "agreed": "agreed_date",
}
"""A date of the order and the name of the answer that tells it."""
Anchor = Literal["promised", "plan", "ready", "arrival", "dispatch", "agreed"]

_ANCHORS: dict[str, tuple[str, str]] = {
    PROMISED: ("the promised date", "交货期"),
    "plan": ("the planned start of production", "计划开工日"),
    "ready": ("the planned end of production", "计划完工日"),
    "arrival": ("the planned arrival of the material", "计划到料日"),
    "dispatch": ("the planned dispatch", "计划发货日"),
    "agreed": ("the agreed date", "约定日期"),
}
_DATE = re.compile(rf"^({'|'.join(_ANCHORS)}|due)(?:([+-])(\d{{1,4}})([a-z/]*))?$", re.I)
_UNITS = ("d", "wd")


class OrderDate(Record):
    """A date of the order, or so many days before it.

    `before` counts elapsed days, or working days where `in_working_days`. `expected` is the first
    end of a range such as `due-3d to due-2d`, in days before the date as well.
    """

    clock: Literal[Clock.DATE] = Clock.DATE
    anchor: Anchor
    before: int = 0
    expected: int | None = None
    in_working_days: bool = False

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Reads `promised`, `due-3d`, `arrival-5wd` and `due-3d to due-2d`; none for another form.

        Raises ValueError with the cure.
        """
        first, is_range, last = text.partition(" to ")
        if _DATE.match(first) is None:
            return None
        anchor, expected, unit = _read(text, first)
        if not is_range:
            return cls.model_validate(
                {"anchor": anchor, "before": expected, "in_working_days": unit == "wd"}
            )
        end, before, end_unit = _read(text, last)
        if end != anchor:
            raise ValueError(f"{text!r} names two dates; write one twice, such as due-3d to due-2d")
        if len({unit, end_unit} - {""}) > 1:
            raise ValueError(f"{text!r} mixes elapsed and working days; write both in one of them")
        if expected <= before:
            raise ValueError(f"{text!r} does not go from earlier to later; write due-3d to due-2d")
        return cls.model_validate(
            {
                "anchor": anchor,
                "before": before,
                "expected": expected,
                "in_working_days": unit == "wd",
            }
        )

    def __str__(self) -> str:
        if self.expected is None:
            return self._text(self.before) if self.before else self.anchor
        return f"{self._text(self.expected)} to {self._text(self.before)}"

    @property
    def words(self) -> str:
        """As a reader says it: `3 to 2 days before the promised date`."""
        date, _ = _ANCHORS[self.anchor]
        if not self.before and self.expected is None:
            return date
        days = f"{self._count(self.before)} before {date}"
        if self.expected is None:
            return days
        if self.before:
            return f"{self.expected} to {days}"
        return f"from {self._count(self.expected)} before {date} to that date"

    @property
    def words_zh(self) -> str:
        """The same in Chinese."""
        _, date = _ANCHORS[self.anchor]
        kind = "个工作日" if self.in_working_days else "天"
        if self.expected is not None:
            last = f"{self.before}{kind}" if self.before else "当日"
            return f"{date}前{self.expected}{'' if self.before else kind}至{last}"
        return f"{date}前{self.before}{kind}" if self.before else date

    def _count(self, days: int) -> str:
        kind = "working day" if self.in_working_days else "day"
        return f"{days} {kind}{'' if days == 1 else 's'}"

    def _text(self, days: int) -> str:
        name = "due" if self.anchor == PROMISED else self.anchor
        return f"{name}-{days}{'wd' if self.in_working_days else 'd'}" if days else name


def _read(text: str, part: str) -> tuple[str, int, str]:
    """Anchor, days before it and their unit. Raises ValueError for what is no such date."""
    match = _DATE.match(part)
    if match is None:
        raise ValueError(f"{text!r}: {part!r} is no date of an order; write one such as due-2d")
    name, sign, days, unit = match.groups()
    if not name.islower():
        raise ValueError(f"{text!r}: names are written small; write {text.lower()}")
    anchor = PROMISED if name == "due" else name
    if sign is None:
        return anchor, 0, ""
    if sign == "+":
        raise ValueError(
            f"{text!r}: a limit lies on a date or before it; write {name} or {name}-{days}d"
        )
    if unit not in _UNITS:
        raise ValueError(
            f"{part!r} needs days; write {name}-{days}d for elapsed days or "
            f"{name}-{days}wd for working days"
        )
    if not int(days):
        raise ValueError(f"{text!r}: no days before is the date itself; write {name}")
    return anchor, int(days), unit
