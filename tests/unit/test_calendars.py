"""The shipped calendar against hand-made sums and against a second library."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import chinese_calendar
import pytest

from domain.errors import UnknownThing
from domain.worktime import WorkCalendar
from ops.commands_calendar import app as calendar_app
from policy.calendars import calendar, line_calendar

VECTORS = json.loads((Path(__file__).parent / "vectors/worktime_cn.json").read_text("utf-8"))
LAST_ANNOUNCED = 2026


@pytest.fixture(scope="module")
def cn() -> WorkCalendar:
    return calendar("cn")


@pytest.mark.parametrize("row", VECTORS["sums"], ids=lambda row: row["why"])
def test_a_sum_made_by_hand_comes_out(cn: WorkCalendar, row: dict[str, str | int]) -> None:
    start = datetime.fromisoformat(str(row["start"]))

    due = cn.add(start, timedelta(minutes=int(row["minutes"])))

    assert due.isoformat() == row["due"]


@pytest.mark.parametrize("year", [2025, 2026])
def test_every_day_agrees_with_a_second_library(cn: WorkCalendar, year: int) -> None:
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]

    worked = [day for day in days if day in set(cn.dates)]

    assert worked == [day for day in days if chinese_calendar.is_workday(day)]


def test_years_that_are_not_announced_are_provisional(cn: WorkCalendar) -> None:
    noon = datetime.fromisoformat

    assert not cn.is_provisional(noon("2026-12-31T12:00:00+08:00"))
    assert cn.is_provisional(noon("2027-01-04T12:00:00+08:00"))
    assert cn.is_provisional(noon("2026-12-31T16:00:00+00:00")), "it is 2027 in Shanghai"
    assert cn.provisional_years == frozenset(range(LAST_ANNOUNCED + 1, 2036))


def test_a_year_is_announced_exactly_when_the_second_library_knows_it(cn: WorkCalendar) -> None:
    known_until = max(day.year for day in chinese_calendar.holidays)

    assert min(cn.provisional_years) == known_until + 1


def test_a_shipped_calendar_counts_as_version_one(cn: WorkCalendar) -> None:
    assert cn.label == "cn@1"


def test_a_calendar_is_built_once() -> None:
    shifts = [["22:00", "06:00"]]

    assert calendar("cn") is calendar("cn")
    assert line_calendar("cn", shifts) is line_calendar(calendar("cn"), shifts)


def test_an_unknown_calendar_names_the_known_ones() -> None:
    with pytest.raises(UnknownThing, match="known: bank-cn, cn"):
        calendar("cm")


def test_a_line_works_its_own_shifts_on_the_same_days(cn: WorkCalendar) -> None:
    line = line_calendar("cn", [["06:00", "14:00"], ["14:00", "22:00"]])

    due = line.add(datetime.fromisoformat("2026-09-30T21:00:00+08:00"), timedelta(hours=2))

    assert due.isoformat() == "2026-10-08T07:00:00+08:00"
    assert line.label == "cn/06:00-14:00+14:00-22:00@1"
    assert line.dates == cn.dates
    assert line.provisional_years == cn.provisional_years


EVE = "2026-09-30T17:00+08:00"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and error output of `dueline calendar …`."""
    with pytest.raises(SystemExit) as left:
        calendar_app(arguments)
    said = capsys.readouterr()
    return int(str(left.value.code)), said.out, said.err


@pytest.mark.parametrize(
    ("work", "due"),
    [
        ("4h", "2026-10-08T11:30:00+08:00"),
        ("2wd", "2026-10-09T17:00:00+08:00"),
        ("24h/CT", "2026-10-01T17:00:00+08:00"),
        ("same_day", "2026-09-30T18:00:00+08:00"),
    ],
)
def test_the_command_line_says_when_work_is_due(
    capsys: pytest.CaptureFixture[str], work: str, due: str
) -> None:
    code, out, _ = run(capsys, "due", "--calendar", "cn", "--from", EVE, "--work", work, "--json")

    assert code == 0
    assert json.loads(out) == {
        "calendar": "cn@1",
        "from": "2026-09-30T17:00:00+08:00",
        "work": work,
        "due": due,
        "provisional": False,
    }


def test_the_command_line_counts_working_time(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "between", "--from", EVE, "--to", "2026-10-08T11:30:30+08:00")

    assert (code, out) == (0, "4 h 30 s of working time by cn@1\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--from", "2026-09-30T17:00", "--work", "4h"), "has no offset"),
        (("--from", "yesterday", "--work", "4h"), "is no instant"),
        (("--from", EVE, "--work", "1d"), "could mean two things"),
        (("--from", EVE, "--work", "promised"), "an order's own"),
        (("--from", "2040-01-01T00:00Z", "--work", "4h"), "knows 2020 to 2035"),
        (("--from", EVE, "--work", "4h", "--calendar", "de"), "known: bank-cn, cn"),
    ],
)
def test_the_command_line_refuses_with_a_cure(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], complaint: str
) -> None:
    code, out, err = run(capsys, "due", *arguments)

    assert (code, out) == (1, "")
    assert complaint in err


@pytest.mark.parametrize(
    ("work", "start"),
    [
        ("4h", "2026-09-30T17:00:00+08:00"),
        ("1wd", "2026-09-30T11:30:00+08:00"),
        ("24h/CT", "2026-10-07T11:30:00+08:00"),
    ],
)
def test_the_command_line_says_when_to_begin_at_the_latest(
    capsys: pytest.CaptureFixture[str], work: str, start: str
) -> None:
    done = "2026-10-08T11:30+08:00"

    code, out, _ = run(capsys, "subtract", "--to", done, "--work", work, "--json")

    assert code == 0
    assert json.loads(out)["start"] == start


def test_the_command_line_counts_bank_days_by_the_banks_calendar(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = run(capsys, "due", "--from", EVE, "--work", "1bd")

    assert (code, out) == (0, "2026-10-08T17:00:00+08:00  (1 bank day by bank-cn@1)\n")


def test_the_command_line_says_when_a_closed_calendar_opens(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = run(capsys, "open", "--at", "2027-10-01T10:00+08:00")

    assert (code, out) == (
        0,
        "closed until 2027-10-06T08:30:00+08:00 by cn@1; its holidays are not announced yet\n",
    )


def test_the_command_line_checks_calendar_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "cn.yaml").write_text("id: cn\nweek: {mon: []}\n", "utf-8")

    code, out, _ = run(capsys, "check", str(tmp_path / "cn.yaml"))

    assert code == 1
    assert "cn.yaml:2:1: week: no weekday has a shift" in out
