"""Working time: instants, working hours and working days on one calendar (catalogue 3.1).

A calendar is data that was expanded once. Shifts are absolute instants in microseconds since
1970 UTC, with running totals of the working time before each shift and each working day, so
every question is a bisect or two. A shift belongs to the day on which it begins.

Shifts are half open: 18:00 itself is no longer working time, but a due instant that falls on
18:00 stays there. A start outside working time counts from the next opening.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import CalendarError
from domain.shifts import Shift

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND = 1_000_000
_ONE_DAY = timedelta(days=1)

Length = timedelta | int
"""A length: a timedelta, or whole seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class WorkCalendar:
    """When a company works. Immutable and pure; takes aware datetimes, answers in `zone`.

    Every method raises CalendarError for an instant without a zone, and when the question or
    its answer lies outside the span of years that the calendar knows.
    """

    id: str
    version: str
    zone: ZoneInfo
    first_year: int
    last_year: int
    provisional_years: frozenset[int]
    dates: tuple[date, ...]
    _span: tuple[int, int]
    # Working time before shift i; one entry more than shifts, the last is the total.
    _opens: tuple[int, ...]
    _closes: tuple[int, ...]
    _before_shift: tuple[int, ...]
    _before_day: tuple[int, ...]
    _day_closes: tuple[int, ...]

    @property
    def label(self) -> str:
        """Calendar and version, for example `cn@2026.1`."""
        return f"{self.id}@{self.version}"

    def is_open(self, at: datetime) -> bool:
        """Whether `at` is working time."""
        instant = self._micros(at)
        shift = bisect_right(self._opens, instant) - 1
        return shift >= 0 and instant < self._closes[shift]

    def is_provisional(self, at: datetime) -> bool:
        """Whether the holidays of the year of `at` are only estimated."""
        self._micros(at)
        return at.astimezone(self.zone).year in self.provisional_years

    def local(self, at: datetime) -> datetime:
        """`at` in the calendar's zone."""
        return self._local(self._micros(at))

    def next_opening(self, at: datetime) -> datetime:
        """`at` itself in working time, otherwise the next opening."""
        return self._local(self._opening(self._micros(at)))

    def closing(self, at: datetime) -> datetime:
        """The end of the working day of `at`; of the next one when that day is over or free."""
        opening = self._opening(self._micros(at))
        day = bisect_right(self._before_day, self._worked(opening)) - 1
        return self._local(self._day_closes[day])

    def between(self, a: datetime, b: datetime) -> timedelta:
        """The working time from `a` to `b`; negative when `b` is earlier."""
        worked = self._worked(self._micros(b)) - self._worked(self._micros(a))
        return timedelta(microseconds=worked)

    def add(self, start: datetime, length: Length) -> datetime:
        """The instant at which `length` of working time has passed since `start`."""
        instant, forward = self._micros(start), _positive(length)
        if forward == 0:
            return self._local(self._standing(instant))
        return self._local(self._earliest(self._worked(instant) + forward))

    def subtract(self, end: datetime, length: Length) -> datetime:
        """The latest instant from which `length` of working time remains until `end`.

        The mirror of `add`: an end outside working time counts from the last closing, and an
        answer that falls on an opening stays there.
        """
        instant, back = self._micros(end), _positive(length)
        if back == 0:
            return self._local(instant)
        return self._local(self._latest(self._worked(instant) - back))

    def add_days(self, start: datetime, days: int) -> datetime:
        """`days` full working days after `start`, counted from that moment.

        A start with a third of its day worked is due when a third of the last day is worked.
        A start at an opening is due at a closing: the end of the day before.
        """
        instant, forward = self._micros(start), _positive(days)
        if forward == 0:
            return self._local(self._standing(instant))
        return self._local(self._earliest(self._moved(self._worked(instant), days)))

    def subtract_days(self, end: datetime, days: int) -> datetime:
        """`days` full working days before `end`; the mirror of `add_days`."""
        instant, back = self._micros(end), _positive(days)
        if back == 0:
            return self._local(instant)
        return self._local(self._latest(self._moved(self._worked(instant), -days)))

    def with_shifts(self, calendar_id: str, shifts: Sequence[Shift]) -> "WorkCalendar":
        """The same working days with other shifts: a production line of its own."""
        days = tuple((day, shifts) for day in self.dates)
        years = range(self.first_year, self.last_year + 1)
        return _expand(calendar_id, self.version, self.zone, days, years, self.provisional_years)

    def _micros(self, at: datetime) -> int:
        if at.tzinfo is None:
            raise CalendarError(
                f"{at} has no zone; write an instant such as {at.isoformat()}+08:00"
            )
        instant = _count(at - _EPOCH)
        if not self._span[0] <= instant < self._span[1]:
            raise self._outside(f"{at.isoformat()} is outside it")
        return instant

    def _local(self, instant: int) -> datetime:
        # From whole seconds, since a float holds no exact microsecond; twice as fast, too.
        second, rest = divmod(instant, _PER_SECOND)
        local = datetime.fromtimestamp(second, self.zone)
        return local.replace(microsecond=rest) if rest else local

    def _outside(self, what: str) -> CalendarError:
        return CalendarError(
            f"calendar {self.label} knows {self.first_year} to {self.last_year}; {what}"
        )

    def _worked(self, instant: int) -> int:
        """Working time from the beginning of the span until `instant`."""
        shift = bisect_right(self._opens, instant) - 1
        if shift < 0:
            return 0
        return self._before_shift[shift] + min(instant, self._closes[shift]) - self._opens[shift]

    def _opening(self, instant: int) -> int:
        shift = bisect_right(self._closes, instant)
        if shift == len(self._opens):
            raise self._outside("there is no later opening")
        return max(instant, self._opens[shift])

    def _standing(self, instant: int) -> int:
        """`instant` where working time can stand: in a shift, on its end, else the next opening."""
        shift = bisect_left(self._closes, instant)
        if shift < len(self._closes) and self._closes[shift] == instant:
            return instant
        return self._opening(instant)

    def _earliest(self, worked: int) -> int:
        """The first instant at which `worked` has passed; stays on a shift's end."""
        shift = bisect_left(self._before_shift, worked) - 1
        if shift >= len(self._opens):
            raise self._outside("the sum lies behind it")
        return self._opens[shift] + worked - self._before_shift[shift]

    def _latest(self, worked: int) -> int:
        """The last instant at which no more than `worked` has passed; stays on an opening."""
        shift = bisect_right(self._before_shift, worked) - 1
        if worked < 0 or shift == len(self._opens):
            raise self._outside("the difference lies before it" if worked < 0 else "it is over")
        return self._opens[shift] + worked - self._before_shift[shift]

    def _moved(self, worked: int, days: int) -> int:
        """`worked`, the same fraction of a day `days` later or earlier; rounded down."""
        day = bisect_right(self._before_day, worked) - 1
        used, target = worked - self._before_day[day], day + days
        if target < 0 or target + (used > 0) >= len(self._before_day):
            raise self._outside(f"{abs(days)} working days lead out of it")
        if used == 0:
            return self._before_day[target]
        whole = self._before_day[day + 1] - self._before_day[day]
        target_whole = self._before_day[target + 1] - self._before_day[target]
        return self._before_day[target] + used * target_whole // whole


def build_calendar(
    id: str,
    version: str,
    zone: str,
    *,
    weekly_shifts: Mapping[int, Sequence[Shift]],
    holidays: frozenset[date],
    makeup_days: frozenset[date],
    first_year: int,
    last_year: int,
    provisional_years: frozenset[int] = frozenset(),
) -> WorkCalendar:
    """Expands a week (0 is Monday), its holidays and make-up days into a calendar.

    A make-up day works whatever the weekday says, holiday or not: the shifts of its own weekday,
    or else those of the first weekday that has any. Raises CalendarError.
    """
    try:
        zone_info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise CalendarError(f"{zone!r} is no time zone; write Asia/Shanghai, for one") from error
    usual = next((weekly_shifts[day] for day in range(7) if weekly_shifts.get(day)), ())
    years = range(first_year, last_year + 1)
    days: list[tuple[date, Sequence[Shift]]] = []
    day = date(first_year, 1, 1)
    while day.year <= last_year:
        shifts = weekly_shifts.get(day.weekday(), ())
        if day in makeup_days:
            days.append((day, shifts or usual))
        elif shifts and day not in holidays:
            days.append((day, shifts))
        day += _ONE_DAY
    return _expand(id, version, zone_info, days, years, provisional_years)


def _expand(
    calendar_id: str,
    version: str,
    zone: ZoneInfo,
    days: Iterable[tuple[date, Sequence[Shift]]],
    years: range,
    provisional_years: frozenset[int],
) -> WorkCalendar:
    opens: list[int] = []
    closes: list[int] = []
    before_shift, before_day = [0], [0]
    day_closes: list[int] = []
    dates: list[date] = []
    last: datetime | None = None
    for day, shifts in days:
        for shift in sorted(shifts):
            start, end = shift.on(day)
            if last and start < last:
                raise CalendarError(f"calendar {calendar_id}: {day} {shift} overlaps another shift")
            last = end
            # Where clocks skip an hour, a shift may shrink or vanish on that day.
            opened = max(_absolute(start, zone), closes[-1] if closes else 0)
            closed = _absolute(end, zone)
            if opened < closed:
                opens.append(opened)
                closes.append(closed)
                before_shift.append(before_shift[-1] + closed - opened)
        if before_shift[-1] > before_day[-1]:
            before_day.append(before_shift[-1])
            day_closes.append(closes[-1])
            dates.append(day)
    if not opens:
        raise CalendarError(f"calendar {calendar_id} has no working time; give it shifts")
    begin, over = datetime(years.start, 1, 1), datetime(years.stop, 1, 1)  # noqa: DTZ001  local
    return WorkCalendar(
        id=calendar_id,
        version=version,
        zone=zone,
        first_year=years.start,
        last_year=years.stop - 1,
        provisional_years=provisional_years,
        dates=tuple(dates),
        # A night shift of the last day ends in the year after, and is still known.
        _span=(_absolute(begin, zone), max(_absolute(over, zone), closes[-1] + 1)),
        _opens=tuple(opens),
        _closes=tuple(closes),
        _before_shift=tuple(before_shift),
        _before_day=tuple(before_day),
        _day_closes=tuple(day_closes),
    )


def _absolute(local: datetime, zone: ZoneInfo) -> int:
    return _count(local.replace(tzinfo=zone) - _EPOCH)


def _count(length: timedelta) -> int:
    # Dividing by a timedelta of one microsecond takes five times longer.
    return (length.days * 86_400 + length.seconds) * _PER_SECOND + length.microseconds


def _positive(length: Length) -> int:
    micros = _count(length) if isinstance(length, timedelta) else length * _PER_SECOND
    if micros < 0:
        raise CalendarError(f"{length} is negative; add goes forward, subtract goes back")
    return micros
