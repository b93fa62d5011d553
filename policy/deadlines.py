"""From a window of the regulation to absolute instants: when it is due and whom to tell when."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from domain.roles import Role
from domain.windows import Clock, DueWindow, Limit, Mark, MarkAt
from domain.worktime import WorkCalendar
from policy.model import Rung, Window

PROMISE_WARNING_DAYS = 3
"""Working days before a promised date at which sales warns (S28 "approaching", catalogue 3.3)."""

_SECOND = timedelta(seconds=1)


def open_window(
    calendar: WorkCalendar,
    window: Window,
    ladder: tuple[Rung, ...],
    *,
    key: str,
    step: str,
    role: Role,
    started_at: datetime,
    promised_at: datetime,
) -> DueWindow:
    """Opens `window`: its due instant and its marks, absolute and in the calendar's zone.

    `promised_at` matters to PROMISED limits only. Raises CalendarError when an instant lies
    outside the calendar.
    """
    started = calendar.local(started_at)
    due = due_at(calendar, window.limit, started, promised_at)
    return DueWindow(
        key=key,
        rule=window.id,
        step=step,
        role=role,
        limit=window.limit,
        started_at=started,
        due_at=due,
        marks=tuple(_marks(calendar, window, ladder, started, due)),
        calendar=calendar.label,
        provisional=calendar.is_provisional(started) or calendar.is_provisional(due),
    )


def explain(window: DueWindow) -> str:
    """One sentence for people: start, limit, due instant, calendar, rule."""
    if window.provisional:
        holidays = "the holidays of that year are not announced yet, so this is provisional"
    else:
        holidays = "its holidays are announced"
    limit = window.limit.words
    bound = f"until {limit}" if window.limit.count == 0 else f"for {limit}"
    return (
        f"{window.rule} runs from {_said(window.started_at)} {bound} and is due on "
        f"{_said(window.due_at)}, by calendar {window.calendar} ({holidays})."
    )


def due_at(calendar: WorkCalendar, limit: Limit, started: datetime, promised: datetime) -> datetime:
    """When `limit` is over, in the calendar's zone. Raises CalendarError outside its years."""
    match limit.clock:
        case Clock.WORKING_TIME:
            return calendar.add(started, timedelta(minutes=limit.count))
        case Clock.WORKING_DAYS:
            return calendar.add_days(started, limit.count)
        case Clock.ELAPSED:
            return _elapsed(calendar.local(started), timedelta(minutes=limit.count))
        case Clock.SAME_DAY:
            return calendar.closing(started)
        case Clock.PROMISED:
            return calendar.local(promised)


def _marks(
    calendar: WorkCalendar,
    window: Window,
    ladder: tuple[Rung, ...],
    started: datetime,
    due: datetime,
) -> Iterator[MarkAt]:
    """The marks of the ladder's rungs, each no earlier than the one before."""
    at = due
    for rung in ladder:
        if rung.mark is Mark.WARNING:
            warned = _warning(calendar, window, started, due)
            # A promise that was broken before the window opened is no warning any more.
            if warned < due:
                yield MarkAt(mark=Mark.WARNING, at=warned)
            continue
        if rung.after_percent is not None and rung.at_least is not None:
            at = calendar.add(at, _wait(calendar, window, rung, started, due))
        yield MarkAt(mark=rung.mark, at=at)


def _warning(calendar: WorkCalendar, window: Window, started: datetime, due: datetime) -> datetime:
    clock = window.limit.clock
    if clock is Clock.PROMISED:
        # A short promise warns at once: late advice is better than none.
        return max(started, calendar.subtract_days(due, PROMISE_WARNING_DAYS))
    if clock is Clock.ELAPSED:
        return _elapsed(started, _share(due - started, window.warn_percent))
    # Days are all of one length in a calendar, so a share of days is that share of their hours.
    return calendar.add(started, _share(calendar.between(started, due), window.warn_percent))


def _wait(
    calendar: WorkCalendar, window: Window, rung: Rung, started: datetime, due: datetime
) -> timedelta:
    """Working time between the rung before and this one.

    A promise is weeks long: a share of that would keep leadership waiting for weeks, so only
    `at_least` counts. An elapsed window counts with the working time that lay in it.
    """
    assert rung.at_least is not None
    assert rung.after_percent is not None
    at_least = timedelta(minutes=rung.at_least.count)
    if window.limit.clock is Clock.PROMISED:
        return at_least
    return max(at_least, _share(calendar.between(started, due), rung.after_percent))


def _share(length: timedelta, percent: int) -> timedelta:
    """`percent` of `length` in whole seconds, rounded down."""
    return (length * percent // 100) // _SECOND * _SECOND


def _elapsed(started: datetime, length: timedelta) -> datetime:
    # Through UTC: adding to a local time would count a clock change as elapsed time.
    return (started.astimezone(UTC) + length).astimezone(started.tzinfo)


def _said(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="seconds")
