"""The company's calendars by name. `cn` is the default of every profile (catalogue 3.1)."""

from collections.abc import Sequence
from functools import lru_cache

import holidays

from domain.errors import UnknownThing
from domain.shifts import Shift
from domain.worktime import WorkCalendar, build_calendar

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
    announced = announced_until(public)
    return build_calendar(
        "cn",
        f"{announced}.{CN_REVISION}",
        "Asia/Shanghai",
        weekly_shifts=dict.fromkeys(range(5), CN_SHIFTS),
        holidays=frozenset(public),
        makeup_days=frozenset(public.weekend_workdays),
        first_year=FIRST_YEAR,
        last_year=LAST_YEAR,
        provisional_years=frozenset(range(announced + 1, LAST_YEAR + 1)),
    )


def announced_until(public: holidays.HolidayBase) -> int:
    """The last year whose holidays the State Council has announced, as far as the library knows.

    The library answers for later years too, with the statutory days alone, and does not say that
    it guesses. Swapped days are in no law: they are there only for announced years, and every
    announcement since 2001 has had some.
    """
    announced: dict[int, object] = public.special_public_holidays
    return max(announced)


def line_calendar(base: WorkCalendar | str, shifts: Sequence[Sequence[str]]) -> WorkCalendar:
    """A production line's calendar: the working days of `base`, its own shifts.

    A shift is a pair such as `["08:30", "12:00"]`. It may run past midnight, and belongs to the day
    on which it begins. Raises CalendarError.
    """
    found = calendar(base) if isinstance(base, str) else base
    return _line_calendar(found, tuple(Shift.parse(pair) for pair in shifts))


@lru_cache(maxsize=64)
def _line_calendar(base: WorkCalendar, shifts: tuple[Shift, ...]) -> WorkCalendar:
    return base.with_shifts(f"{base.id}/{'+'.join(map(str, shifts))}", shifts)
