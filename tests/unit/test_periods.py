"""Periods: what belongs to a month and to a quarter, to the instant."""

from datetime import datetime, timedelta

import pytest

from domain.errors import InvalidField
from domain.periods import Length, Period


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "from_at", "to_at"),
    [
        ("2026-11", "2026-11-01T00:00+08:00", "2026-12-01T00:00+08:00"),
        ("2026-12", "2026-12-01T00:00+08:00", "2027-01-01T00:00+08:00"),
        ("2028-02", "2028-02-01T00:00+08:00", "2028-03-01T00:00+08:00"),
        ("2026-Q1", "2026-01-01T00:00+08:00", "2026-04-01T00:00+08:00"),
        ("2026-Q4", "2026-10-01T00:00+08:00", "2027-01-01T00:00+08:00"),
    ],
)
def test_a_period_runs_from_midnight_to_midnight_of_the_company(
    text: str, from_at: str, to_at: str
) -> None:
    period = Period.parse(text)

    assert (period.from_at, period.to_at) == (at(from_at), at(to_at))
    assert str(period) == text


@pytest.mark.parametrize("text", ["2026-13", "2026-Q5", "2026-00", "2026", "2026-1", "11/2026", ""])
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InvalidField, match=r"period: .*write 2026-11 .* or 2026-Q4") as refused:
        Period.parse(text)

    assert refused.value.field == "period"


@pytest.mark.parametrize(
    ("instant", "month", "quarter"),
    [
        # 06:00 on the 1st in Shanghai is still the day before in UTC.
        ("2026-12-31T22:00:00+00:00", "2026-12", "2026-Q4"),
        ("2027-01-01T06:00:00+08:00", "2026-12", "2026-Q4"),
        ("2026-12-31T15:59:59+00:00", "2026-11", "2026-Q3"),
        ("2026-04-01T06:30:00+08:00", "2026-03", "2026-Q1"),
    ],
)
def test_the_period_before_an_instant_is_told_by_the_companys_day(
    instant: str, month: str, quarter: str
) -> None:
    before = [str(Period.around(length, at(instant)).before) for length in Length]

    assert before == [month, quarter]


@pytest.mark.parametrize("length", list(Length))
def test_periods_follow_each_other_without_gap_and_overlap_over_years(length: Length) -> None:
    period = Period.around(length, at("2031-01-01T00:00+08:00"))

    for _ in range(48):
        assert period.before.to_at == period.from_at
        assert Period.around(length, period.to_at - timedelta(microseconds=1)) == period
        period = period.before
