"""From a window of the regulation to absolute instants: when it is due and whom to tell when."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction

from domain.limits import Clock
from domain.roles import Role
from domain.windows import DueWindow, Mark, MarkAt
from domain.worktime import WorkCalendar
from policy.instants import (
    Timepieces,
    advanced,
    due_at,
    elapsed,
    expected_at,
    expected_total,
    total,
)
from policy.ladder import Rung
from policy.window import Window

PROMISE_WARNING_DAYS = 3
"""Working days before a promised date at which sales warns (S28 "approaching", catalogue 3.3)."""

_SECOND = timedelta(seconds=1)


def open_window(
    tp: Timepieces,
    window: Window,
    ladder: tuple[Rung, ...],
    *,
    key: str,
    step: str,
    role: Role,
    started_at: datetime,
) -> DueWindow:
    """Opens `window`: its due instant and its marks, absolute and in the calendar's zone.

    Raises CalendarError when an instant lies outside the calendar, or hangs on a date that the
    order does not have yet.
    """
    counted_on = calendar_of(window, tp)
    started = counted_on.local(started_at)
    due = due_at(window.limit, started, tp)
    warned = warning_at(tp, window, started, due)
    return DueWindow(
        key=key,
        rule=window.id,
        step=step,
        role=role,
        limit=window.limit,
        started_at=started,
        due_at=due,
        marks=tuple(
            sorted(
                _marks(tp, window, ladder, started, due, warned),
                key=lambda mark: (mark.at, mark.mark.level),
            )
        ),
        calendar=counted_on.label,
        provisional=is_provisional(counted_on, started, due),
        pauses=window.pauses,
    )


def calendar_of(window: Window | DueWindow, tp: Timepieces) -> WorkCalendar:
    """The calendar that the limit is counted on."""
    return tp.counting(window.limit.clock)


def is_provisional(calendar: WorkCalendar, *instants: datetime) -> bool:
    """Whether one of the instants lies in a year whose holidays are not announced."""
    return any(calendar.is_provisional(at) for at in instants)


def warning_at(tp: Timepieces, window: Window, started: datetime, due: datetime) -> datetime:
    """When the warning falls: at a of a range `a-b`, before the due instant, or at a share."""
    limit = window.limit
    if (expected := expected_at(limit, started, tp)) is not None:
        return expected
    if window.warn_before is not None:
        return max(started, _before(tp, window, due))
    if limit.clock is Clock.DATE:
        # A short promise warns at once: late advice is better than none.
        return max(started, tp.company.subtract_days(due, PROMISE_WARNING_DAYS))
    if limit.is_counted:
        return advanced(limit.clock, started, warning_used(window), tp)
    return tp.company.add(started, share(tp.company.between(started, due), window.warn_percent))


def warning_used(window: Window) -> Fraction:
    """How much of a counted limit is used when its warning falls, in the limit's own unit."""
    limit = window.limit
    expected = expected_total(limit)
    if expected is not None:
        return expected
    return share_used(window, window.warn_percent)


def share_used(window: Window, percent: int) -> Fraction:
    """`percent` of a counted limit, in its own unit."""
    used = total(window.limit) * Fraction(percent, 100)
    # Seconds are counted whole; days are not, or half a day would be none.
    in_seconds = window.limit.clock in (Clock.WORKING_TIME, Clock.ELAPSED)
    return Fraction(int(used)) if in_seconds else used


def share(length: timedelta, percent: int) -> timedelta:
    """`percent` of `length` in whole seconds, rounded down."""
    return (length * percent // 100) // _SECOND * _SECOND


def _before(tp: Timepieces, window: Window, due: datetime) -> datetime:
    before = window.warn_before
    assert before is not None
    if before.clock is Clock.ELAPSED:
        return elapsed(due, -timedelta(seconds=int(total(before))))
    if before.clock is Clock.WORKING_TIME:
        return tp.company.subtract(due, int(total(before)))
    return calendar_of(window, tp).subtract_days(due, total(before))


def _marks(
    tp: Timepieces,
    window: Window,
    ladder: tuple[Rung, ...],
    started: datetime,
    due: datetime,
    warned: datetime,
) -> Iterator[MarkAt]:
    """The marks of the ladder's rungs, each no earlier than the one before."""
    at = due
    for rung in ladder:
        match rung.mark:
            case Mark.WARNING:
                yield from _reminders(tp, window, started, due)
                # A promise that was broken before the window opened is no warning any more.
                if warned < due:
                    yield MarkAt(mark=Mark.WARNING, at=warned)
            case Mark.BREACH:
                yield MarkAt(mark=Mark.BREACH, at=due)
            case Mark.DUE_DATE:
                if window.limit.is_promise:
                    yield MarkAt(mark=Mark.DUE_DATE, at=due)
            case Mark.ANALYSIS | Mark.LEADERSHIP:
                at = tp.company.add(at, _wait(tp, window, rung, started, due))
                yield MarkAt(mark=rung.mark, at=at)


def _reminders(
    tp: Timepieces, window: Window, started: datetime, due: datetime
) -> Iterator[MarkAt]:
    limit = window.limit
    for percent in window.remind_percent:
        if limit.is_counted:
            at = advanced(limit.clock, started, share_used(window, percent), tp)
        else:
            at = tp.company.add(started, share(tp.company.between(started, due), percent))
        if at < due:
            yield MarkAt(mark=Mark.REMINDER, at=at, percent=percent)


def _wait(
    tp: Timepieces, window: Window, rung: Rung, started: datetime, due: datetime
) -> timedelta:
    """Working time between the rung before and this one.

    A promise is weeks long: a share of that would keep leadership waiting for weeks, so only
    `at_least` counts. An elapsed window counts with the working time that lay in it.
    """
    assert rung.at_least is not None
    assert rung.after_percent is not None
    at_least = timedelta(seconds=int(total(rung.at_least)))
    if window.limit.clock is Clock.DATE:
        return at_least
    return max(at_least, share(tp.company.between(started, due), rung.after_percent))
