"""Why a due instant is what it is, in sentences: start, used, pauses, remaining, calendar, rule."""

from datetime import datetime, timedelta
from fractions import Fraction

from domain.limits import Clock
from domain.windows import DueWindow
from policy.instants import Timepieces, total
from policy.window_life import used

_IN_DAYS = (Clock.WORKING_DAYS, Clock.BANK_DAYS)
_TIMES = {1: "once", 2: "twice"}


def explain(window: DueWindow) -> str:
    """The window as it stood when it was last computed; needs no calendar and no present."""
    return " ".join([_beginning(window), *_used_before(window), _end(window)])


def explain_at(window: DueWindow, tp: Timepieces, at: datetime, *, ended: bool = False) -> str:
    """The window as it stands at `at`: what is used by then and what remains.

    One that has ended is told in the past, as of its end.
    """
    over = ended or (window.paused_at is None and at > window.due_at)
    return " ".join([_beginning(window), *_used_until(window, tp, at), _end(window, over=over)])


def remaining(window: DueWindow, tp: Timepieces, at: datetime) -> Fraction | None:
    """What is left of a counted limit at `at`, negative when late; none for an instant."""
    if not window.limit.is_counted:
        return None
    return total(window.limit) - used(window, tp, at)


def amount_words(clock: Clock, amount: Fraction) -> str:
    """A length in a clock's own unit: `1 h 15 min of working time`, `1.25 working days`."""
    kind = {
        Clock.WORKING_TIME: "of working time",
        Clock.ELAPSED: "of elapsed time",
        Clock.WORKING_DAYS: "working days",
        Clock.BANK_DAYS: "bank days",
    }[clock]
    if clock in _IN_DAYS:
        number = f"{float(amount):.2f}".rstrip("0").rstrip(".")
        return f"{number} {kind.removesuffix('s') if number == '1' else kind}"
    return f"{_length(int(amount))} {kind}"


def _beginning(window: DueWindow) -> str:
    limit = window.limit
    bound = f"for {limit.words}" if limit.is_counted else f"until {limit.words}"
    began = f"{window.rule} runs from {_said(window.started_at)} {bound}."
    if window.reset_at is None:
        return began
    return f"{began} It was reset at {_said(window.reset_at)} and has its whole limit since then."


def _used_before(window: DueWindow) -> list[str]:
    said = _pauses(window)
    if window.used:
        spent = amount_words(window.limit.clock, window.used)
        said.append(f"By {_said(window.paused_at or window.counted_since)} it had used {spent}.")
    return said


def _used_until(window: DueWindow, tp: Timepieces, at: datetime) -> list[str]:
    said = _pauses(window)
    left = remaining(window, tp, at)
    if left is not None:
        clock = window.limit.clock
        rest = f"{_rest(clock, left)} left" if left >= 0 else f"{_rest(clock, -left)} too much"
        spent = amount_words(clock, total(window.limit) - left)
        said.append(f"By {_said(at.astimezone(window.due_at.tzinfo))} it has used {spent}: {rest}.")
    return said


def _rest(clock: Clock, amount: Fraction) -> str:
    """The same unit has just been named."""
    return amount_words(clock, amount) if clock in _IN_DAYS else _length(int(amount))


def _pauses(window: DueWindow) -> list[str]:
    said: list[str] = []
    past = window.pause_count - (window.paused_at is not None)
    if past:
        often = _TIMES.get(past, f"{past} times")
        said.append(f"It was paused {often}, {_length(window.paused_seconds)} in all.")
    if window.paused_at is not None:
        why = " and ".join(reason.words for reason in window.paused_for)
        said.append(f"It is paused since {_said(window.paused_at)}: it {why}.")
    return said


def _end(window: DueWindow, *, over: bool = False) -> str:
    if window.provisional:
        holidays = "the holidays of that year are not announced yet, so this is provisional"
    else:
        holidays = "its holidays are announced"
    if window.paused_at is not None and window.limit.is_counted and not over:
        due = "it has no due instant until it goes on"
    else:
        due = f"it {'was' if over else 'is'} due on {_said(window.due_at)}"
    return f"So {due}, by calendar {window.calendar} ({holidays})."


def _length(seconds: int) -> str:
    """`3 d 4 h`, `1 h 15 min`, `20 s`: the two largest units."""
    rest = timedelta(seconds=abs(seconds))
    hours, minutes = divmod(rest.seconds // 60, 60)
    parts = [(rest.days, "d"), (hours, "h"), (minutes, "min"), (rest.seconds % 60, "s")]
    return " ".join([f"{count} {unit}" for count, unit in parts if count][:3]) or "0 min"


def _said(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="minutes" if not at.second else "seconds")
