"""100,000 random sums against a book of all minutes, over holidays, nights and clock changes."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction

import chinese_calendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.calendars import CalendarSpec
from domain.worktime import WorkCalendar
from policy.calendars import calendar, shipped
from tests.unit.minute_book import MinuteBook, Span

CASES = 25_000  # for each of four calendars
DAY = (time(8, 30), time(12)), (time(13, 30), time(18))
LINE = (time(8), time(12)), (time(12, 30), time(16, 30)), (time(20), time(4))
NIGHT = (time(22), time(6)), (time(9, 15), time(11, 45))


def abroad(zone: str) -> WorkCalendar:
    """Nights and mornings of six days a week in a zone whose clocks change."""
    shifts = [["22:00", "06:00"], ["09:15", "11:45"]]
    days = ("mon", "tue", "wed", "fri", "sat", "sun")
    spec = {"id": "abroad", "title": "Abroad", "title_zh": "境外", "zone": zone}
    years = {"first_year": 2024, "last_year": 2028}
    return CalendarSpec.model_validate(spec | years | {"week": dict.fromkeys(days, shifts)}).built(
        1
    )


def is_no_thursday(day: date) -> bool:
    return day.weekday() != 3


def is_workday(day: date) -> bool:
    return bool(chinese_calendar.is_workday(min(day, date(2026, 12, 31))))


@pytest.mark.parametrize(
    ("counted", "zone", "shifts", "works"),
    [
        (lambda: calendar("cn"), "Asia/Shanghai", DAY, is_workday),
        (lambda: calendar("line-el"), "Asia/Shanghai", LINE, is_workday),
        (lambda: abroad("Europe/Berlin"), "Europe/Berlin", NIGHT, is_no_thursday),
        (lambda: abroad("America/New_York"), "America/New_York", NIGHT, is_no_thursday),
    ],
    ids=["cn", "line-el", "Berlin", "New York"],
)
def test_random_sums_agree_with_counting_minutes(
    counted: Callable[[], WorkCalendar],
    zone: str,
    shifts: tuple[Span, ...],
    works: Callable[[date], bool],
) -> None:
    days, book = counted(), MinuteBook.written(2026, 1, zone, shifts, works)
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    whole = book.before[-1] * 60
    for _ in range(CASES):
        at, until = (dice.randrange(20, 340) * 86_400 + dice.randrange(86_400) for _ in range(2))
        if dice.random() < 0.3:  # on the minute, where shifts begin and end
            at -= at % 900
        start, done = book.instant(at), book.seconds(at)
        # Short lengths meet the edges of shifts, long ones meet everything else.
        longest = dice.choice((3_600, 86_400, whole))
        forward, back = (
            dice.randint(1, max(1, min(longest, room))) for room in (whole - done, done)
        )

        # In UTC: in a repeated hour, Python calls equal instants of two zones different.
        case = f"seed {seed}: {start.isoformat()} + {forward} s, - {back} s"
        assert days.add(start, forward).astimezone(UTC) == book.instant(book.add(at, forward)), case
        assert days.subtract(start, back).astimezone(UTC) == book.instant(
            book.subtract(at, back)
        ), case
        assert days.is_open(start) == book.is_open(at), case
        assert days.next_opening(start).astimezone(UTC) == book.instant(book.opening(at)), case
        worked = timedelta(seconds=book.seconds(until) - done)
        assert days.between(start, book.instant(until)) == worked, case


# Days of different lengths, a night shift, and clocks that change.
MIXED = CalendarSpec.model_validate(
    shipped("cn").model_dump()
    | {
        "zone": "Europe/Berlin",
        "week": {
            "mon": [["08:00", "16:00"]],
            "tue": [["08:00", "12:00"]],
            "wed": [["09:00", "12:20"], ["13:00", "17:00"]],
            "sat": [["22:00", "06:00"]],
        },
    }
).built(1)
BEGIN = datetime(2026, 1, 5, tzinfo=MIXED.zone)
steady = settings(deadline=None)  # a busy machine is no counterexample
moments = st.integers(0, 300 * 86_400_000_000).map(lambda us: BEGIN + timedelta(microseconds=us))
shares = st.fractions(min_value=Fraction(1, 1000), max_value=40, max_denominator=1000)


@steady
@given(a=moments, later=moments)
def test_the_days_between_two_instants_lead_to_the_later_one(a: datetime, later: datetime) -> None:
    b = MIXED.add(later, timedelta(microseconds=1))

    if MIXED.days_between(a, b) > 0:
        assert MIXED.add_days(a, MIXED.days_between(a, b)) == b


@steady
@given(b=moments, earlier=moments)
def test_the_days_between_two_instants_lead_back_to_the_earlier_one(
    b: datetime, earlier: datetime
) -> None:
    a = MIXED.next_opening(earlier)

    if MIXED.days_between(a, b) > 0:
        assert MIXED.subtract_days(b, MIXED.days_between(a, b)) == a


@steady
@given(start=moments, days=shares)
def test_days_that_were_added_lie_between_to_the_microsecond(
    start: datetime, days: Fraction
) -> None:
    due = MIXED.add_days(start, days)

    # The shortest day has four hours, in which half a microsecond is this share.
    assert abs(MIXED.days_between(start, due) - days) <= Fraction(1, 2 * 4 * 3600 * 1_000_000)


@steady
@given(first=moments, second=moments, short=shares, long=shares)
def test_later_starts_and_more_days_are_never_due_earlier(
    first: datetime, second: datetime, short: Fraction, long: Fraction
) -> None:
    early, late = sorted((first, second))
    short, long = sorted((short, long))

    assert MIXED.add_days(early, short) <= MIXED.add_days(late, short)
    assert MIXED.add_days(early, short) <= MIXED.add_days(early, long)
    assert MIXED.subtract_days(late, long) <= MIXED.subtract_days(late, short)


@steady
@given(a=moments, b=moments, c=moments)
def test_stretches_of_days_add_up(a: datetime, b: datetime, c: datetime) -> None:
    assert MIXED.days_between(a, b) + MIXED.days_between(b, c) == MIXED.days_between(a, c)


def test_a_due_instant_in_the_repeated_hour_names_which_of_the_two() -> None:
    night = abroad("Europe/Berlin")
    start = datetime(2026, 10, 24, 22, tzinfo=night.zone)

    first, second = (night.add(start, timedelta(hours=hours)) for hours in (4.5, 5.5))

    assert (first.isoformat(), second.isoformat()) == (
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:30:00+01:00",
    )


@pytest.mark.parametrize(
    ("day", "on_or_after", "on_or_before"),
    [
        (date(2026, 10, 1), date(2026, 10, 8), date(2026, 9, 30)),
        (date(2026, 10, 10), date(2026, 10, 10), date(2026, 10, 10)),
        (date(2026, 11, 22), date(2026, 11, 23), date(2026, 11, 20)),
    ],
)
def test_a_free_day_gives_way_to_the_working_days_around_it(
    day: date, on_or_after: date, on_or_before: date
) -> None:
    cn = calendar("cn")

    assert cn.working_day_from(day) == on_or_after
    assert cn.working_day_until(day) == on_or_before
    assert cn.day_opening(on_or_after).isoformat() == f"{on_or_after}T08:30:00+08:00"
    assert cn.day_closing(on_or_before).isoformat() == f"{on_or_before}T18:00:00+08:00"
