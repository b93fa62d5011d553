"""The life of an open window: paused, resumed, reset, recalculated; what is used of it, and why.

Time used is kept in the limit's own clock, so that a pause or a new calendar neither adds nor
loses a second: what remains is counted again from where the window goes on.
"""

from datetime import datetime
from fractions import Fraction

from domain.windows import DueWindow, Mark, MarkAt, PauseReason
from policy.deadlines import (
    calendar_of,
    is_provisional,
    open_window,
    share,
    share_used,
    warning_at,
    warning_used,
)
from policy.instants import Timepieces, advanced, due_at, measured, total
from policy.ladder import Rung
from policy.window import Window


def used(window: DueWindow, tp: Timepieces, at: datetime) -> Fraction:
    """What of a counted limit is used at `at`, in its own unit; more than the limit when late."""
    if window.paused_at is not None:
        return window.used
    since = window.counted_since
    return window.used + measured(window.limit.clock, since, max(since, at), tp)


def paused(window: DueWindow, reason: PauseReason, tp: Timepieces, at: datetime) -> DueWindow:
    """Stops the clock at `at`. A window paused for one reason may be paused for another, too."""
    reasons = (*window.paused_for, *({reason} - set(window.paused_for)))
    if window.paused_at is not None:
        return window.model_copy(update={"paused_for": reasons})
    at = max(window.counted_since, calendar_of(window, tp).local(at))
    update: dict[str, object] = {"paused_at": at, "paused_for": reasons}
    if window.limit.is_counted:
        update["used"] = used(window, tp, at)
    return window.model_copy(update=update | {"pause_count": window.pause_count + 1})


def resumed(
    window: DueWindow,
    reason: PauseReason,
    rule: Window,
    *,
    old: Timepieces,
    new: Timepieces,
    at: datetime,
) -> DueWindow:
    """Goes on at `at` with what remained, once nobody is waited for any more.

    What was used was counted by `old`, the rest is counted by `new`.
    """
    waiting = tuple(other for other in window.paused_for if other is not reason)
    if waiting or window.paused_at is None:
        return window.model_copy(update={"paused_for": waiting})
    at = max(window.paused_at, at)
    seconds = window.paused_seconds + _waited(window, at)
    going_on = _rebased(window, rule, old=old, new=new, pivot=window.paused_at, at=at)
    return going_on.model_copy(
        update={"paused_at": None, "paused_for": (), "paused_seconds": seconds}
    )


def reset(
    window: DueWindow, rule: Window, ladder: tuple[Rung, ...], tp: Timepieces, at: datetime
) -> DueWindow:
    """Begins anew at `at` with the whole limit, paused or not before.

    Marks that have fallen stay where they fell; while it was paused none fell.
    """
    at = max(window.started_at, at)
    stood_at = min(window.paused_at or at, at)
    anew = open_window(
        tp, rule, ladder, key=window.key, step=window.step, role=window.role, started_at=at
    )
    fallen = {mark.name: mark for mark in window.marks if mark.at <= stood_at}
    return anew.model_copy(
        update={
            "started_at": window.started_at,
            "running_since": anew.started_at,
            "reset_at": anew.started_at,
            "marks": tuple(fallen.get(mark.name, mark) for mark in anew.marks),
            "pause_count": window.pause_count,
            "paused_seconds": window.paused_seconds + _waited(window, at),
        }
    )


def _waited(window: DueWindow, at: datetime) -> int:
    """Elapsed seconds of the pause that runs; none when it is not paused."""
    if window.paused_at is None:
        return 0
    return max(0, int((at - window.paused_at).total_seconds()))


def recalculated(
    window: DueWindow, rule: Window, *, old: Timepieces, new: Timepieces, now: datetime
) -> DueWindow:
    """The window under a new calendar or with a new date; what is used by the old one is kept.

    A paused window keeps its pause: its due instant is the one it would have if it went on now.
    """
    pivot = window.paused_at or max(window.counted_since, now)
    return _rebased(window, rule, old=old, new=new, pivot=pivot, at=pivot)


def _rebased(
    window: DueWindow,
    rule: Window,
    *,
    old: Timepieces,
    new: Timepieces,
    pivot: datetime,
    at: datetime,
) -> DueWindow:
    """Counts by `old` until `pivot`, and goes on by `new` from `at`."""
    calendar = calendar_of(window, new)
    at = calendar.local(at)
    spent, since = window.used, at
    if not window.limit.is_counted:
        # A date is no length: it moves only when it went by while nobody could keep it.
        since = at if pivot < window.due_at <= at else window.counted_since
        due = _date(window, new, pivot, since)
    elif pivot < window.due_at:
        spent = used(window, old, pivot)
        left = max(Fraction(0), total(window.limit) - spent)
        due = advanced(window.limit.clock, at, left, new)
    else:
        spent, due = used(window, old, pivot), window.due_at
    basis = window.model_copy(update={"used": spent, "running_since": since})
    return basis.model_copy(
        update={
            "due_at": due,
            "marks": tuple(
                _moved(mark, basis, rule, due, (old, new), (pivot, at)) for mark in window.marks
            ),
            "calendar": calendar.label,
            "provisional": is_provisional(calendar, window.started_at, due),
        }
    )


def _date(window: DueWindow, new: Timepieces, pivot: datetime, since: datetime) -> datetime:
    """When a limit that is an instant is due now; one that was missed stays missed."""
    if window.due_at <= pivot and not since > window.due_at:
        return window.due_at
    return due_at(window.limit, since, new)


def _moved(
    mark: MarkAt,
    basis: DueWindow,
    rule: Window,
    due: datetime,
    tps: tuple[Timepieces, Timepieces],
    stretch: tuple[datetime, datetime],
) -> MarkAt:
    """Where a mark falls now; one that fell before the pivot stays where it fell."""
    (old, new), (pivot, at) = tps, stretch
    if mark.at <= pivot:
        return mark
    if mark.mark in _ON_THE_DATE:
        return _at(mark, due)
    if mark.mark in (Mark.WARNING, Mark.REMINDER):
        return _at(mark, _early(mark, basis, rule, due, new, at))
    # Higher rungs keep their distance in working time from the breach, or from where it stopped.
    if pivot < basis.due_at:
        return _at(mark, new.company.add(due, old.company.between(basis.due_at, mark.at)))
    return _at(mark, new.company.add(at, old.company.between(pivot, mark.at)))


def _early(
    mark: MarkAt, basis: DueWindow, rule: Window, due: datetime, new: Timepieces, at: datetime
) -> datetime:
    """Where a warning or a reminder falls once the window goes on at `at`."""
    if basis.limit.is_counted and (mark.percent is not None or rule.warn_before is None):
        at_used = warning_used(rule) if mark.percent is None else share_used(rule, mark.percent)
        left = max(Fraction(0), at_used - basis.used)
        return advanced(basis.limit.clock, at, left, new)
    since = basis.counted_since
    if mark.percent is None:
        return max(at, warning_at(new, rule, since, due))
    return max(at, new.company.add(since, share(new.company.between(since, due), mark.percent)))


_ON_THE_DATE = (Mark.BREACH, Mark.DUE_DATE)


def _at(mark: MarkAt, at: datetime) -> MarkAt:
    """The mark at another instant."""
    return mark.model_copy(update={"at": at})
