"""The shipped calendars, and calendars built once to count with (catalogue 3.1).

What counts for orders is what is published in the database; the files here are where it begins.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

from domain.calendars import CalendarSpec
from domain.errors import UnknownThing
from domain.shifts import Shift
from domain.worktime import WorkCalendar
from policy.calendar_loader import CALENDAR_FILES, load_calendar

SHIPPED = tuple(sorted(path.stem for path in CALENDAR_FILES.glob("*.yaml")))
FIRST_VERSION = 1
_BUILT_MAX = 64


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


def build(spec: CalendarSpec, version: int) -> WorkCalendar:
    """The calendar to count with, for example `cn@3`; built once a process.

    Raises CalendarError for what cannot be worked.
    """
    return _build(_Content(spec), version)


def digest_of(spec: CalendarSpec) -> str:
    """What names the content of a calendar: the SHA-256 of its JSON."""
    return hashlib.sha256(spec.model_dump_json().encode()).hexdigest()


class _Content:
    """A spec that is equal to another of the same content, without comparing every date."""

    def __init__(self, spec: CalendarSpec) -> None:
        self.spec = spec
        self.digest = digest_of(spec)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Content) and other.digest == self.digest


@lru_cache(maxsize=_BUILT_MAX)
def _build(content: _Content, version: int) -> WorkCalendar:
    return content.spec.built(version)


def line_calendar(base: WorkCalendar | str, shifts: Sequence[Sequence[str]]) -> WorkCalendar:
    """A production line's calendar: the working days of `base`, its own shifts.

    A shift is a pair such as `["08:30", "12:00"]`. It may run past midnight, and belongs to the day
    on which it begins. Raises CalendarError.
    """
    found = calendar(base) if isinstance(base, str) else base
    return _line_calendar(found, tuple(Shift.parse(pair) for pair in shifts))


@lru_cache(maxsize=_BUILT_MAX)
def _line_calendar(base: WorkCalendar, shifts: tuple[Shift, ...]) -> WorkCalendar:
    return base.with_shifts(f"{base.id}/{'+'.join(map(str, shifts))}", shifts)
