"""Windows: what a limit means, when its marks fall, and what became of it (catalogue 3, 4.4)."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, PlainSerializer

from domain.base import Record
from domain.roles import Role

_LIMIT = re.compile(r"^([1-9]\d{0,4})(m|h|wd|d)(?:/(CT))?$")


class Clock(StrEnum):
    """How a limit is counted. Working days and hours never convert into each other."""

    WORKING_TIME = "WT"
    WORKING_DAYS = "WD"
    ELAPSED = "CT"
    SAME_DAY = "TOD"
    PROMISED = "CAL"


class Limit(Record):
    """A length in one clock, or a named instant.

    `count` is in minutes for WORKING_TIME and ELAPSED, in days for WORKING_DAYS, and 0 for
    SAME_DAY (closing time of the working day) and PROMISED (the order's promised date).
    """

    clock: Clock
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `30m`, `2h`, `1wd`, `24h/CT`, `7d/CT`, `same_day` or `promised`.

        Raises ValueError with the cure, for example for `1d`, which could mean a working day
        or 24 hours.
        """
        if text in _NAMED:
            return cls(clock=_NAMED[text], count=0)
        match = _LIMIT.match(text)
        if not match:
            raise ValueError(
                f"{text!r} is no limit; write 30m, 2h, 1wd, 24h/CT, 7d/CT, same_day or promised"
            )
        count, unit, elapsed = int(match[1]), match[2], match[3]
        if unit == "wd":
            if elapsed:
                raise ValueError(f"{text!r}: working days are never elapsed time; write {count}wd")
            return cls(clock=Clock.WORKING_DAYS, count=count)
        if unit == "d" and not elapsed:
            raise ValueError(
                f"{text!r} could mean two things; write {count}wd for working days or "
                f"{count}d/CT for elapsed days"
            )
        minutes = count * {"m": 1, "h": 60, "d": 1440}[unit]
        return cls(clock=Clock.ELAPSED if elapsed else Clock.WORKING_TIME, count=minutes)

    def __str__(self) -> str:
        for name, clock in _NAMED.items():
            if clock is self.clock:
                return name
        if self.clock is Clock.WORKING_DAYS:
            return f"{self.count}wd"
        length = f"{self.count // 60}h" if self.count % 60 == 0 else f"{self.count}m"
        if self.clock is Clock.ELAPSED:
            return f"{self.count // 1440}d/CT" if self._is_days else f"{length}/CT"
        return length

    @property
    def _is_days(self) -> bool:
        # One elapsed day stays 24h/CT, the way the regulations write it.
        return self.clock is Clock.ELAPSED and self.count > 1440 and self.count % 1440 == 0

    @property
    def words(self) -> str:
        """The limit as a reader says it: `2 working hours`."""
        if self.clock is Clock.SAME_DAY:
            return "the closing time of the same working day"
        if self.clock is Clock.PROMISED:
            return "the promised date"
        count, unit = self.count, "minute"
        if self.clock is Clock.WORKING_DAYS:
            unit = "day"
        elif self._is_days:
            count, unit = count // 1440, "day"
        elif count % 60 == 0:
            count, unit = count // 60, "hour"
        kind = "elapsed " if self.clock is Clock.ELAPSED else "working "
        return f"{count} {kind}{unit}{'' if count == 1 else 's'}"


_NAMED = {"same_day": Clock.SAME_DAY, "promised": Clock.PROMISED}


def _limit(value: object) -> object:
    return Limit.parse(value) if isinstance(value, str) else value


LimitText = Annotated[Limit, BeforeValidator(_limit), PlainSerializer(str, return_type=str)]
"""A `Limit` that is written as text."""


class Mark(StrEnum):
    """An instant on a window at which somebody is told: E0 to E3 of the ladder."""

    WARNING = "warning"
    BREACH = "breach"
    ANALYSIS = "analysis"
    LEADERSHIP = "leadership"

    @property
    def level(self) -> int:
        """The rung: 0 for the warning, 1 for the breach, up to 3."""
        return tuple(Mark).index(self)


class MarkAt(Record):
    """A mark and the absolute instant at which it falls."""

    mark: Mark
    at: datetime


class Slack(StrEnum):
    """How an order or a window stands against its due line; the worst one counts."""

    ON_TIME = "on_time"
    WARNED = "warned"
    BREACHED = "breached"


class WindowState(StrEnum):
    """What became of a window."""

    OPEN = "open"
    KEPT = "kept"
    BREACHED = "breached"
    STOPPED = "stopped"


class DueWindow(Record):
    """An opened window: absolute instants, computed once and kept in history.

    `due_at` is none for nothing: every window has one. `marks` are sorted by instant.
    `calendar` names the calendar and its version, for example `cn@2026.1`.
    """

    key: str
    rule: str
    step: str
    role: Role
    limit: LimitText
    started_at: datetime
    due_at: datetime
    marks: tuple[MarkAt, ...] = Field(min_length=1)
    calendar: str
    provisional: bool = False
