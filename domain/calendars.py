"""A calendar as data: zone, shifts of each weekday, holidays, make-up days, exceptions (3.1).

Every date is written out, so that a version means the same for ever, whatever a library of holidays
learns later.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from domain.base import Line, Record
from domain.errors import CalendarError
from domain.shift_layout import zone_named
from domain.shifts import Shift
from domain.worktime import WorkCalendar

YEARS_MAX = 30
_ONE_DAY = timedelta(days=1)


def _shift(value: Any) -> Shift:
    try:
        shift = value if isinstance(value, Shift) else Shift.parse(value)
        shift.on(date.min)
    except CalendarError as error:
        raise ValueError(str(error)) from error
    return shift


def _zone(value: str) -> str:
    try:
        return zone_named(value).key
    except CalendarError as error:
        raise ValueError(str(error)) from error


def _day(value: Any) -> Any:
    if isinstance(value, date) or (isinstance(value, str) and len(value) == len("2026-10-01")):
        return value
    raise ValueError("should be a day such as 2026-10-01")


CalendarId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
ShiftPair = Annotated[
    Shift,
    PlainValidator(_shift),
    PlainSerializer(Shift.pair),
    WithJsonSchema(
        {"type": "array", "items": {"type": "string"}, "examples": [["08:30", "12:00"]]}
    ),
]
"""Begin and end in local time; one that ends no later than it begins ends on the next day."""

Day = Annotated[date, BeforeValidator(_day)]
Year = Annotated[int, Field(strict=True, ge=1990, le=2100)]
Zone = Annotated[Line, AfterValidator(_zone)]
DayShifts = tuple[ShiftPair, ...]


class Week(Record):
    """The shifts of each weekday; without any it is free."""

    mon: DayShifts = ()
    tue: DayShifts = ()
    wed: DayShifts = ()
    thu: DayShifts = ()
    fri: DayShifts = ()
    sat: DayShifts = ()
    sun: DayShifts = ()

    @property
    def days(self) -> tuple[DayShifts, ...]:
        """The shifts by weekday, 0 is Monday."""
        return (self.mon, self.tue, self.wed, self.thu, self.fri, self.sat, self.sun)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name, shifts, following in zip(
            type(self).model_fields, self.days, (*self.days[1:], self.mon), strict=True
        ):
            if clash := clashing(shifts, following):
                raise ValueError(f"{name}: {clash}")
        if not any(self.days):
            raise ValueError("no weekday has a shift; give at least one, such as mon")
        return self


class CalendarException(Record):
    """Days on which a factory works otherwise: closed, or with these shifts whatever the day is."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    from_: Day = Field(alias="from")
    to: Day
    reason: Line
    shifts: DayShifts = ()

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.to < self.from_:
            raise ValueError(f"ends on {self.to}, before {self.from_}; swap them")
        if clash := clashing(self.shifts, self.shifts if self.to > self.from_ else ()):
            raise ValueError(f"shifts: {clash}")
        return self

    @property
    def days(self) -> Iterator[date]:
        """Each of its days."""
        for count in range((self.to - self.from_).days + 1):
            yield self.from_ + count * _ONE_DAY


class CalendarPlan(Record):
    """What a calendar file and a published calendar have in common."""

    id: CalendarId
    title: Line
    title_zh: Line
    zone: Zone
    first_year: Year
    last_year: Year
    week: Week
    exceptions: tuple[CalendarException, ...] = ()

    @model_validator(mode="after")
    def _spans_its_exceptions(self) -> Self:
        if not 0 <= self.last_year - self.first_year < YEARS_MAX:
            raise ValueError(
                f"last_year: {self.first_year} to {self.last_year} is no span; write at least one "
                f"year and at most {YEARS_MAX}"
            )
        for place, exception in enumerate(self.exceptions):
            if exception.from_.year < self.first_year or exception.to.year > self.last_year:
                raise ValueError(
                    f"exceptions[{place}]: lies outside {self.first_year} to {self.last_year}; "
                    "drop it, or widen the years"
                )
        for (_, before), (place, after) in pairwise(
            sorted(enumerate(self.exceptions), key=lambda item: item[1].from_)
        ):
            if after.from_ <= before.to:
                raise ValueError(
                    f"exceptions[{place}]: {after.from_} has an exception already "
                    f"({before.reason}); let each day have one"
                )
        return self


class CalendarSpec(CalendarPlan):
    """A calendar as it is published: all its dates written out.

    A make-up day works with the shifts of its own weekday, or else those of the first weekday that
    has any. An exception overrules holidays and make-up days.
    """

    holidays: tuple[Day, ...] = ()
    makeup_days: tuple[Day, ...] = ()
    provisional_years: tuple[Year, ...] = ()

    @model_validator(mode="after")
    def _works_or_is_free(self) -> Self:
        free = frozenset(self.holidays)
        for place, day in enumerate(self.makeup_days):
            if day in free:
                raise ValueError(
                    f"makeup_days[{place}]: {day} is a holiday, too; leave one of the two out"
                )
        return self

    def built(self, version: int) -> WorkCalendar:
        """The calendar to count with; takes some milliseconds a year.

        Raises CalendarError for overlapping shifts and for a year without working time.
        """
        return WorkCalendar.of_days(
            self.id,
            str(version),
            zone_named(self.zone),
            self._shifts_by_day(),
            range(self.first_year, self.last_year + 1),
            frozenset(self.provisional_years),
        )

    def _shifts_by_day(self) -> Iterator[tuple[date, Sequence[Shift]]]:
        week, free, makeup_days = self.week.days, set(self.holidays), set(self.makeup_days)
        usual = next(shifts for shifts in week if shifts)
        special = {day: exception.shifts for exception in self.exceptions for day in exception.days}
        day = date(self.first_year, 1, 1)
        while day.year <= self.last_year:
            shifts = week[day.weekday()]
            if day in special:
                shifts = special[day]
            elif day in makeup_days:
                shifts = shifts or usual
            elif day in free:
                shifts = ()
            yield day, shifts
            day += _ONE_DAY


def clashing(shifts: Sequence[Shift], following: Sequence[Shift]) -> str | None:
    """Which shifts of a day overlap each other or those of the day after, in words; or none."""
    day = date(2001, 1, 1)
    ends = [(shift, *shift.on(day)) for shift in sorted(shifts)]
    ends += [(shift, *shift.on(day + _ONE_DAY)) for shift in sorted(following)]
    for (first, _, closes), (second, opens, _) in pairwise(ends):
        if opens < closes:
            where = " of the next day" if opens.date() > day else ""
            return f"{first} overlaps {second}{where}; let one end before the other begins"
    return None
