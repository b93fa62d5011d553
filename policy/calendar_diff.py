"""What a new version of a calendar changes: days, and the open windows that it moves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from pydantic import Field

from domain.base import Record
from domain.order_dates import PROMISED, OrderDate
from domain.windows import DueWindow
from domain.worktime import WorkCalendar
from policy.instants import Timepieces, elapsed
from policy.model import Profile
from policy.window_life import recalculated

CLOSED = "closed"
DAYS_SHOWN_MAX = 10
_ONE_DAY = timedelta(days=1)


class DayChange(Record):
    """Days whose hours change alike; hours as `08:30-12:00 13:30-18:00`, or `closed`."""

    before: str
    after: str
    count: int
    first: date
    last: date
    days: tuple[date, ...] = Field(description=f"The first {DAYS_SHOWN_MAX} of them")


@dataclass(frozen=True)
class Open:
    """A running window and what of its order it is counted with."""

    window: DueWindow
    profile: Profile
    promised_at: datetime


def day_changes(old: WorkCalendar, new: WorkCalendar) -> tuple[DayChange, ...]:
    """How the days differ over the years that both know, by the change; the earliest first."""
    changes: dict[tuple[str, str], list[date]] = {}
    for day in _days(max(old.first_year, new.first_year), min(old.last_year, new.last_year)):
        before, after = _hours(old, day), _hours(new, day)
        if before != after:
            changes.setdefault((before, after), []).append(day)
    return tuple(
        DayChange(
            before=before,
            after=after,
            count=len(days),
            first=days[0],
            last=days[-1],
            days=tuple(days[:DAYS_SHOWN_MAX]),
        )
        for (before, after), days in changes.items()
    )


def recounted(
    found: Open,
    new: WorkCalendar,
    calendars: Mapping[str, WorkCalendar],
    counted_on: WorkCalendar,
    now: datetime,
) -> DueWindow:
    """The window as it will stand once `new` counts instead of `counted_on`.

    `calendars` are the newest versions of all. Raises CalendarError where `new` does not reach,
    and KeyError for a rule that the order's profile does not have.
    """
    window, profile = found.window, found.profile
    rule = profile.window(window.rule)
    old = _timepieces(profile, rule.calendar, {**calendars, new.id: counted_on})
    old = replace(old, dates=_dates(found, old))
    after = replace(
        _timepieces(profile, rule.calendar, {**calendars, new.id: new}), dates=old.dates
    )
    return recalculated(window, rule, old=old, new=after, now=now)


def _timepieces(
    profile: Profile, own: str | None, calendars: Mapping[str, WorkCalendar]
) -> Timepieces:
    return Timepieces(
        company=calendars[own or profile.calendar],
        bank=calendars[profile.bank_calendar],
        dates={},
    )


def _dates(found: Open, old: Timepieces) -> Mapping[str, datetime]:
    """The dates of the order on which the window hangs."""
    form, due = found.window.limit.form, found.window.due_at
    known = {PROMISED: found.promised_at}
    if not isinstance(form, OrderDate) or form.anchor == PROMISED:
        return known
    # The date that was told stands behind the due instant: it need not be read again.
    if not form.in_working_days:
        return known | {form.anchor: elapsed(due, form.before * _ONE_DAY)}
    if form.before < 0:
        return known | {form.anchor: old.company.subtract_days(due, -form.before)}
    return known | {form.anchor: old.company.add_days(due, form.before)}


def _hours(calendar: WorkCalendar, day: date) -> str:
    if not calendar.is_working_day(day):
        return CLOSED
    return " ".join(f"{begin:%H:%M}-{end:%H:%M}" for begin, end in calendar.hours_of(day))


def _days(first_year: int, last_year: int) -> Iterator[date]:
    day = date(first_year, 1, 1)
    while day.year <= last_year:
        yield day
        day += _ONE_DAY
