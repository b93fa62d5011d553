"""Calendars as data: what the files say, what is refused, and where."""

from datetime import date, datetime, timedelta
from pathlib import Path

import chinese_calendar
import pytest
from pydantic import ValidationError

from domain.calendars import CalendarSpec
from ops.commands_policy import app
from policy.calendar_building import build, digest_of
from policy.calendar_diff import day_changes
from policy.calendar_loader import CALENDAR_FILES, load_calendar
from policy.calendars import SHIPPED, calendar, shipped
from policy.faults import ProfileErrors

CN = (CALENDAR_FILES / "cn.yaml").read_text("utf-8")
MONDAY = '  mon: [["08:30", "12:00"], ["13:30", "18:00"]]'
ANNOUNCED = [date(2025, 1, 1) + timedelta(days=count) for count in range(2 * 365)]


def written(folder: Path, text: str) -> Path:
    path = folder / "cn.yaml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("name", ["cn", "bank-cn", "line-el"])
def test_every_shipped_week_of_five_days_agrees_with_a_second_library(name: str) -> None:
    days = calendar(name)

    worked = [day for day in ANNOUNCED if days.is_working_day(day)]

    assert worked == [day for day in ANNOUNCED if chinese_calendar.is_workday(day)]


def test_suppliers_work_on_saturdays_and_on_no_public_holiday() -> None:
    days = calendar("supplier-cn")

    for day in ANNOUNCED:
        is_free = chinese_calendar.is_holiday(day) and (
            chinese_calendar.get_holiday_detail(day)[1] is not None or day.weekday() == 6
        )
        assert days.is_working_day(day) is not is_free, day


def test_a_night_shift_of_the_line_ends_on_the_next_day() -> None:
    line = calendar("line-el")

    assert line.day_closing(date(2026, 11, 20)).isoformat() == "2026-11-21T04:00:00+08:00"
    assert line.is_open(datetime.fromisoformat("2026-11-21T03:59:59+08:00"))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_calendar_means_the_same_after_a_way_through_json(name: str) -> None:
    spec = shipped(name)

    again = CalendarSpec.model_validate_json(spec.model_dump_json())

    assert again == spec
    assert digest_of(again) == digest_of(spec)
    assert build(again, 1) is build(spec, 1)


def test_exceptions_overrule_holidays_and_working_days(tmp_path: Path) -> None:
    text = CN + (
        "exceptions:\n"
        '  - {from: 2026-10-01, to: 2026-10-02, reason: rush, shifts: [["20:00", "04:00"]]}\n'
        "  - {from: 2026-11-23, to: 2026-11-24, reason: stocktaking}\n"
    )

    factory = build(load_calendar(written(tmp_path, text)), 2)

    assert factory.day_opening(date(2026, 10, 1)).isoformat() == "2026-10-01T20:00:00+08:00"
    assert not factory.is_working_day(date(2026, 11, 23))
    assert [
        (change.before, change.after, [str(day) for day in change.days])
        for change in day_changes(calendar("cn"), factory)
    ] == [
        ("closed", "20:00-04:00", ["2026-10-01", "2026-10-02"]),
        ("08:30-12:00 13:30-18:00", "closed", ["2026-11-23", "2026-11-24"]),
    ]


def test_extra_days_come_on_top_of_the_public_ones(tmp_path: Path) -> None:
    text = CN + "extra_holidays: [2026-11-23]\nextra_makeup_days: [2026-11-28]\n"

    factory = build(load_calendar(written(tmp_path, text)), 2)

    assert not factory.is_working_day(date(2026, 11, 23))
    assert factory.is_working_day(date(2026, 11, 28))


@pytest.mark.parametrize(
    ("old", "new", "place", "complaint"),
    [
        (
            MONDAY,
            '  mon: [["08:30", "14:00"], ["13:30", "18:00"]]',
            "10:3",
            "overlaps 13:30-18:00;",
        ),
        (MONDAY, '  mon: [["22:00", "09:00"]]', "10:3", "overlaps 08:30-12:00 of the next day"),
        (MONDAY, '  mon: [["08:30", "08:30"]]', "10:9", "is empty"),
        (MONDAY, '  mon: [["8.30", "12:00"]]', "10:9", "is no shift; write times such as"),
        (MONDAY, "  mon: [[8, 12]]", "10:9", "is no shift; write times such as"),
        (MONDAY, MONDAY.replace("mon", "mob"), "10:3", "did you mean mon?"),
        ("Asia/Shanghai", "Asia/Nowhere", "5:1", "is no time zone; write Asia/Shanghai"),
        ("zone:", "zne:", "5:1", "did you mean zone?"),
        ("2035", "2019", "7:1", "is no span"),
        ("holidays: CN", "holidays: XX", "8:1", "write one of CN"),
        ("id: cn", "id: cm", "2:1", "does not name its file"),
    ],
)
def test_a_wrong_calendar_is_refused_with_line_and_cure(
    tmp_path: Path, old: str, new: str, place: str, complaint: str
) -> None:
    path = written(tmp_path, CN.replace(old, new, 1))

    with pytest.raises(ProfileErrors) as refused:
        load_calendar(path)

    said = str(refused.value)
    assert said.startswith(f"{path}:{place}: ")
    assert complaint in said


@pytest.mark.parametrize(
    ("more", "place", "complaint"),
    [
        ("extra_holidays: [2026-10-10]\n", "15:18", "2026-10-10 is a make-up day, too"),
        ("extra_makeup_days: [2026-10-01]\n", "15:21", "2026-10-01 is a public holiday"),
        ("extra_makeup_days: [20261001]\n", "15:21", "should be a day such as 2026-10-01"),
        (
            "exceptions:\n  - {from: 2026-11-10, to: 2026-11-09, reason: no}\n",
            "16:5",
            "ends on 2026-11-09",
        ),
        (
            "exceptions:\n"
            "  - {from: 2026-11-10, to: 2026-11-12, reason: first}\n"
            "  - {from: 2026-11-12, to: 2026-11-12, reason: second}\n",
            "17:5",
            "has an exception already (first)",
        ),
        (
            "exceptions:\n"
            '  - {from: 2026-11-10, to: 2026-11-10, reason: n, shifts: [["20:00", "09:00"]]}\n',
            "16:5",
            "2026-11-11 08:30-12:00 overlaps another shift",
        ),
        (
            "exceptions:\n  - {from: 2026-01-01, to: 2026-12-31, reason: shut}\n",
            "9:1",
            "no working time in 2026",
        ),
        (
            "exceptions:\n  - {from: 2036-01-01, to: 2036-01-02, reason: late}\n",
            "16:5",
            "lies outside 2020 to 2035",
        ),
    ],
)
def test_wrong_days_are_refused_with_line_and_cure(
    tmp_path: Path, more: str, place: str, complaint: str
) -> None:
    path = written(tmp_path, CN + more)

    with pytest.raises(ProfileErrors) as refused:
        load_calendar(path)

    said = str(refused.value)
    assert said.startswith(f"{path}:{place}: ")
    assert complaint in said


def test_a_published_holiday_is_no_make_up_day() -> None:
    both = {"holidays": ["2026-10-01"], "makeup_days": ["2026-10-01"]}

    with pytest.raises(ValidationError, match="2026-10-01 is a holiday, too"):
        CalendarSpec.model_validate(shipped("cn").model_dump() | both)


def test_policy_check_finds_what_is_wrong_in_a_calendar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, CN.replace("Asia/Shanghai", "Asia/Nowhere"))

    with pytest.raises(SystemExit) as left:
        app(["check", str(path)])

    assert left.value.code == 1
    said = capsys.readouterr().out
    assert f"{path}:5:1: zone: 'Asia/Nowhere' is no time zone" in said
    assert said.endswith("0 profiles, 1 calendar, 1 problem\n")


def test_a_change_of_hours_is_said_once_for_all_its_days(tmp_path: Path) -> None:
    shorter = build(load_calendar(written(tmp_path, CN.replace('"18:00"', '"17:30"'))), 2)

    (change,) = day_changes(calendar("cn"), shorter)

    assert change.count == len(calendar("cn").dates)
    assert (change.before, change.after) == ("08:30-12:00 13:30-18:00", "08:30-12:00 13:30-17:30")
