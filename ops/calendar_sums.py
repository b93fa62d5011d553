"""`dueline calendar due|between|subtract|open`: count working time the way the windows do.

Without a server, and so by the calendars that are shipped.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated

from cyclopts import App, Parameter

from domain.clocks import Clock
from domain.errors import DuelineError
from domain.limits import Limit
from domain.worktime import WorkCalendar
from policy.calendars import calendar as shipped_calendar
from policy.instants import Timepieces, due_at, elapsed, total

BANK = "bank-cn"
NOT_ANNOUNCED = "its holidays are not announced yet"

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]
From = Annotated[str, Parameter(name="--from", help="An instant with its offset.")]
To = Annotated[str, Parameter(name="--to", help="An instant with its offset.")]
At = Annotated[str, Parameter(name="--at", help="An instant with its offset.")]
Work = Annotated[str, Parameter(help="30m or 4h of working time, 2wd, 2bd, 24h/CT.")]
Calendar = Annotated[str, Parameter(help="The calendar's name.")]


def register(app: App) -> None:
    """Adds the sums to the tree."""
    app.command(due)
    app.command(between)
    app.command(subtract)
    app.command(open_, name="open")


def due(*, from_: From, work: Work, calendar: Calendar = "cn", as_json: AsJson = False) -> None:
    """When something is due that starts at an instant and may take so long.

    Besides lengths it takes `same_day`, `before 09:30`, `month_end` and the like.

    Examples

        dueline calendar due --from 2026-09-30T17:00+08:00 --work 4h
        dueline calendar due --from 2026-09-30T17:00+08:00 --work 2bd --json
    """
    with _complaints():
        start, limit, tp = _instant(from_), _limit(work), _timepieces(calendar)
        end = due_at(limit, start, tp)
    days = tp.counting(limit.clock)
    facts = {"from": start.isoformat(), "work": str(limit), "due": end.isoformat()}
    _say(days, facts, end, f"{end.isoformat()}  ({limit.words}", as_json, closing=")")


def subtract(*, to: To, work: Work, calendar: Calendar = "cn", as_json: AsJson = False) -> None:
    """When work has to begin at the latest so that it is done by an instant.

    Example: `dueline calendar subtract --to 2026-10-08T11:30+08:00 --work 4h`
    """
    with _complaints():
        end, limit, tp = _instant(to), _limit(work), _timepieces(calendar)
        if not limit.is_counted:
            raise ValueError(f"{work!r} is no length; write 4h, 2wd, 2bd or 24h/CT")
        days, amount = tp.counting(limit.clock), total(limit)
        match limit.clock:
            case Clock.ELAPSED:
                start = elapsed(days.local(end), -timedelta(seconds=float(amount)))
            case Clock.WORKING_TIME:
                start = days.subtract(end, timedelta(seconds=float(amount)))
            case _:
                start = days.subtract_days(end, amount)
    facts = {"to": end.isoformat(), "work": str(limit), "start": start.isoformat()}
    _say(days, facts, start, f"{start.isoformat()}  ({limit.words} before", as_json, closing=")")


def between(*, from_: From, to: To, calendar: Calendar = "cn", as_json: AsJson = False) -> None:
    """How much working time lies between two instants.

    Example: `dueline calendar between --from 2026-09-30T17:00+08:00 --to 2026-10-08T11:30+08:00`
    """
    with _complaints():
        days, start, end = shipped_calendar(calendar), _instant(from_), _instant(to)
        worked = days.between(start, end)
    seconds = int(worked.total_seconds())
    facts = {"from": start.isoformat(), "to": end.isoformat(), "working_seconds": seconds}
    _say(days, facts, end, f"{_length(worked)} of working time", as_json)


def open_(*, at: At, calendar: Calendar = "cn", as_json: AsJson = False) -> None:
    """Whether an instant is working time, and when the next shift begins if it is not.

    Example: `dueline calendar open --at 2026-10-01T10:00+08:00`
    """
    with _complaints():
        days, moment = shipped_calendar(calendar), _instant(at)
        opening = days.next_opening(moment)
        is_open = days.is_open(moment)
    facts = {"at": moment.isoformat(), "open": is_open, "next_opening": opening.isoformat()}
    said = "open" if is_open else f"closed until {opening.isoformat()}"
    _say(days, facts, opening, said, as_json)


def _say(
    days: WorkCalendar,
    facts: Mapping[str, object],
    at: datetime,
    said: str,
    as_json: bool,
    *,
    closing: str = "",
) -> None:
    provisional = days.is_provisional(at)
    if as_json:
        whole = {"calendar": days.label, **facts, "provisional": provisional}
        print(json.dumps(whole, ensure_ascii=False, indent=2))
        return
    note = f"; {NOT_ANNOUNCED}" if provisional else ""
    print(f"{said} by {days.label}{note}{closing}")


def _timepieces(name: str) -> Timepieces:
    days = shipped_calendar(name)
    bank = days if name == BANK else shipped_calendar(BANK)
    return Timepieces(company=days, bank=bank, dates={})


def _limit(text: str) -> Limit:
    limit = Limit.parse(text)
    if limit.hangs_on_a_date:
        raise ValueError(f"{text!r} is an order's own date; write 4h, 2wd, 24h/CT or same_day")
    return limit


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no instant; write 2026-09-30T17:00+08:00") from error
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; write {text}+08:00 or whatever it is there")
    return instant


def _length(length: timedelta) -> str:
    minutes, seconds = divmod(abs(int(length.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (seconds, "s")]
    text = " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 min"
    return f"-({text})" if length < timedelta(0) else text


@contextmanager
def _complaints() -> Iterator[None]:
    """What cannot be counted becomes one sentence and exit code 1."""
    try:
        yield
    except (DuelineError, ValueError) as error:
        print(error, file=sys.stderr)
        sys.exit(1)
