"""Working time: instants, working hours and working days on one calendar (catalogue 3.1).

A calendar is data that was laid out once: shifts as absolute instants, with running totals of the
working time before each shift and each working day, so every question is a bisect or two. A shift
belongs to the day on which it begins.

Shifts are half open: 18:00 itself is no longer working time, but a due instant that falls on
18:00 stays there. A start outside working time counts from the next opening.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Self
from zoneinfo import ZoneInfo

from domain.errors import CalendarError
from domain.shift_layout import Days, lay_out
from domain.shifts import Shift

_NONE = timedelta(0)
_TICK = timedelta(microseconds=1)

Length = timedelta | int
"""A length: a timedelta, or whole seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class WorkCalendar:
    """When a company works. Immutable and pure; takes aware datetimes, answers in `zone`.

    Exact to the microsecond. Every method raises CalendarError for an instant without a zone, and
    when the question or its answer lies outside the span of years that the calendar knows.
    """

    id: str
    version: str
    zone: ZoneInfo
    first_year: int
    last_year: int
    provisional_years: frozenset[int]
    dates: tuple[date, ...]
    # From here on as in ShiftLayout.
    _span: tuple[datetime, datetime]
    _opens: tuple[datetime, ...]
    _closes: tuple[datetime, ...]
    _local_opens: tuple[datetime | None, ...]
    _before_shift: tuple[timedelta, ...]
    _before_day: tuple[timedelta, ...]

    @classmethod
    def of_days(
        cls,
        calendar_id: str,
        version: str,
        zone: ZoneInfo,
        days: Days,
        years: range,
        provisional_years: frozenset[int],
    ) -> Self:
        """Lays out the days of `years`, each with its shifts, none on a free one.

        Raises CalendarError for overlapping shifts and for a year without working time.
        """
        layout = lay_out(calendar_id, zone, days, years)
        first, last = years.start, years.stop - 1
        return cls(calendar_id, version, zone, first, last, provisional_years, *layout)

    @property
    def label(self) -> str:
        """Calendar and version, for example `cn@3`."""
        return f"{self.id}@{self.version}"

    def is_open(self, at: datetime) -> bool:
        """Whether `at` is working time."""
        instant = self._instant(at)
        shift = bisect_right(self._opens, instant) - 1
        return shift >= 0 and instant < self._closes[shift]

    def is_provisional(self, at: datetime) -> bool:
        """Whether the holidays of the year of `at` are only estimated."""
        return self.local(at).year in self.provisional_years

    def local(self, at: datetime) -> datetime:
        """`at` in the calendar's zone."""
        return self._instant(at).astimezone(self.zone)

    def next_opening(self, at: datetime) -> datetime:
        """`at` itself in working time, otherwise the next opening."""
        return self._opening(self._instant(at)).astimezone(self.zone)

    def closing(self, at: datetime) -> datetime:
        """The end of the working day of `at`; of the next one when that day is over or free."""
        opening = self._opening(self._instant(at))
        return self.day_closing(
            self.dates[bisect_right(self._before_day, self._worked(opening)) - 1]
        )

    def between(self, a: datetime, b: datetime) -> timedelta:
        """The working time from `a` to `b`; negative when `b` is earlier."""
        return self._worked(self._instant(b)) - self._worked(self._instant(a))

    def add(self, start: datetime, length: Length) -> datetime:
        """The instant at which `length` of working time has passed since `start`."""
        forward = length if isinstance(length, timedelta) else timedelta(0, length)
        instant = self._instant(start)
        if forward > _NONE:
            return self._earliest(self._worked(instant) + forward)
        _refuse_negative(length)
        return self._standing(instant)

    def subtract(self, end: datetime, length: Length) -> datetime:
        """The latest instant from which `length` of working time remains until `end`.

        The mirror of `add`: an end outside working time counts from the last closing, and an
        answer that falls on an opening stays there.
        """
        back = length if isinstance(length, timedelta) else timedelta(0, length)
        instant = self._instant(end)
        if back > _NONE:
            return self._latest(self._worked(instant) - back)
        _refuse_negative(length)
        return instant.astimezone(self.zone)

    def days_between(self, a: datetime, b: datetime) -> Fraction:
        """The working days from `a` to `b`, each day counted as parts of its own working time.

        Negative when `b` is earlier. `add_days` leads back to `b` where `b` is working time or the
        end of a shift.
        """
        end, start = self._worked(self._instant(b)), self._worked(self._instant(a))
        return self._days(end) - self._days(start)

    def add_days(self, start: datetime, days: int | Fraction) -> datetime:
        """`days` full working days after `start`, counted from that moment.

        A start with a third of its day worked is due when a third of the last day is worked.
        A start at an opening is due at a closing: the end of the day before.
        """
        instant = self._instant(start)
        if days > 0:
            return self._earliest(self._moved(self._worked(instant), days))
        _refuse_negative(days)
        return self._standing(instant)

    def subtract_days(self, end: datetime, days: int | Fraction) -> datetime:
        """`days` full working days before `end`; the mirror of `add_days`."""
        instant = self._instant(end)
        if days > 0:
            return self._latest(self._moved(self._worked(instant), -days))
        _refuse_negative(days)
        return instant.astimezone(self.zone)

    def is_working_day(self, day: date) -> bool:
        """Whether a shift begins on `day`."""
        place = self._place(day)
        return place < len(self.dates) and self.dates[place] == day

    def working_day_from(self, day: date) -> date:
        """The first working day on or after `day`."""
        place = self._place(day)
        if place == len(self.dates):
            raise self._outside("there is no later working day")
        return self.dates[place]

    def working_day_until(self, day: date) -> date:
        """The last working day on or before `day`."""
        if self.is_working_day(day):
            return day
        place = self._place(day) - 1
        if place < 0:
            raise self._outside("there is no earlier working day")
        return self.dates[place]

    def day_opening(self, day: date) -> datetime:
        """When the first shift of the working day `day` begins."""
        return self.hours_of(day)[0][0]

    def day_closing(self, day: date) -> datetime:
        """When the last shift of the working day `day` ends; at night, that is the day after."""
        return self.hours_of(day)[-1][1]

    def hours_of(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """Begin and end of each shift of the working day `day`."""
        if not self.is_working_day(day):
            raise CalendarError(f"{day} is no working day of calendar {self.label}")
        place = self._place(day)
        first = bisect_left(self._before_shift, self._before_day[place])
        behind = bisect_left(self._before_shift, self._before_day[place + 1])
        return tuple(
            (self._opens[shift].astimezone(self.zone), self._closes[shift].astimezone(self.zone))
            for shift in range(first, behind)
        )

    def with_shifts(self, calendar_id: str, shifts: Sequence[Shift]) -> Self:
        """The same working days with other shifts: a production line of its own."""
        days = tuple((day, shifts) for day in self.dates)
        years = range(self.first_year, self.last_year + 1)
        provisional = self.provisional_years
        return self.of_days(calendar_id, self.version, self.zone, days, years, provisional)

    def _instant(self, at: datetime) -> datetime:
        if at.tzinfo is None:
            raise CalendarError(
                f"{at} has no zone; write an instant such as {at.isoformat()}+08:00"
            )
        # Datetimes of one zone compare and subtract several times faster than those of two.
        instant = at.astimezone(UTC)
        if not self._span[0] <= instant < self._span[1]:
            raise self._outside(f"{at.isoformat()} is outside it")
        return instant

    def _place(self, day: date) -> int:
        if not self.first_year <= day.year <= self.last_year:
            raise self._outside(f"{day} is outside it")
        return bisect_left(self.dates, day)

    def _outside(self, what: str) -> CalendarError:
        return CalendarError(
            f"calendar {self.label} knows {self.first_year} to {self.last_year}; {what}"
        )

    def _worked(self, instant: datetime) -> timedelta:
        """Working time from the beginning of the span until `instant`."""
        shift = bisect_right(self._opens, instant) - 1
        if shift < 0:
            return _NONE
        closes = self._closes[shift]
        until = instant if instant < closes else closes
        return self._before_shift[shift] + (until - self._opens[shift])

    def _opening(self, instant: datetime) -> datetime:
        shift = bisect_right(self._closes, instant)
        if shift == len(self._opens):
            raise self._outside("there is no later opening")
        return max(instant, self._opens[shift])

    def _standing(self, instant: datetime) -> datetime:
        """`instant` where working time can stand: in a shift, on its end, else the next opening."""
        shift = bisect_left(self._closes, instant)
        if shift == len(self._closes) or self._closes[shift] != instant:
            instant = self._opening(instant)
        return instant.astimezone(self.zone)

    def _earliest(self, worked: timedelta) -> datetime:
        """The first instant at which `worked` has passed; stays on a shift's end."""
        shift = bisect_left(self._before_shift, worked) - 1
        if shift >= len(self._opens):
            raise self._outside("the sum lies behind it")
        return self._in_shift(shift, worked)

    def _latest(self, worked: timedelta) -> datetime:
        """The last instant at which no more than `worked` has passed; stays on an opening."""
        shift = bisect_right(self._before_shift, worked) - 1
        if worked < _NONE or shift == len(self._opens):
            raise self._outside("the difference lies before it" if worked < _NONE else "it is over")
        return self._in_shift(shift, worked)

    def _in_shift(self, shift: int, worked: timedelta) -> datetime:
        since = worked - self._before_shift[shift]
        local = self._local_opens[shift]
        # Local time counts on within most shifts, and asking the zone costs five times as much.
        if local is not None:
            return local + since
        return (self._opens[shift] + since).astimezone(self.zone)

    def _days(self, worked: timedelta) -> Fraction:
        """`worked` in days, each as long as it is."""
        day = bisect_right(self._before_day, worked) - 1
        used = worked - self._before_day[day]
        return day + Fraction(used // _TICK, self._whole(day)) if used else Fraction(day)

    def _whole(self, day: int) -> int:
        """The working time of a day, in microseconds."""
        return (self._before_day[day + 1] - self._before_day[day]) // _TICK

    def _moved(self, worked: timedelta, days: int | Fraction) -> timedelta:
        """`worked`, so many days later or earlier; rounded to the microsecond."""
        target = self._days(worked) + days
        day = target.numerator // target.denominator
        part = target - day
        if target < 0 or day + (part > 0) >= len(self._before_day):
            raise self._outside(f"{abs(days)} working days lead out of it")
        if not part:
            return self._before_day[day]
        return self._before_day[day] + round(part * self._whole(day)) * _TICK


def _refuse_negative(length: Length | Fraction) -> None:
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    if seconds < 0:
        raise CalendarError(f"{length} is negative; add goes forward, subtract goes back")
