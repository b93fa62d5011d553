"""The shipped calendars, and those of production lines (catalogue 3.1).

What counts for orders is what is published in the database; the files here are where it begins.
"""

from collections.abc import Sequence
from functools import lru_cache

from domain.calendars import CalendarSpec
from domain.errors import UnknownThing
from domain.shifts import Shift
from domain.worktime import WorkCalendar
from policy.calendar_building import BUILT_MAX, FIRST_VERSION, build
from policy.calendar_loader import CALENDAR_FILES, load_calendar

SHIPPED = tuple(sorted(path.stem for path in CALENDAR_FILES.glob("*.yaml")))


@lru_cache(maxsize=len(SHIPPED))
def shipped(name: str) -> CalendarSpec:
    """The calendar of this name as it is shipped, with all its dates. Raises UnknownThing."""
    if name not in SHIPPED:
        raise UnknownThing("calendar", name, known=SHIPPED)
    return load_calendar(CALENDAR_FILES / f"{name}.yaml")


@lru_cache(maxsize=len(SHIPPED))
def calendar(name: str) -> WorkCalendar:
    """The shipped calendar of this name as version 1. Raises UnknownThing."""
    return build(shipped(name), FIRST_VERSION)


def last_year() -> int:
    """The last year that any shipped calendar knows."""
    return max(shipped(name).last_year for name in SHIPPED)


def line_calendar(base: WorkCalendar | str, shifts: Sequence[Sequence[str]]) -> WorkCalendar:
    """A production line's calendar: the working days of `base`, its own shifts.

    A shift is a pair such as `["08:30", "12:00"]`. It may run past midnight, and belongs to the day
    on which it begins. Raises CalendarError.
    """
    found = calendar(base) if isinstance(base, str) else base
    return _line_calendar(found, tuple(Shift.parse(pair) for pair in shifts))


@lru_cache(maxsize=BUILT_MAX)
def _line_calendar(base: WorkCalendar, shifts: tuple[Shift, ...]) -> WorkCalendar:
    return base.with_shifts(f"{base.id}/{'+'.join(map(str, shifts))}", shifts)
