"""Limits as instants: when one is over, how much of it a stretch of time uses up (catalogue 3.1).

Every answer is in the zone of the company's calendar, for bank days of the bank's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction

from domain.clocks import Clock
from domain.errors import DateMissing
from domain.lengths import Length
from domain.limits import Limit
from domain.moments import (
    DayOfMonth,
    Moment,
    Period,
    PeriodEnd,
    SameDay,
    TimesOfDay,
    Weekdays,
)
from domain.order_dates import OrderDate
from domain.worktime import WorkCalendar

_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_PER_SECOND = 1_000_000


@dataclass(frozen=True)
class Timepieces:
    """What a limit is counted with: the calendars, and those dates of the order that are known."""

    company: WorkCalendar
    bank: WorkCalendar
    dates: Mapping[str, datetime]

    def counting(self, clock: Clock) -> WorkCalendar:
        """The calendar of a clock: the bank's for bank days, the company's otherwise."""
        return self.bank if clock is Clock.BANK_DAYS else self.company


def due_at(limit: Limit, started: datetime, tp: Timepieces) -> datetime:
    """When `limit` is over for a window that started at `started`.

    A moment of the day or the calendar is the first one after the start; a date of the order is
    where it is, even when that is over. Raises CalendarError outside the calendar's years, and
    DateMissing for a date that the order does not have yet.
    """
    started = tp.counting(limit.clock).local(started)
    form = limit.form
    if isinstance(form, Length):
        return advanced(limit.clock, started, total(limit), tp)
    if isinstance(form, OrderDate):
        return _before_date(form, form.before, limit, tp)
    return _moment(form, started, tp.company)


def expected_at(limit: Limit, started: datetime, tp: Timepieces) -> datetime | None:
    """When the a of a range `a-b` is reached, never before the start; none for other limits.

    Raises CalendarError and DateMissing as `due_at` does.
    """
    form = limit.form
    if isinstance(form, OrderDate) and form.expected is not None:
        return max(tp.company.local(started), _before_date(form, form.expected, limit, tp))
    expected = expected_total(limit)
    return None if expected is None else advanced(limit.clock, started, expected, tp)


def total(limit: Limit) -> Fraction:
    """A counted limit in its clock's own unit: seconds, or working or bank days."""
    return _in_unit(_length(limit), _length(limit).amount)


def expected_total(limit: Limit) -> Fraction | None:
    """The a of a counted range in its clock's own unit; none for other limits."""
    form = limit.form
    if not isinstance(form, Length) or form.expected is None:
        return None
    return _in_unit(form, form.expected)


def measured(clock: Clock, a: datetime, b: datetime, tp: Timepieces) -> Fraction:
    """How much of a counted clock passes from `a` to `b`, in its own unit."""
    match clock:
        case Clock.WORKING_TIME:
            return _seconds(tp.company.between(a, b))
        case Clock.ELAPSED:
            return _seconds(b - a)
        case Clock.WORKING_DAYS | Clock.BANK_DAYS:
            return tp.counting(clock).days_between(a, b)
        case _:
            raise _uncounted(clock)


def advanced(clock: Clock, start: datetime, amount: Fraction, tp: Timepieces) -> datetime:
    """When `amount` of a counted clock has passed since `start`, to the microsecond."""
    match clock:
        case Clock.WORKING_TIME:
            return tp.company.add(start, _timedelta(amount))
        case Clock.ELAPSED:
            return elapsed(tp.company.local(start), _timedelta(amount))
        case Clock.WORKING_DAYS | Clock.BANK_DAYS:
            return tp.counting(clock).add_days(start, amount)
        case _:
            raise _uncounted(clock)


def elapsed(start: datetime, length: timedelta) -> datetime:
    """`length` after `start` by any clock on any wall, in the zone of `start`."""
    # Through UTC: adding to a local time would count a clock change as elapsed time.
    return (start.astimezone(UTC) + length).astimezone(start.tzinfo)


def _moment(form: Moment, started: datetime, calendar: WorkCalendar) -> datetime:
    match form:
        case SameDay():
            return _same_day(form, started, calendar)
        case TimesOfDay():
            return _next_time(form, started, calendar)
        case Weekdays():
            return _next_weekday(form, started, calendar)
        case DayOfMonth():
            return _next_day_of_month(form, started, calendar)
        case PeriodEnd():
            return _period_end(form, started, calendar)


def _same_day(form: SameDay, started: datetime, calendar: WorkCalendar) -> datetime:
    if form.cut_off is None or started.time() < form.cut_off:
        return calendar.closing(started)
    day = calendar.working_day_from(started.date() + _DAY)
    return max(calendar.closing(started), calendar.day_closing(day))


def _next_time(form: TimesOfDay, started: datetime, calendar: WorkCalendar) -> datetime:
    # From the day before, since a night shift closes on the day after it opened.
    days: list[date] = []
    day = started.date() - _DAY
    for _ in range(3):
        days.append(calendar.working_day_from(day))
        day = days[-1] + _DAY
    return min(at for d in days for t in form.times if (at := _on(d, t, calendar)) > started)


def _next_weekday(form: Weekdays, started: datetime, calendar: WorkCalendar) -> datetime:
    # From the last working day on: a weekday inside a holiday may still lie ahead, moved behind it.
    day = calendar.working_day_until(started.date() - _DAY)
    while True:
        if day.weekday() in form.days:
            at = _on(calendar.working_day_from(day), form.at, calendar)
            if at > started:
                return at
        day += _DAY


def _next_day_of_month(form: DayOfMonth, started: datetime, calendar: WorkCalendar) -> datetime:
    # From last month on: its 31st, moved behind a holiday, may still lie ahead.
    return next(
        at
        for day in _days_of_months(form.day, started.date().replace(day=1) - _DAY)
        if (at := _on(_moved(form, day, calendar), form.at, calendar)) > started
    )


def _days_of_months(number: int, first: date) -> Iterator[date]:
    """The day with this number in the month of `first` and in each month after it."""
    month = first.replace(day=1)
    while True:
        following = (month + 31 * _DAY).replace(day=1)
        yield min(month + (number - 1) * _DAY, following - _DAY)
        month = following


def _moved(form: DayOfMonth, day: date, calendar: WorkCalendar) -> date:
    match form.moves:
        case "later":
            return calendar.working_day_from(day)
        case "earlier":
            return calendar.working_day_until(day)
        case None:
            return day


def _period_end(form: PeriodEnd, started: datetime, calendar: WorkCalendar) -> datetime:
    day = started.date()
    while True:
        following = _period_after(form.period, day)
        at = calendar.day_closing(calendar.working_day_until(following - _DAY))
        # A week of holidays has no end of its own; the next one has.
        if at > started:
            return at
        day = following


def _period_after(period: Period, day: date) -> date:
    """The first day of the period after the one that contains `day`. Weeks begin on Monday."""
    if period == "week":
        return day + (7 - day.weekday()) * _DAY
    months = {"month": 1, "quarter": 3, "year": 12}[period]
    index = ((day.month - 1) // months + 1) * months
    return date(day.year + index // 12, index % 12 + 1, 1)


def _before_date(form: OrderDate, days: int, limit: Limit, tp: Timepieces) -> datetime:
    known = tp.dates.get(form.anchor)
    if known is None:
        raise DateMissing(form.anchor, str(limit))
    known = tp.company.local(known)
    if form.in_working_days:
        return tp.company.subtract_days(known, days)
    return elapsed(known, -days * _DAY)


def _on(day: date, at: time | None, calendar: WorkCalendar) -> datetime:
    """`day` at this time, or at its closing; a free day closes like the working day before it."""
    if at is not None:
        return calendar.local(datetime.combine(day, at, calendar.zone))
    if calendar.is_working_day(day):
        return calendar.day_closing(day)
    worked = calendar.working_day_until(day)
    closing = calendar.day_closing(worked)
    same_time = datetime.combine(day + (closing.date() - worked), closing.time(), calendar.zone)
    return calendar.local(same_time)


def _in_unit(length: Length, amount: Fraction) -> Fraction:
    return amount * 60 if length.clock in (Clock.WORKING_TIME, Clock.ELAPSED) else amount


def _length(limit: Limit) -> Length:
    if not isinstance(limit.form, Length):
        raise TypeError(f"{limit} names an instant; only a length has a total")
    return limit.form


def _uncounted(clock: Clock) -> TypeError:
    return TypeError(f"clock {clock} names instants; nothing of it can be used up")


def _seconds(length: timedelta) -> Fraction:
    return Fraction(length // _MICROSECOND, _PER_SECOND)


def _timedelta(seconds: Fraction) -> timedelta:
    return timedelta(microseconds=round(seconds * _PER_SECOND))
