"""A window that cannot be counted as it is written is refused where it stands, with a cure."""

from pathlib import Path

import pytest

from policy.loader import ProfileErrors, load_profile
from policy.reading import read_aloud
from tests.unit.test_profile_errors import ALONGSIDE, RECEIPT, WHOLE, broken

SHIP = "limit: 1wd\n"
DATED = (
    "work: record_packing",
    "work: record_packing\n    requires: [planned_arrival, planned_dispatch]",
)


def in_ship(*lines: str) -> str:
    """The limit of the last step's window, and what else is written there."""
    return "".join(line + "\n      " for line in lines[:-1]) + lines[-1] + "\n"


@pytest.mark.parametrize(
    ("lines", "line", "field", "what", "cure"),
    [
        (("limit: -2h",), 39, "limit", "'-2h' is negative", "write 2h"),
        (("limit: 0wd",), 39, "limit", "no time at all", "above zero"),
        (("limit: 1d",), 39, "limit", "could mean two things", "write 1wd"),
        (("limit: 1wd", "warn_before: 1wd"), 40, "warn_before", "no later than its", "less than"),
        (("limit: 2h", "warn_before: 3h"), 40, "warn_before", "no later than its", "less than 2h"),
        (("limit: 1wd", "warn_before: same_day"), 40, "warn_before", "no single length", "3wd"),
        (("limit: 1wd", "warn_before: 1-2h"), 40, "warn_before", "no single length", "3wd"),
        (("limit: 2-3wd", "warn_before: 1h"), 40, "warn_before", "first figure", "leave"),
        (("limit: 2-3wd", "warn_percent: 80"), 40, "warn_percent", "first figure", "leave"),
        (("limit: due-3d to due-2d", "warn_percent: 80"), 40, "warn_percent", "first", "leave"),
        (
            ("limit: 5wd", "warn_percent: 50", "warn_before: 1wd"),
            41,
            "warn_before",
            "both say when",
            "leave one",
        ),
        (("limit: 1wd", "warn_percent: 100"), 40, "warn_percent", "less than or equal", "mend"),
        (
            ("limit: 5wd", "remind_percent: [50, 80]"),
            40,
            "remind_percent[1]",
            "when the warning has fallen",
            "less than 80",
        ),
        (("limit: 5wd", "counts_from: pak"), 40, "counts_from", "no step 'pak'", "mean pack?"),
        (("limit: 5wd", "counts_from: ship"), 40, "counts_from", "not always left", "entry, pack"),
        (("limit: 5wd", "counts_from: Receipt"), 40, "counts_from", "unknown", "received"),
        (("limit: 5wd", "counts_from: report"), 40, "counts_from", "only a gate", "credit_good"),
        (("limit: arrival-5wd",), 39, "limit", "no earlier step tells", "planned_arrival"),
        (("limit: agreed",), 39, "limit", "no earlier step tells", "agreed_date"),
        (("limit: ready-3d",), 39, "limit", "plans the production", "book_slot"),
        (("limit: 5wd", "calendar: cm"), 40, "calendar", "no calendar 'cm'", "write one of"),
    ],
)
def test_a_window_that_cannot_be_counted_is_shown_where_it_stands(
    tmp_path: Path, lines: tuple[str, ...], line: int, field: str, what: str, cure: str
) -> None:
    (error,) = broken(tmp_path, SHIP, in_ship(*lines))

    assert (error.line, error.field) == (line, f"steps[2].window.{field}")
    assert what in error.what
    assert cure in error.cure


@pytest.mark.parametrize(
    ("changes", "field", "what"),
    [
        ((("    during: [pack]\n", ""),), "steps[3]", "nobody stops"),
        ((("trigger: daily", "trigger: on_delay"),), "steps[3].trigger", "never begins"),
        (
            (("limit: same_day, starts: day", "limit: same_day, counts_from: entry, starts: day"),),
            "steps[3].window.counts_from",
            "counts from each working day",
        ),
        (
            (("trigger: daily", "trigger: watch"), ("same_day, ", "1wd, counts_from: pack, ")),
            "steps[3].window.counts_from",
            "not always left before",
        ),
        (
            (("trigger: daily", "trigger: watch"), ("same_day, ", "promised, ")),
            "steps[3].window.limit",
            "do not fit",
        ),
        (
            (("trigger: daily", "trigger: watch"), ("same_day, ", "1wd, counts_from: report, ")),
            "steps[3].window.counts_from",
            "only a gate that asks for money",
        ),
        *(
            (
                (("stops: cause}", f"counts_from: {since}, stops: cause}}"),),
                "case.cause_window.counts_from",
                "count from when they open",
            )
            for since in ("received", "report")
        ),
    ],
)
def test_a_window_that_nobody_begins_or_stops_is_refused(
    tmp_path: Path, changes: tuple[tuple[str, str], ...], field: str, what: str
) -> None:
    errors = broken(tmp_path, "ladder:\n", ALONGSIDE, *changes)

    assert [(error.field, what in error.what) for error in errors] == [(field, True)]


OWN = """\
id: OWN
version: 1
extends: GEN
title: Own
title_zh: 自
source: made up
insert:
  - after: check
    step:
      id: paid
      kind: gate
      stage: L09
      title: Paid
      title_zh: 付款
      role: finance
      standard: It is paid.
      window: {id: OWN.paid, limit: 2wd, starts: checked, stops: paid, pauses: [payment]}
      waits_for: payment
      facts: [activation_paid]
      work: check_money
change: {promise: {during: [entry, check, confirm, review, negotiate, plan, slot, material]}}
changes: {rewind_to: paid}
"""


def test_a_gate_that_stands_still_and_a_promise_that_nobody_watches_are_shown(
    tmp_path: Path,
) -> None:
    path = tmp_path / "OWN.yaml"
    path.write_text(OWN, encoding="utf-8")

    with pytest.raises(ProfileErrors) as found:
        load_profile(path)

    still, *unwatched = sorted(found.value.errors, key=lambda error: error.line)
    assert (still.line, "stands still" in still.what) == (17, True)
    assert "leave payment out" in still.cure
    steps = ("paid", "production", "qc", "rework", "pack", "release", "ship")
    assert {error.cure for error in unwatched} == {f"add {step}" for step in steps}
    assert {error.line for error in unwatched} == {21}


def test_a_wait_that_ends_by_itself_before_its_window_is_refused(tmp_path: Path) -> None:
    window = "window: {id: TINY.W04, limit: 7d/CT, starts: sent, stops: received}"
    receipt = RECEIPT.replace("same_day", "5d/CT").replace("paced_by: customer", window)

    (error,) = broken(tmp_path, "ladder:\n", f"{receipt}ladder:\n")

    assert error.field == "steps[3].auto_after"
    assert "so 7d/CT is never breached" in error.what


def test_an_unknown_bank_calendar_is_refused(tmp_path: Path) -> None:
    (error,) = broken(tmp_path, "calendar: cn\n", "calendar: cn\nbank_calendar: bank-us\n")

    assert (error.line, error.field) == (7, "bank_calendar")
    assert error.cure == "did you mean bank-cn?"


def test_what_a_window_counts_from_and_when_it_warns_is_read_aloud(tmp_path: Path) -> None:
    watch = ALONGSIDE.replace("trigger: daily", "trigger: watch").replace(
        "limit: same_day", "limit: 3wd, warn_before: 1wd, counts_from: received"
    )
    text = WHOLE.replace(SHIP, in_ship("limit: dispatch-1d", "counts_from: pack"))
    text = text.replace(*DATED).replace("limit: 1h", "limit: 1-2bd").replace("ladder:\n", watch)
    path = tmp_path / "TINY.yaml"
    path.write_text(text, encoding="utf-8")

    said = read_aloud(load_profile(path))

    assert "Calendar cn, for bank days bank-cn." in said
    assert "within 1 to 2 bank days after ordered (TINY.W01)" in said
    assert "by 1 day before the planned dispatch (TINY.W02, counted from when step pack" in said
    assert (
        "within 3 working days after day (TINY.W03, warned 1 working day before, "
        "counted from when the customer ordered)"
    ) in said
