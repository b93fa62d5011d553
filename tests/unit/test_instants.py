"""When a limit is over, at the places where days, shifts, months and clocks change."""

from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.calendars import CalendarSpec
from domain.clocks import Clock
from domain.errors import CalendarError, DateMissing
from domain.limits import Limit
from domain.worktime import WorkCalendar
from policy.calendars import calendar
from policy.instants import (
    Timepieces,
    advanced,
    due_at,
    expected_at,
    expected_total,
    measured,
    total,
)

CN, BANK = calendar("cn"), calendar("bank-cn")
TUESDAY = "2026-09-22 10:00"
COUNTED = (Clock.WORKING_TIME, Clock.ELAPSED, Clock.WORKING_DAYS, Clock.BANK_DAYS)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


def timepieces(company: WorkCalendar = CN, **dates: str) -> Timepieces:
    return Timepieces(company, BANK, {name: at(text) for name, text in dates.items()})


def due(limit: str, start: str, tp: Timepieces | None = None) -> str:
    return f"{due_at(Limit.parse(limit), at(start), tp or timepieces()):%Y-%m-%d %H:%M}"


def factory(*shifts: tuple[str, str], zone: str = "Asia/Shanghai") -> WorkCalendar:
    """Works Monday to Friday of 2026 without a holiday."""
    spec = {
        "id": "factory",
        "title": "Factory",
        "title_zh": "工厂",
        "zone": zone,
        "first_year": 2026,
        "last_year": 2026,
        "week": dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), shifts),
    }
    return CalendarSpec.model_validate(spec).built(version=1)


@pytest.mark.parametrize(
    ("limit", "start", "expected"),
    [
        # A moment lies strictly after the start.
        ("before 09:30", "2026-09-22 09:29", "2026-09-22 09:30"),
        ("before 09:30", "2026-09-22 09:30", "2026-09-23 09:30"),
        ("same_day", "2026-09-22 17:59", "2026-09-22 18:00"),
        ("same_day", "2026-09-22 18:00", "2026-09-23 18:00"),
        ("next Mon, Thu", "2026-09-21 17:59", "2026-09-21 18:00"),
        ("next Mon, Thu", "2026-09-21 18:00", "2026-09-24 18:00"),
        ("22nd", "2026-09-22 18:00", "2026-10-22 18:00"),
        ("month_end", "2026-09-30 18:00", "2026-10-30 18:00"),
        ("year_end", "2026-12-31 18:00", "2027-12-31 18:00"),
        # 16:00 itself counts as tomorrow; a free day and an evening are tomorrow anyway.
        ("same_day cut-off 16:00", "2026-09-22 15:59", "2026-09-22 18:00"),
        ("same_day cut-off 16:00", "2026-09-22 16:00", "2026-09-23 18:00"),
        ("same_day cut-off 16:00", "2026-09-22 19:00", "2026-09-23 18:00"),
        ("same_day cut-off 16:00", "2026-10-01 09:00", "2026-10-08 18:00"),
        ("same_day cut-off 16:00", "2026-10-01 17:00", "2026-10-08 18:00"),
        # Batches.
        ("next 10:00, 13:45, 16:00", "2026-09-22 16:00", "2026-09-23 10:00"),
        ("next 10:00, 13:45, 16:00", "2026-10-03 11:00", "2026-10-08 10:00"),
        ("next 09:30, closing", "2026-09-22 09:30", "2026-09-22 18:00"),
        # Friday 2 October falls into the holiday and still comes, after it.
        ("next Fri", "2026-10-03 09:00", "2026-10-08 18:00"),
        ("next Fri", "2026-10-08 18:00", "2026-10-09 18:00"),
        ("next Sat", "2026-10-08 19:00", "2026-10-10 18:00"),
        # A date is taken literally, on a free day at the hour at which work would end.
        ("4th", TUESDAY, "2026-10-04 18:00"),
        ("4th 15:00", TUESDAY, "2026-10-04 15:00"),
        ("4th or later", TUESDAY, "2026-10-08 18:00"),
        ("4th 15:00 or earlier", TUESDAY, "2026-09-30 15:00"),
        ("31st", "2026-09-22 10:00", "2026-09-30 18:00"),
        ("30th", "2026-02-01 10:00", "2026-02-28 18:00"),
        ("31st or later", "2026-06-01 09:00", "2026-06-01 18:00"),
        # Friday 25 September is a holiday, and so is Thursday 1 October.
        ("week_end", "2026-09-24 18:00", "2026-09-30 18:00"),
        # In the week from 5 to 11 October the make-up Saturday is the last working day.
        ("week_end", "2026-10-05 09:00", "2026-10-10 18:00"),
        ("quarter_end", "2026-09-30 18:00", "2026-12-31 18:00"),
    ],
)
def test_a_moment_is_the_first_one_after_the_start(limit: str, start: str, expected: str) -> None:
    assert due(limit, start) == expected


def test_a_week_without_a_working_day_has_no_end_of_its_own() -> None:
    # Spring Festival 2026 leaves no working day from 16 to 22 February.
    assert due("week_end", "2026-02-17 09:00") == "2026-02-28 18:00"


def test_a_night_shift_closes_on_the_day_after() -> None:
    nights = timepieces(factory(("08:00", "12:00"), ("20:00", "04:00")))

    assert due("same_day", "2026-09-22 21:00", nights) == "2026-09-23 04:00"
    assert due("next 10:00, closing", "2026-09-23 02:00", nights) == "2026-09-23 04:00"
    assert due("month_end", "2026-09-01 09:00", nights) == "2026-10-01 04:00"
    # Sunday 27 September is free: it would have closed like the Friday before it.
    assert due("27th", "2026-09-22 09:00", nights) == "2026-09-28 04:00"


def test_bank_days_pass_on_the_banks_calendar_and_shares_of_days_are_exact() -> None:
    assert due("1bd", "2026-09-22 17:30") == "2026-09-23 17:00"
    assert due("1wd", "2026-09-22 17:30") == "2026-09-23 17:30"
    assert due("1.25wd", "2026-09-22 08:30") == "2026-09-23 10:30"


def test_elapsed_time_passes_through_a_change_of_clocks() -> None:
    vienna = Timepieces(
        company=factory(("09:00", "17:00"), zone="Europe/Vienna"), bank=BANK, dates={}
    )
    start = datetime.fromisoformat("2026-03-28T12:00:00+01:00")

    assert due_at(Limit.parse("24h/CT"), start, vienna).isoformat() == "2026-03-29T13:00:00+02:00"


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("promised", "2026-10-20 18:00"),
        ("due-3d", "2026-10-17 18:00"),
        ("due-1wd", "2026-10-20 08:30"),
        ("due-5wd", "2026-10-14 08:30"),
        ("plan-1d", "2026-10-12 08:30"),
    ],
)
def test_a_limit_hangs_on_a_date_of_the_order_however_early_it_began(
    limit: str, expected: str
) -> None:
    tp = timepieces(promised="2026-10-20 18:00", plan="2026-10-13 08:30")

    assert due(limit, TUESDAY, tp) == due(limit, "2026-10-30 10:00", tp) == expected


def test_a_date_that_the_order_does_not_have_yet_is_named() -> None:
    with pytest.raises(DateMissing, match=r"arrival-5wd hangs on the date 'arrival'"):
        due("arrival-5wd", TUESDAY, timepieces(promised="2026-10-20 18:00"))


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("2-3wd", "2026-09-24 10:00"),
        ("1-4h", "2026-09-22 11:00"),
        ("2-24h/CT", "2026-09-22 12:00"),
        ("1-2bd", "2026-09-23 10:00"),
        ("due-3d to due-2d", "2026-10-17 18:00"),
        ("plan-3d to plan", TUESDAY),
    ],
)
def test_a_range_is_expected_at_its_first_figure_never_before_the_start(
    limit: str, expected: str
) -> None:
    tp = timepieces(promised="2026-10-20 18:00", plan="2026-09-23 08:30")

    assert expected_at(Limit.parse(limit), at(TUESDAY), tp) == at(expected)


@pytest.mark.parametrize("limit", ["3wd", "same_day", "due-3d", "month_end"])
def test_a_limit_of_one_figure_expects_nothing(limit: str) -> None:
    tp = timepieces(promised="2026-10-20 18:00")

    assert expected_at(Limit.parse(limit), at(TUESDAY), tp) is None
    assert expected_total(Limit.parse(limit)) is None


def test_totals_are_seconds_or_days_of_the_limits_own_clock() -> None:
    totals = {text: total(Limit.parse(text)) for text in ("2h30m", "24h/CT", "1.5wd", "1-2bd")}

    assert totals == {"2h30m": 9_000, "24h/CT": 86_400, "1.5wd": Fraction(3, 2), "1-2bd": 2}
    assert expected_total(Limit.parse("15m-1h")) == 900


def test_nothing_of_an_instant_can_be_used_up() -> None:
    with pytest.raises(TypeError, match="only a length has a total"):
        total(Limit.parse("same_day"))
    with pytest.raises(TypeError, match="nothing of it can be used up"):
        measured(Clock.CALENDAR, at(TUESDAY), at(TUESDAY), timepieces())


def test_a_limit_that_leads_out_of_the_calendar_says_so() -> None:
    with pytest.raises(CalendarError, match="knows 2020 to 2035"):
        due("9999wd", TUESDAY)
    with pytest.raises(CalendarError, match="knows 2020 to 2035"):
        due("year_end", "2035-12-31 20:00")


@settings(deadline=None)  # A busy machine is no counterexample.
@given(
    clock=st.sampled_from(COUNTED),
    start=st.integers(0, 365 * 86_400),
    parts=st.tuples(st.integers(1, 200_000), st.integers(1, 200_000)),
)
def test_what_was_measured_and_what_remains_lead_to_the_same_instant(
    clock: Clock, start: int, parts: tuple[int, int]
) -> None:
    tp = timepieces()
    unit = 1 if clock in (Clock.WORKING_TIME, Clock.ELAPSED) else 28_800
    first, rest = (Fraction(part, unit) for part in parts)
    opened = at("2026-01-01 00:00") + timedelta(seconds=start)

    paused = advanced(clock, opened, first, tp)

    assert measured(clock, opened, paused, tp) == first
    assert advanced(clock, paused, rest, tp) == advanced(clock, opened, first + rest, tp)


@settings(deadline=None)
@given(
    limit=st.sampled_from(
        [
            "1m",
            "3h",
            "1wd",
            "1.5wd",
            "2bd",
            "15d/CT",
            "same_day",
            "same_day cut-off 16:00",
            "before 09:30",
            "next 10:00, closing",
            "next Mon, Thu",
            "8th",
            "31st or earlier",
            "1st or later",
            "week_end",
            "month_end",
            "quarter_end",
            "year_end",
        ]
    ),
    minute=st.integers(0, 365 * 1440),
)
def test_every_limit_but_a_date_of_the_order_ends_after_it_began(limit: str, minute: int) -> None:
    start = at("2026-01-01 00:00") + timedelta(minutes=minute)

    end = due_at(Limit.parse(limit), start, timepieces())

    assert start < end
    assert end.utcoffset() == timedelta(hours=8)
