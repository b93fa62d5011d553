"""Quiet hours: when no notice goes out. They hold no window, no mark and no order."""

import re
from datetime import datetime, timedelta, tzinfo
from typing import Annotated

from pydantic import AfterValidator

from domain.shifts import Shift

_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")


def _are_quiet_hours(pair: tuple[str, str]) -> tuple[str, str]:
    for text in pair:
        if not _TIME.fullmatch(text):
            raise ValueError(f'{text!r} is no time of day; write two such as ["21:00", "07:30"]')
    if pair[0] == pair[1]:
        raise ValueError(
            f"quiet from {pair[0]} to {pair[1]} would be always or never; "
            'write two different times such as ["21:00", "07:30"]'
        )
    return pair


QuietHours = Annotated[tuple[str, str], AfterValidator(_are_quiet_hours)]
"""Local beginning and end, `["21:00", "07:30"]`; they may pass midnight."""


def quiet_for(hours: QuietHours, zone: tzinfo, at: datetime) -> timedelta | None:
    """How long after `at` the quiet hours end; none when `at` lies outside them."""
    night = Shift.parse(hours)
    local = at.astimezone(zone)
    for day in (local.date() - timedelta(days=1), local.date()):
        begins, ends = (instant.replace(tzinfo=zone) for instant in night.on(day))
        if begins <= local < ends:
            return ends.astimezone(at.tzinfo) - at
    return None
