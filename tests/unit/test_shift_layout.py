"""The layout of shifts: each end is the instant that the zone itself says, in every zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.shift_layout import ShiftLayout, lay_out
from domain.shifts import Shift

YEARS = range(2023, 2026)
AROUND_THE_CLOCK = (
    Shift(time(0), time(8)),
    Shift(time(8, 30), time(12)),
    Shift(time(13), time(22)),
    Shift(time(22), time.min),
)
AT_NIGHT = (Shift(time(1, 30), time(2, 30)), Shift(time(21, 45), time(1, 15)))
EVERY_DAY = [date(2023, 1, 1) + timedelta(days=days) for days in range(3 * 365 + 1)]
ZONES = [
    "Asia/Shanghai",
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",  # skips and repeats midnight
    "Asia/Beirut",
    "Africa/Casablanca",  # changes its clocks for a month
    "Australia/Lord_Howe",  # by half an hour
    "Asia/Kathmandu",
    "Pacific/Chatham",
]


def asked(zone: ZoneInfo, shifts: tuple[Shift, ...]) -> list[tuple[datetime, datetime]]:
    """Each shift in UTC, the zone asked for both its ends."""
    found: list[tuple[datetime, datetime]] = []
    for day in EVERY_DAY:
        for shift in shifts:
            start, end = (at.replace(tzinfo=zone).astimezone(UTC) for at in shift.on(day))
            start = max([start, *(closed for _, closed in found[-1:])])
            if start < end:
                found.append((start, end))
    return found


def laid_out(zone: ZoneInfo, shifts: tuple[Shift, ...]) -> ShiftLayout:
    return lay_out("tried", zone, ((day, shifts) for day in EVERY_DAY), YEARS)


@pytest.mark.parametrize("shifts", [AROUND_THE_CLOCK, AT_NIGHT], ids=["all day", "at night"])
@pytest.mark.parametrize("name", ZONES)
def test_shifts_open_and_close_when_the_zone_says(name: str, shifts: tuple[Shift, ...]) -> None:
    zone = ZoneInfo(name)
    layout = laid_out(zone, shifts)

    assert list(zip(layout.opens, layout.closes, strict=True)) == asked(zone, shifts)


@pytest.mark.parametrize("shifts", [AROUND_THE_CLOCK, AT_NIGHT], ids=["all day", "at night"])
@pytest.mark.parametrize("name", ZONES)
def test_local_time_counts_on_within_a_shift_that_has_a_local_opening(
    name: str, shifts: tuple[Shift, ...]
) -> None:
    zone = ZoneInfo(name)
    layout = laid_out(zone, shifts)
    steady = 0

    for opens, closes, local in zip(layout.opens, layout.closes, layout.local_opens, strict=True):
        if local is None:
            continue
        steady += 1
        assert local.astimezone(UTC) == opens
        for at in (opens, opens + (closes - opens) / 2, closes):
            counted, told = local + (at - opens), at.astimezone(zone)
            assert (counted, counted.utcoffset()) == (told, told.utcoffset())

    assert steady > len(layout.opens) * 0.98
