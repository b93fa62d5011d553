"""Working time counted minute by minute, with another library's holidays: slow and obvious."""

from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import chinese_calendar
import holidays

SHANGHAI = ZoneInfo("Asia/Shanghai")
SATURDAY = 5
GUESSED = holidays.country_holidays("CN")
SHIFTS = ((time(8, 30), time(12)), (time(13, 30), time(18)))


def is_open(at: datetime) -> bool:
    """True when the factory works in the minute that begins at `at`."""
    local = at.astimezone(SHANGHAI)
    if not is_workday(local.date()):
        return False
    return any(begin <= local.time() < end for begin, end in SHIFTS)


@cache
def is_workday(day: date) -> bool:
    """Announced years by a library of its own; later ones are guessed, as the product does."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < SATURDAY and day not in GUESSED


def add_minutes(start: datetime, minutes: int) -> datetime:
    """The instant after `minutes` of working time; seconds of the start are kept."""
    at = start.astimezone(SHANGHAI)
    if not is_open(at):
        at = at.replace(second=0, microsecond=0)
        while not is_open(at):
            at += timedelta(minutes=1)
    while minutes:
        at += timedelta(minutes=1)
        if is_open(at - timedelta(minutes=1)):
            minutes -= 1
    return _carried_over(at)


def _carried_over(at: datetime) -> datetime:
    """Seconds that spill over a shift's end belong to the next opening."""
    spill = timedelta(seconds=at.second, microseconds=at.microsecond)
    if not spill or is_open(at):
        return at
    at -= spill
    while not is_open(at):
        at += timedelta(minutes=1)
    return at + spill
