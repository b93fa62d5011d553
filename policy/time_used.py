"""How much of its limit a window used, in percent, in the window's own clock."""

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from domain.assessment import WindowFact
from domain.errors import CalendarError
from domain.worktime import WorkCalendar
from policy.instants import Timepieces, total
from policy.window_life import used

ONE_DECIMAL = Decimal("0.1")


def used_percent(
    fact: WindowFact, calendars: Mapping[str, WorkCalendar], until: datetime
) -> Decimal | None:
    """Time used by the time the window stopped, or by `until`, of its limit; a breach is above 100.

    None when the window or its calendar was not kept, or when it had no time at all.
    """
    at = min(fact.stopped_at or until, until)
    window = fact.window
    if window is None or not window.limit.is_counted:
        return _percent(_seconds(fact.started_at, at), _seconds(fact.started_at, fact.due_at))
    calendar = calendars.get(window.calendar)
    if calendar is None:
        return None
    # The label names the calendar the window runs on, be it the company's, the bank's or another.
    tp = Timepieces(company=calendar, bank=calendar, dates={})
    try:
        return _percent(used(window, tp, at), total(window.limit))
    except CalendarError:
        return None


def _seconds(start: datetime, end: datetime) -> Fraction:
    return Fraction((end - start).total_seconds())


def _percent(part: Fraction, whole: Fraction) -> Decimal | None:
    if whole <= 0:
        return None
    exact = Decimal((part * 100 / whole).numerator) / Decimal((part * 100 / whole).denominator)
    return exact.quantize(ONE_DECIMAL, ROUND_HALF_UP)
