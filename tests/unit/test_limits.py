"""How a regulation writes a limit, and how it is read back."""

import pytest

from domain.windows import Clock, Limit


@pytest.mark.parametrize(
    ("text", "clock", "count", "words"),
    [
        ("30m", Clock.WORKING_TIME, 30, "30 working minutes"),
        ("1h", Clock.WORKING_TIME, 60, "1 working hour"),
        ("90m", Clock.WORKING_TIME, 90, "90 working minutes"),
        ("1wd", Clock.WORKING_DAYS, 1, "1 working day"),
        ("24h/CT", Clock.ELAPSED, 1440, "24 elapsed hours"),
        ("7d/CT", Clock.ELAPSED, 10_080, "7 elapsed days"),
        ("45m/CT", Clock.ELAPSED, 45, "45 elapsed minutes"),
        ("same_day", Clock.SAME_DAY, 0, "the closing time of the same working day"),
        ("promised", Clock.PROMISED, 0, "the promised date"),
    ],
)
def test_a_limit_is_read_said_and_written_back(
    text: str, clock: Clock, count: int, words: str
) -> None:
    limit = Limit.parse(text)

    assert (limit.clock, limit.count, limit.words, str(limit)) == (clock, count, words, text)


def test_sixty_minutes_are_written_as_an_hour_and_stay_the_same_limit() -> None:
    assert str(Limit.parse("60m")) == "1h"
    assert Limit.parse("1d/CT") == Limit.parse("24h/CT")


def test_a_working_day_never_equals_eight_hours() -> None:
    assert Limit.parse("1wd") != Limit.parse("8h")


def test_a_bare_day_is_refused_with_both_readings() -> None:
    with pytest.raises(ValueError, match="write 1wd for working days or 1d/CT for elapsed days"):
        Limit.parse("1d")


def test_working_days_are_never_elapsed() -> None:
    with pytest.raises(ValueError, match="write 2wd"):
        Limit.parse("2wd/CT")


@pytest.mark.parametrize("text", ["", "0h", "-1h", "1.5h", "1 h", "2H", "h", "100000m", "24h/ct"])
def test_anything_else_is_no_limit(text: str) -> None:
    with pytest.raises(ValueError, match="is no limit"):
        Limit.parse(text)
