"""The company's calendars by name. `cn` is the default of every profile (catalogue 3.1)."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

import holidays

from domain.errors import UnknownThing
from domain.worktime import Shift, WorkCalendar, build_calendar

FIRST_YEAR, LAST_YEAR = 2020, 2035
CN_SHIFTS = (Shift.parse(("08:30", "12:00")), Shift.parse(("13:30", "18:00")))
# Raise it when the shifts change; the year before it rises by itself with the holiday data.
CN_REVISION = 1

CALENDARS = ("cn",)


@lru_cache(maxsize=len(CALENDARS))
def calendar(name: str) -> WorkCalendar:
    """The calendar with this name, for 2020 to 2035. Raises UnknownThing."""
    if name != "cn":
        raise UnknownThing("calendar", name, known=CALENDARS)
    public = holidays.country_holidays("CN", years=range(FIRST_YEAR, LAST_YEAR + 1))
    announced = announced_until()
    return build_calendar(
        "cn",
        f"{announced}.{CN_REVISION}",
        "Asia/Shanghai",
        dict.fromkeys(range(5), CN_SHIFTS),
        frozenset(public),
        makeup_days(),
        FIRST_YEAR,
        LAST_YEAR,
        frozenset(range(announced + 1, LAST_YEAR + 1)),
    )


def announced_until() -> int:
    """The last year whose holidays the State Council has announced, as far as the library knows.

    The library answers for later years too, with the statutory days alone, and does not say that
    it guesses. Swapped days are in no law: they are there only for announced years, and every
    announcement since 2001 has had some.
    """
    announced: dict[int, object] = holidays.country_holidays("CN").special_public_holidays
    return max(announced)


def makeup_days() -> frozenset[date]:
    """The Saturdays and Sundays that are worked in exchange for a longer holiday."""
    return frozenset(holidays.country_holidays("CN").weekend_workdays)


def line_calendar(base: WorkCalendar | str, shifts: Sequence[Sequence[str]]) -> WorkCalendar:
    """A production line's calendar: the working days of `base`, shifts such as `["08:30", "12:00"]`.

    A shift may run past midnight and belongs to the day on which it begins. Raises CalendarError.
    """
    found = calendar(base) if isinstance(base, str) else base
    return _line_calendar(found, tuple(Shift.parse(pair) for pair in shifts))


@lru_cache(maxsize=64)
def _line_calendar(base: WorkCalendar, shifts: tuple[Shift, ...]) -> WorkCalendar:
    return base.with_shifts(f"{base.id}/{'+'.join(map(str, shifts))}", shifts)
