"""Working time by hand-made calendars, and by a reference that counts minute by minute."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.calendars import CalendarSpec
from domain.errors import CalendarError
from domain.shifts import Shift
from domain.worktime import WorkCalendar

OFFICE = (("08:30", "12:00"), ("13:30", "18:00"))
SHANGHAI = ZoneInfo("Asia/Shanghai")
HOLIDAY, MAKEUP_SATURDAY = date(2026, 10, 1), date(2026, 10, 10)


def spec(**fields: object) -> CalendarSpec:
    """A calendar of 2026 in Shanghai."""
    usual = {
        "id": "office",
        "title": "Office",
        "title_zh": "办公室",
        "zone": "Asia/Shanghai",
        "first_year": 2026,
        "last_year": 2026,
    }
    return CalendarSpec.model_validate(usual | fields)


@cache
def office(
    *shifts: tuple[str, str],
    zone: str = "Asia/Shanghai",
    provisional_years: frozenset[int] = frozenset(),
) -> WorkCalendar:
    """Monday to Friday of 2026 with one holiday and one make-up Saturday in October."""
    weekdays = ("mon", "tue", "wed", "thu", "fri")
    return spec(
        zone=zone,
        week=dict.fromkeys(weekdays, shifts or OFFICE),
        holidays=[HOLIDAY],
        makeup_days=[MAKEUP_SATURDAY],
        provisional_years=sorted(provisional_years),
    ).built(version=1)


def at(text: str, zone: str = "Asia/Shanghai") -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("start", "length", "due"),
    [
        ("11-20 10:00", 3600, "11-20 11:00"),
        ("11-20 10:00", 2 * 3600, "11-20 12:00"),
        ("11-20 10:00", 2 * 3600 + 1, "11-20 13:30:01"),
        ("11-20 12:30", 60, "11-20 13:31"),
        ("11-20 17:59:59", 1, "11-20 18:00"),
        ("11-20 18:00", 1, "11-23 08:30:01"),
        ("09-30 17:00", 7200, "10-02 09:30"),
        ("10-09 17:00", 7200, "10-10 09:30"),
    ],
)
def test_working_time_is_added_to_the_second(start: str, length: int, due: str) -> None:
    assert office().add(at(start), length) == at(due)


def test_a_length_is_seconds_or_a_timedelta() -> None:
    start = at("11-20 10:00")

    assert office().add(start, 90) == office().add(start, timedelta(seconds=90))


def test_a_fraction_of_a_second_is_neither_lost_nor_rounded() -> None:
    assert office().add(at("11-20 17:59:59.250001"), 1) == at("11-23 08:30:00.250001")


def test_adding_nothing_leaves_a_closing_time_where_it_stands() -> None:
    assert office().add(at("11-20 18:00"), 0) == at("11-20 18:00")
    assert office().add(at("11-21 10:00"), 0) == at("11-23 08:30")
    assert office().add_days(at("11-21 10:00"), 0) == at("11-23 08:30")


def test_answers_are_in_the_zone_of_the_calendar() -> None:
    due = office().add(datetime(2026, 11, 20, 2, 0, tzinfo=UTC), 3600)

    assert due.isoformat() == "2026-11-20T11:00:00+08:00"


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("11-20 10:00", 1, "11-23 10:00"),
        ("11-23 08:30", 1, "11-23 18:00"),
        ("11-20 18:00", 1, "11-23 18:00"),
        ("11-21 10:00", 2, "11-24 18:00"),
        ("11-20 12:30", 1, "11-23 12:00"),
        ("09-30 10:00", 1, "10-02 10:00"),
        ("10-09 10:00", 1, "10-10 10:00"),
    ],
)
def test_a_working_day_is_counted_from_the_start_moment(start: str, days: int, due: str) -> None:
    assert office().add_days(at(start), days) == at(due)


def test_a_working_day_keeps_its_fraction_where_days_differ_in_length() -> None:
    week = {"mon": [("08:00", "16:00")], "tue": [("08:00", "12:00")]}
    mixed = spec(week=week).built(version=1)

    due = mixed.add_days(at("11-23 10:00"), 1)

    assert due == at("11-24 09:00"), "a quarter of Monday's 8 h is a quarter of Tuesday's 4 h"


@pytest.mark.parametrize(
    ("end", "length", "start"),
    [
        ("11-23 09:30", 7200, "11-20 17:00"),
        ("11-23 09:30", 3600, "11-23 08:30"),
        ("11-22 12:00", 3600, "11-20 17:00"),
    ],
)
def test_subtracting_finds_the_latest_start(end: str, length: int, start: str) -> None:
    assert office().subtract(at(end), length) == at(start)


def test_subtracting_working_days_mirrors_adding_them() -> None:
    assert office().subtract_days(at("11-23 10:00"), 1) == at("11-20 10:00")
    assert office().subtract_days(at("11-23 18:00"), 1) == at("11-23 08:30")
    assert office().subtract_days(at("11-22 12:00"), 3) == at("11-18 08:30")


@pytest.mark.parametrize(
    ("moment", "closing"),
    [
        ("11-20 07:00", "11-20 18:00"),
        ("11-20 09:00", "11-20 18:00"),
        ("11-20 12:30", "11-20 18:00"),
        ("11-20 18:00", "11-23 18:00"),
        ("11-21 09:00", "11-23 18:00"),
    ],
)
def test_closing_is_the_end_of_the_last_shift_of_the_day(moment: str, closing: str) -> None:
    assert office().closing(at(moment)) == at(closing)


def test_a_shift_is_open_from_its_first_second_until_before_its_last() -> None:
    calendar = office()

    assert calendar.is_open(at("11-20 08:30"))
    assert calendar.is_open(at("11-20 11:59:59"))
    assert not calendar.is_open(at("11-20 12:00"))
    assert not calendar.is_open(at("10-01 10:00"))
    assert calendar.next_opening(at("11-20 12:00")) == at("11-20 13:30")
    assert calendar.next_opening(at("11-20 09:15")) == at("11-20 09:15")


def test_a_night_shift_belongs_to_the_day_on_which_it_begins() -> None:
    night = office(("22:00", "06:00"))

    assert night.add(at("11-20 23:00"), timedelta(hours=7)) == at("11-21 06:00")
    assert night.closing(at("11-21 01:00")) == at("11-21 06:00")
    assert night.add_days(at("11-20 23:00"), 1) == at("11-23 23:00")
    assert not night.is_open(at("11-22 23:00"))


def test_midnight_can_be_written_as_the_end_of_a_day() -> None:
    late = office(("16:00", "24:00"))

    assert late.add(at("11-20 16:00"), timedelta(hours=8)) == at("11-21 00:00")


def test_a_night_on_which_clocks_change_is_as_long_as_it_is() -> None:
    berlin = spec(zone="Europe/Berlin", week={"sat": [("22:00", "06:00")]}).built(version=1)

    spring = berlin.between(at("03-28 12:00", "Europe/Berlin"), at("03-29 12:00", "Europe/Berlin"))
    autumn = berlin.between(at("10-24 12:00", "Europe/Berlin"), at("10-25 12:00", "Europe/Berlin"))

    assert (spring, autumn) == (timedelta(hours=7), timedelta(hours=9))


def test_other_shifts_keep_the_working_days() -> None:
    line = office().with_shifts("line", (Shift.parse(("06:00", "14:00")),))

    assert line.label == "line@1"
    assert line.dates == office().dates
    assert line.add(at("09-30 13:00"), 7200) == at("10-02 07:00")


def test_a_year_with_estimated_holidays_says_so() -> None:
    calendar = office(provisional_years=frozenset({2026}))

    assert calendar.is_provisional(at("11-20 10:00"))
    assert not office().is_provisional(at("11-20 10:00"))


@pytest.mark.parametrize("moment", ["2025-12-31T23:59:59+08:00", "2027-01-01T00:00:00+08:00"])
def test_an_instant_outside_the_span_is_refused(moment: str) -> None:
    with pytest.raises(CalendarError, match="knows 2026 to 2026"):
        office().is_open(datetime.fromisoformat(moment))


@pytest.mark.parametrize(
    ("method", "moment", "length"),
    [
        ("add", "12-31 17:00", (3601,)),
        ("add_days", "12-31 17:00", (1,)),
        ("next_opening", "12-31 18:00", ()),
        ("closing", "12-31 18:00", ()),
        ("subtract", "01-01 09:00", (3600,)),
        ("subtract_days", "01-01 09:00", (1,)),
    ],
)
def test_an_answer_outside_the_span_is_refused(
    method: str, moment: str, length: tuple[int, ...]
) -> None:
    with pytest.raises(CalendarError, match="knows 2026 to 2026"):
        getattr(office(), method)(at(moment), *length)


def test_the_last_second_of_the_span_can_be_due() -> None:
    assert office().add(at("12-31 17:00"), 3600) == at("12-31 18:00")


def test_an_instant_without_a_zone_is_refused() -> None:
    naive = datetime.fromisoformat("2026-11-20T10:00:00")

    with pytest.raises(CalendarError, match="has no zone"):
        office().add(naive, 60)


def test_a_negative_length_is_refused() -> None:
    for ask in (office().add, office().subtract, office().add_days, office().subtract_days):
        with pytest.raises(CalendarError, match="negative"):
            ask(at("11-20 10:00"), -1)


@pytest.mark.parametrize(
    ("shifts", "complaint"),
    [
        ((("08:30", "08:30"),), "empty"),
        ((("08:30", "12:00"), ("11:59", "18:00")), "overlaps"),
        ((("22:00", "09:00"), ("08:30", "12:00")), "overlaps"),
        ((("8.30", "12:00"),), "write times"),
        ((("08:30", "25:00"),), "write times"),
        ((("08:30+08:00", "12:00"),), "own zone"),
    ],
)
def test_shifts_that_cannot_be_worked_are_refused(
    shifts: tuple[tuple[str, str], ...], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        office(*shifts)


def test_a_calendar_without_working_time_is_refused() -> None:
    with pytest.raises(CalendarError, match="no working time"):
        office().with_shifts("idle", ())


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="no time zone"):
        office(zone="Asia/Nowhere")


# The reference: October 2026, minute by minute, by nothing but the clock on the wall.

FIRST = datetime(2026, 9, 25, tzinfo=SHANGHAI)
MINUTES = 30 * 24 * 60
MINUTE = timedelta(minutes=1)


def _works(moment: datetime) -> bool:
    day = moment.date()
    on_duty = day == MAKEUP_SATURDAY or (day.weekday() < 5 and day != HOLIDAY)
    wall = f"{moment:%H:%M}"
    return on_duty and any(opens <= wall < closes for opens, closes in OFFICE)


WORKED = [_works(FIRST + index * MINUTE) for index in range(MINUTES)]

# A busy machine is no counterexample.
steady = settings(deadline=None)
starts = st.integers(0, MINUTES // 2)
lengths = st.integers(1, 3 * 480)


def _counted(start: int, minutes: int) -> datetime:
    index = start
    while minutes:
        minutes -= WORKED[index]
        index += 1
    return FIRST + index * MINUTE


@steady
@given(start=starts, minutes=lengths)
def test_adding_agrees_with_counting_minutes(start: int, minutes: int) -> None:
    due = office().add(FIRST + start * MINUTE, minutes * MINUTE)

    assert due == _counted(start, minutes)


@steady
@given(start=starts, end=starts)
def test_between_agrees_with_counting_minutes(start: int, end: int) -> None:
    worked = office().between(FIRST + start * MINUTE, FIRST + end * MINUTE)

    sign = 1 if start <= end else -1
    assert worked == sign * sum(WORKED[min(start, end) : max(start, end)]) * MINUTE


@steady
@given(start=starts, days=st.integers(1, 8))
def test_a_working_day_equals_eight_hours_where_all_days_have_eight(start: int, days: int) -> None:
    moment, calendar = FIRST + start * MINUTE, office()

    assert calendar.add_days(moment, days) == calendar.add(moment, days * 8 * 3600)
    assert calendar.subtract_days(moment, days) == calendar.subtract(moment, days * 8 * 3600)


seconds = st.integers(0, 40 * 86_400)


@steady
@given(start=seconds, length=st.integers(0, 200_000))
def test_between_undoes_add_and_subtract(start: int, length: int) -> None:
    moment, calendar = FIRST + timedelta(seconds=start), office()
    whole = timedelta(seconds=length)

    assert calendar.between(moment, calendar.add(moment, length)) == whole
    assert calendar.between(calendar.subtract(moment, length), moment) == whole


@steady
@given(start=seconds, a=st.integers(1, 100_000), b=st.integers(0, 100_000))
def test_two_sums_in_a_row_equal_one(start: int, a: int, b: int) -> None:
    moment, calendar = FIRST + timedelta(seconds=start), office()

    assert calendar.add(calendar.add(moment, a), b) == calendar.add(moment, a + b)


@steady
@given(first=seconds, second=seconds, a=st.integers(0, 100_000), b=st.integers(0, 100_000))
def test_later_starts_and_longer_lengths_are_never_due_earlier(
    first: int, second: int, a: int, b: int
) -> None:
    calendar = office()
    early, late = (FIRST + timedelta(seconds=s) for s in sorted((first, second)))
    short, long = sorted((a, b))

    assert calendar.add(early, short) <= calendar.add(late, short)
    assert calendar.add(early, short) <= calendar.add(early, long)
    assert calendar.subtract(early, short) >= calendar.subtract(early, long)
