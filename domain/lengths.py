"""Lengths: limits that are used up, such as two hours or three working days (catalogue 3.1)."""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Self

from domain.base import Record
from domain.clocks import Clock

_AMOUNT = r"(\d{1,5}(?:\.\d{1,3})?)(m|h|wd|bd|d|w)?(?:(?<=h)(\d{1,2})m)?"
_LENGTH = re.compile(rf"^(?:{_AMOUNT}-)?{_AMOUNT}(/CT)?$")
_MINUTES = {"m": 1, "h": 60, "d": 1440, "w": 7 * 1440}
_IN_DAYS = {"wd": Clock.WORKING_DAYS, "bd": Clock.BANK_DAYS}
_SUFFIXES = {clock: suffix for suffix, clock in _IN_DAYS.items()}
_KINDS = {
    Clock.WORKING_TIME: ("working", "工作时间"),
    Clock.ELAPSED: ("elapsed", "自然时间"),
    Clock.WORKING_DAYS: ("working", "个工作日"),
    Clock.BANK_DAYS: ("bank", "个银行工作日"),
}
_UNITS = {"m": "minute", "h": "hour"}
_UNITS_ZH = {"m": "分钟", "h": "小时", "d": "个自然日"}

# How an amount is said: numbers with their units, 150 minutes as (2, h) and (30, m).
_Parts = tuple[tuple[str, str], ...]


class Length(Record):
    """So much of one clock: minutes of working or elapsed time, or working or bank days.

    `expected` is the a of a range `a-b`: the warning falls there, the breach at `amount`.
    """

    clock: Clock
    amount: Fraction
    expected: Fraction | None = None

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Reads `30m`, `2h30m`, `1.5wd`, `2bd`, `24h/CT` or `2-3wd`; none for another form.

        Raises ValueError with the cure, for example for `1d`, which could mean a working day or
        24 hours.
        """
        if _LENGTH.match(text.removeprefix("-")) and text.startswith("-"):
            raise ValueError(f"{text!r} is negative; write {text[1:]}, limits count forward")
        match = _LENGTH.match(text)
        if not match or match[5] is None:
            return None
        first, second, elapsed = match.group(1, 2, 3), match.group(4, 5, 6), match[7] is not None
        # In `2-3wd` both have the unit of the second.
        units = (first[1] or match[5], match[5])
        if units[0] != units[1] and not _IN_DAYS.keys().isdisjoint(units):
            raise ValueError(f"{text!r} mixes two clocks; write both ends in one, such as 2-3wd")
        clock, amount = _amount(text, *second, elapsed=elapsed)
        if first[0] is None:
            return cls(clock=clock, amount=amount)
        _, expected = _amount(text, first[0], units[0], first[2], elapsed=elapsed)
        if expected >= amount:
            a, b = sorted((expected, amount))
            better = cls(clock=clock, amount=b, expected=a if a < b else None)
            raise ValueError(f"{text!r} does not go from less to more; write {better}")
        return cls(clock=clock, amount=amount, expected=expected)

    def __str__(self) -> str:
        suffix = "/CT" if self.clock is Clock.ELAPSED else ""
        ends = ["".join(number + unit for number, unit in end) for end in self._ends]
        if self._is_short:
            ends[0] = self._ends[0][0][0]
        return "-".join(ends) + suffix

    @property
    def words(self) -> str:
        """As a reader says it: `2 working hours`, `2 to 3 working days`."""
        kind, _ = _KINDS[self.clock]
        said = []
        for index, end in enumerate(self._ends):
            (number, unit), *rest = end
            name = "" if self._is_short and index == 0 else f" {kind} {_plural(number, unit)}"
            more = "".join(f" and {n} {_plural(n, u)}" for n, u in rest)
            said.append(f"{number}{name}{more}")
        return " to ".join(said)

    @property
    def words_zh(self) -> str:
        """The same in Chinese: `工作时间2小时`, `2至3个工作日`."""
        _, kind = _KINDS[self.clock]
        units = {**_UNITS_ZH, "wd": kind, "bd": kind}
        said = ["".join(number + units[unit] for number, unit in end) for end in self._ends]
        if self._is_short:
            said[0] = self._ends[0][0][0]
        named = any(unit in ("m", "h") for end in self._ends for _, unit in end)
        return (kind if named else "") + "至".join(said)

    @property
    def _ends(self) -> list[_Parts]:
        """The amount, before it the expected one, in the units in which they are written."""
        if (suffix := _SUFFIXES.get(self.clock)) is not None:
            days = [self.amount] if self.expected is None else [self.expected, self.amount]
            return [((_decimal(end), suffix),) for end in days]
        last = int(self.amount)
        # One elapsed day stays 24h/CT, the way the regulations write it.
        in_days = self.clock is Clock.ELAPSED and last > 1440 and last % 1440 == 0
        ends = [_parts(last, in_days=in_days)]
        if self.expected is not None:
            ends.insert(0, _parts(int(self.expected), in_days=in_days))
        return ends

    @property
    def _is_short(self) -> bool:
        """Whether a range names its unit once: `2-3wd`, but `15m-1h`."""
        ends = self._ends
        units = {unit for end in ends for _, unit in end}
        return len(ends) == 2 and len(units) == 1


def _amount(
    text: str, number: str, unit: str, minutes: str | None, *, elapsed: bool
) -> tuple[Clock, Fraction]:
    """The clock and the amount of one end of `text`, in minutes or days."""
    amount = Fraction(number)
    if unit in _IN_DAYS and elapsed:
        raise ValueError(f"{text!r}: working days are never elapsed time; write {text[:-3]}")
    if unit in ("d", "w") and not elapsed:
        days = text if unit == "d" else f"{_decimal(amount * 7)}d"
        working = text.removesuffix("d") if unit == "d" else _decimal(amount * 5)
        raise ValueError(
            f"{text!r} could mean two things; write {working}wd for working days or {days}/CT for "
            "elapsed days"
        )
    if unit in _IN_DAYS:
        clock = _IN_DAYS[unit]
    else:
        clock = Clock.ELAPSED if elapsed else Clock.WORKING_TIME
        whole = amount * _MINUTES[unit]
        if amount.denominator != 1:
            cure = Length(clock=clock, amount=Fraction(int(whole) or 1))
            raise ValueError(f"{text!r} is no whole number; write a smaller unit: {cure}")
        if int(minutes or 0) >= 60:
            cure = Length(clock=clock, amount=whole + int(minutes or 0))
            raise ValueError(f"{text!r} has more than 59 minutes beside its hours; write {cure}")
        amount = whole + int(minutes or 0)
    if amount == 0:
        raise ValueError(f"{text!r} gives no time at all; write a length above zero, such as 30m")
    return clock, amount


def _parts(minutes: int, *, in_days: bool) -> _Parts:
    if in_days and minutes % 1440 == 0:
        return ((str(minutes // 1440), "d"),)
    hours, rest = divmod(minutes, 60)
    if rest and minutes < 120:
        return ((str(minutes), "m"),)
    return ((str(hours), "h"), (str(rest), "m")) if rest else ((str(hours), "h"),)


def _plural(number: str, unit: str) -> str:
    name = _UNITS.get(unit, "day")
    return name if number == "1" else f"{name}s"


def _decimal(number: Fraction) -> str:
    return f"{Decimal(number.numerator) / Decimal(number.denominator):f}"
