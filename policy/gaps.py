"""Where a line has time for an order. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from domain.worktime import WorkCalendar
from policy.calendars import line_calendar

SECONDS_PER_MINUTE = 60


def earliest_gap(
    calendar: WorkCalendar,
    taken: Sequence[tuple[datetime, datetime]],
    *,
    since: datetime,
    minutes: Decimal,
) -> tuple[datetime, datetime]:
    """The first stretch of working time that nobody else has, without interruption by others.

    `taken` is sorted and does not overlap. Raises CalendarError when the calendar ends first.
    """
    seconds = (minutes * SECONDS_PER_MINUTE).to_integral_value(ROUND_CEILING)
    length = timedelta(seconds=int(seconds))
    start = calendar.next_opening(since)
    for begin, end in taken:
        if calendar.add(start, length) <= begin:
            break
        if end > start:
            start = calendar.next_opening(end)
    return start, calendar.add(start, length)


def ready_at(
    base: WorkCalendar,
    lines: Mapping[str, Sequence[Sequence[str]]],
    taken: Mapping[str, Sequence[tuple[datetime, datetime]]],
    minutes: Mapping[str, Decimal],
    since: datetime,
) -> datetime:
    """When all lines have made it, as they are booked now; `lines` are shifts by line.

    Books nothing. Raises CalendarError when the calendar ends first.
    """
    ends = [
        earliest_gap(
            line_calendar(base, lines[line]), taken.get(line, ()), since=since, minutes=asked
        )[1]
        for line, asked in minutes.items()
    ]
    return max(ends, default=since)
