"""Every window of the regulations as a profile writes it, and when it is due.

The instants of vectors/windows.csv were not computed by the code under test: a reference that
walks from minute to minute over the State Council's working days found those of lengths and times,
and those of dates stand in a calendar. Starts: Tuesday 10:00 in open hours, the same day 12:40 at
lunch, and Wednesday 30 September 17:30, with National Day from the next day until 7 October.
"""

import csv
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import pytest

from domain.limits import Limit
from policy.calendars import calendar
from policy.instants import Timepieces, due_at
from policy.loader import load_profile
from policy.window import Window

Row = dict[str, str]
STARTS = {
    "open_hours": "2026-09-22 10:00",
    "lunch": "2026-09-22 12:40",
    "before_holiday": "2026-09-30 17:30",
}
DATES = {
    "promised": "2026-10-20 18:00",
    "plan": "2026-10-13 08:30",
    "ready": "2026-10-15 12:00",
    "arrival": "2026-10-12 18:00",
    "dispatch": "2026-10-19 18:00",
    "agreed": "2026-10-16 18:00",
}
PROFILE = """\
id: TRY
version: 1
extends: GEN
title: Tried
title_zh: 试
source: one window of the regulations
change: {{promise: {{during: [{promised}]}}}}
insert:
  - after: slot
    step:
      id: dates
      kind: task
      stage: L13
      title: Dates
      title_zh: 计划日期
      role: planning
      standard: The dates are told.
      paced_by: department
      requires: [planned_arrival, planned_dispatch, agreed_date]
  - before: receipt
    step:
      id: tried
      stage: {stage}
      title: Tried
      title_zh: 试
      role: {role}
      standard: It is done in time.
      window: {{id: {window}, limit: "{limit}", counts_from: {counts_from}, starts: a, stops: b}}
      {kind}
"""
BEFORE_SHIPPING = (
    "entry, check, confirm, review, negotiate, material, plan, slot, dates, production, qc, "
    "rework, pack, release, ship"
)
ALONGSIDE = """\
kind: alongside
      trigger: {kind}
      during: [{during}]"""
with (Path(__file__).parent / "vectors" / "windows.csv").open(encoding="utf-8") as table:
    ROWS = {row["window"]: row for row in csv.DictReader(table)}


def written(row: Row) -> str:
    """The profile that has this window."""
    kind, during = row["kind"], "production"
    if kind == "watch":
        during = BEFORE_SHIPPING
    beside = "kind: task" if kind == "task" else ALONGSIDE.format(kind=kind, during=during)
    return PROFILE.format(**{**row, "kind": beside, "promised": BEFORE_SHIPPING})


@lru_cache(maxsize=1)
def timepieces() -> Timepieces:
    return Timepieces(
        company=calendar("cn"),
        bank=calendar("bank-cn"),
        dates={name: instant(text) for name, text in DATES.items()},
    )


def instant(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


def test_the_table_has_every_window_of_the_regulations() -> None:
    systems = [window.partition(".")[0] for window in ROWS]

    assert len(ROWS) == 123
    assert {system: systems.count(system) for system in systems} == {
        "S05": 11,
        "S06": 3,
        "S07": 36,
        "S08": 11,
        "S11": 3,
        "S14": 1,
        "S19": 1,
        "S26": 8,
        "S35": 25,
        "S36": 9,
        "S37": 1,
        "S40": 8,
        "S44": 1,
        "S46": 5,
    }


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_a_window_of_the_regulations_is_written_in_a_profile_and_due_on_time(
    tmp_path: Path, row: Row
) -> None:
    path = tmp_path / "TRY.yaml"
    path.write_text(written(row), encoding="utf-8")

    window = load_profile(path).step("tried").window

    assert isinstance(window, Window)
    assert (window.id, window.counts_from) == (row["window"], row["counts_from"])
    due = {name: due_at(window.limit, instant(at), timepieces()) for name, at in STARTS.items()}
    assert due == {name: instant(row[name]) for name in STARTS}


@pytest.mark.parametrize("text", sorted({row["limit"] for row in ROWS.values()}))
def test_a_limit_of_the_regulations_is_said_in_both_languages(text: str) -> None:
    limit = Limit.parse(text)

    assert Limit.parse(str(limit)) == limit
    assert limit.words.isascii()
    assert not limit.words_zh.isascii()
