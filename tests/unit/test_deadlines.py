"""Windows as absolute instants: due, warned, and up the ladder."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import CalendarError
from domain.roles import Role
from domain.windows import DueWindow, Mark
from policy.calendars import calendar
from policy.deadlines import open_window
from policy.explaining import explain
from policy.instants import Timepieces
from policy.ladder import Rung
from policy.loader import PROFILES, load_profile
from policy.window import Window

CN = calendar("cn")
LADDER = load_profile(PROFILES / "S08.yaml").ladder
FRIDAY_AT_TEN = "2026-11-20T10:00:00+08:00"


def opened(
    limit: str,
    start: str = FRIDAY_AT_TEN,
    promised: str = "2026-12-20T18:00:00+08:00",
    ladder: tuple[Rung, ...] = LADDER,
    warn_percent: int = 80,
) -> DueWindow:
    """A window of S08.W03 with this limit."""
    return open_window(
        Timepieces(company=CN, bank=CN, dates={"promised": datetime.fromisoformat(promised)}),
        Window.model_validate(
            {
                "id": "S08.W03",
                "limit": limit,
                "starts": "submitted",
                "stops": "reviewed",
                "warn_percent": warn_percent,
            }
        ),
        ladder,
        key="ord_1/review/1",
        step="review",
        role=Role.ORDER_DESK,
        started_at=datetime.fromisoformat(start),
    )


def marks(window: DueWindow) -> dict[str, str]:
    return {mark.mark.value: f"{mark.at:%m-%d %H:%M:%S}" for mark in window.marks}


@pytest.mark.parametrize(
    ("limit", "start", "due"),
    [
        ("2h", FRIDAY_AT_TEN, "2026-11-20T12:00:00+08:00"),
        ("3h", FRIDAY_AT_TEN, "2026-11-20T14:30:00+08:00"),
        ("1h", "2026-11-20T17:30:00+08:00", "2026-11-23T09:00:00+08:00"),
        ("1wd", FRIDAY_AT_TEN, "2026-11-23T10:00:00+08:00"),
        ("24h/CT", FRIDAY_AT_TEN, "2026-11-21T10:00:00+08:00"),
        ("7d/CT", FRIDAY_AT_TEN, "2026-11-27T10:00:00+08:00"),
        ("same_day", FRIDAY_AT_TEN, "2026-11-20T18:00:00+08:00"),
        ("same_day", "2026-11-20T12:30:00+08:00", "2026-11-20T18:00:00+08:00"),
        ("same_day", "2026-11-20T18:00:00+08:00", "2026-11-23T18:00:00+08:00"),
        ("same_day", "2026-11-21T09:00:00+08:00", "2026-11-23T18:00:00+08:00"),
        ("promised", FRIDAY_AT_TEN, "2026-12-20T18:00:00+08:00"),
    ],
)
def test_each_clock_has_its_own_due_instant(limit: str, start: str, due: str) -> None:
    assert opened(limit, start).due_at.isoformat() == due


def test_a_working_window_climbs_the_ladder_in_working_time() -> None:
    assert marks(opened("2h", "2026-11-20T16:30:00+08:00")) == {
        "warning": "11-23 08:36:00",
        "breach": "11-23 09:00:00",
        "analysis": "11-23 10:00:00",
        "leadership": "11-23 12:00:00",
    }


def test_a_short_window_waits_at_least_half_an_hour_before_each_rung() -> None:
    assert marks(opened("30m")) == {
        "warning": "11-20 10:24:00",
        "breach": "11-20 10:30:00",
        "analysis": "11-20 11:00:00",
        "leadership": "11-20 11:30:00",
    }


def test_working_days_are_warned_by_their_own_length() -> None:
    assert marks(opened("2wd")) == {
        "warning": "11-23 16:18:00",
        "breach": "11-24 10:00:00",
        "analysis": "11-25 10:00:00",
        "leadership": "11-27 10:00:00",
    }


def test_an_elapsed_window_is_warned_in_elapsed_time_and_climbs_in_working_time() -> None:
    # Seven working hours lie between Friday 10:00 and Saturday 10:00, hence 3.25 and 6.5 h.
    assert marks(opened("24h/CT")) == {
        "warning": "11-21 05:12:00",
        "breach": "11-21 10:00:00",
        "analysis": "11-23 11:45:00",
        "leadership": "11-24 10:15:00",
    }


def test_an_elapsed_window_over_a_weekend_waits_at_least_half_an_hour() -> None:
    assert marks(opened("24h/CT", "2026-11-21T10:00:00+08:00")) == {
        "warning": "11-22 05:12:00",
        "breach": "11-22 10:00:00",
        "analysis": "11-23 09:00:00",
        "leadership": "11-23 09:30:00",
    }


def test_a_promise_is_warned_three_working_days_before_and_climbs_by_the_least_wait() -> None:
    assert marks(opened("promised", promised="2026-12-18T10:00:00+08:00")) == {
        "warning": "12-15 10:00:00",
        "breach": "12-18 10:00:00",
        "due_date": "12-18 10:00:00",
        "analysis": "12-18 10:30:00",
        "leadership": "12-18 11:00:00",
    }


def test_a_promise_that_is_near_already_is_warned_at_once() -> None:
    near = opened("promised", promised="2026-11-23T10:00:00+08:00")

    assert marks(near)["warning"] == "11-20 10:00:00"


def test_a_promise_that_is_broken_already_is_not_warned_any_more() -> None:
    broken = opened("promised", promised="2026-11-19T10:00:00+08:00")

    assert [mark.mark for mark in broken.marks] == [
        Mark.BREACH,
        Mark.DUE_DATE,
        Mark.ANALYSIS,
        Mark.LEADERSHIP,
    ]


@pytest.mark.parametrize("promised", ["2036-01-01T00:00:00+08:00", "9999-12-31T23:59:59Z"])
def test_a_promise_beyond_the_calendar_is_refused_with_its_years(promised: str) -> None:
    with pytest.raises(CalendarError, match="knows 2020 to 2035"):
        opened("promised", promised=promised)


def test_only_rungs_of_the_ladder_have_marks() -> None:
    breach_only = tuple(rung for rung in LADDER if rung.mark is Mark.BREACH)

    assert marks(opened("2h", ladder=breach_only)) == {"breach": "11-20 12:00:00"}


def test_a_warning_is_rounded_down_to_the_second() -> None:
    # 33 % of 7 minutes are 138.6 s.
    assert marks(opened("7m", warn_percent=33))["warning"] == "11-20 10:02:18"


def test_a_window_into_a_year_without_announced_holidays_is_provisional() -> None:
    assert opened("1wd", "2026-12-31T17:00:00+08:00").provisional
    assert not opened("1h", "2026-12-31T17:00:00+08:00").provisional


def test_a_window_explains_itself_in_one_sentence() -> None:
    assert explain(opened("2h", "2026-09-30T09:00:00+00:00")) == (
        "S08.W03 runs from 2026-09-30 17:00+08:00 for 2 working hours. So it is due on "
        "2026-10-08 09:30+08:00, by calendar cn@1 (its holidays are announced)."
    )


def test_a_provisional_window_says_that_it_is() -> None:
    said = explain(opened("same_day", "2027-02-04T10:00:00+08:00"))

    assert "until the closing time of the same working day" in said
    assert "not announced yet, so this is provisional" in said


def test_a_window_survives_its_way_through_the_engine() -> None:
    window = opened("24h/CT")

    assert DueWindow.model_validate_json(window.model_dump_json()) == window


@settings(deadline=None)  # A busy machine is no counterexample.
@given(
    limit=st.sampled_from(["1m", "30m", "4h", "1wd", "6wd", "24h/CT", "7d/CT", "same_day"]),
    minute=st.integers(0, 365 * 1440),
)
def test_marks_never_run_backwards(limit: str, minute: int) -> None:
    start = datetime.fromisoformat("2026-01-01T00:00:00+08:00") + timedelta(minutes=minute)

    window = opened(limit, start.isoformat())

    instants = [mark.at for mark in window.marks]
    assert [mark.mark for mark in window.marks] == [
        Mark.WARNING,
        Mark.BREACH,
        Mark.ANALYSIS,
        Mark.LEADERSHIP,
    ]
    assert instants == sorted(instants)
    assert window.started_at < window.due_at == window.marks[Mark.BREACH.level].at
