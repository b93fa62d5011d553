"""Quiet hours: from when to when, and how a wrong pair is refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.quiet import quiet_for
from policy.faults import ProfileErrors
from policy.loader import load_all, load_profile
from policy.reading import read_aloud

SHANGHAI = ZoneInfo("Asia/Shanghai")
NIGHT = ("21:00", "07:30")
NOON = ("12:00", "13:30")


@pytest.mark.parametrize(
    ("hours", "at", "hours_left"),
    [
        (NIGHT, "20:59", None),
        (NIGHT, "21:00", 10.5),
        (NIGHT, "23:30", 8),
        (NIGHT, "00:00", 7.5),
        (NIGHT, "07:30", None),
        (NOON, "11:59", None),
        (NOON, "12:00", 1.5),
        (NOON, "13:30", None),
    ],
)
def test_quiet_hours_begin_and_end_in_the_zone_of_the_calendar(
    hours: tuple[str, str], at: str, hours_left: float | None
) -> None:
    local = datetime.fromisoformat(f"2026-03-02T{at}").replace(tzinfo=SHANGHAI)

    left = quiet_for(hours, SHANGHAI, local.astimezone(UTC))

    assert left == (None if hours_left is None else timedelta(hours=hours_left))


def profile_with(tmp_path: Path, hours: str) -> Path:
    path = tmp_path / "QH1.yaml"
    general = load_all().profiles["GEN"]
    path.write_text(
        f"id: QH1\nversion: 1\nextends: GEN\ntitle: Q\ntitle_zh: Q\nsource: a test\n"
        f"calendar: {general.calendar}\nnumber_at: {general.number_at}\n"
        f"customer_notice: {general.customer_notice}\n"
        f"bank_calendar: {general.bank_calendar}\nquiet_hours: {hours}\n"
    )
    return path


def test_a_profile_reads_its_quiet_hours_aloud(tmp_path: Path) -> None:
    profile = load_profile(profile_with(tmp_path, '["21:00", "07:30"]'))

    assert "between 21:00 and 07:30 goes out at 07:30" in read_aloud(profile)


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ('["21:00", "7:30"]', "'7:30' is no time of day; write two such as"),
        ('["21:00", "24:00"]', "'24:00' is no time of day; write two such as"),
        ('["21:00", "21:00"]', "would be always or never; write two different times"),
    ],
)
def test_a_wrong_pair_of_quiet_hours_says_where_and_what_would_be_right(
    tmp_path: Path, hours: str, said: str
) -> None:
    with pytest.raises(ProfileErrors) as found:
        load_profile(profile_with(tmp_path, hours))

    assert "QH1.yaml:11:1: quiet_hours: " in str(found.value)
    assert said in str(found.value)
