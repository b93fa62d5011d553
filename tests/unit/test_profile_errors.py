"""Each way to break a profile is reported at its line and column, with a cure."""

import json
from pathlib import Path

import pytest

from ops.commands_policy import app
from policy.loader import ProfileError, ProfileErrors, load_all, load_profile

WHOLE = """\
id: TINY
version: 1
title: Tiny
title_zh: 小
source: made up
calendar: cn
number_at: entry
customer_notice: on_warning
required_fields: [customer]
minor_change_until: entry
steps:
  - id: entry
    kind: task
    stage: L05
    title: Entry
    title_zh: 录入
    role: sales
    standard: Entered.
    window: {id: TINY.W01, limit: 1h, starts: ordered, stops: entered}
  - id: pack
    kind: task
    stage: L24
    title: Packing
    title_zh: 包装
    role: warehouse
    standard: Packed.
    paced_by: promise
    work: record_packing
    outcomes: {done: next}
  - id: ship
    kind: task
    stage: L28
    title: Shipping
    title_zh: 发货
    role: logistics
    standard: Sent.
    window:
      id: TINY.W02
      limit: 1wd
      starts: packed
      stops: sent
    work: record_dispatch
ladder:
  - mark: warning
    tell: [owner]
    action: Answer.
  - mark: breach
    tell: [owner, sales]
    action: Explain.
case:
  cause_role: department_head
  cause_window: {id: TINY.cause, limit: 4h, starts: breach, stops: cause}
  closing_role: control
  closing_window: {id: TINY.closing, limit: 1wd, starts: done, stops: closed}
"""
CHILD = """\
id: SMALL
version: 1
extends: TINY
title: Small
title_zh: 小
source: made up
drop: [pack]
change:
  ship:
    window: {limit: 2h}
insert:
  - after: entry
    step:
      id: confirm
      kind: task
      stage: L07
      title: Confirmation
      title_zh: 确认
      role: sales
      standard: Confirmed.
      window: {id: SMALL.W01, limit: 2h, starts: entered, stops: confirmed}
"""
# The child drops the step at which its base gives the number.
NO_ENTRY_OLD = CHILD[CHILD.index("drop:") : CHILD.index("    step:")]
NO_ENTRY_NEW = "drop: [pack, entry]\ninsert:\n  - after: ship\n"
ALONGSIDE = """\
  - id: watch
    kind: alongside
    stage: L19
    title: Watch
    title_zh: 跟踪
    role: sales
    standard: Watched.
    window: {id: TINY.W03, limit: same_day, starts: day, stops: told}
    trigger: daily
    during: [pack]
ladder:
"""
DETOUR = """\
  - id: again
    kind: task
    stage: L18
    title: Rework
    title_zh: 返工
    role: production
    standard: Mended.
    paced_by: promise
    detour: true
    outcomes: {done: pack}
ladder:
"""
GATE = """\
  - id: release
    kind: gate
    stage: L27
    title: Release
    title_zh: 出库
    role: warehouse
    standard: Compared.
    paced_by: engine
    facts: [goods_match_order, inspection_passed]
    work: release_shipping
ladder:
"""
RECEIPT = """\
  - id: receipt
    kind: wait
    stage: L31
    title: Receipt
    title_zh: 签收
    role: customer
    standard: Confirmed.
    paced_by: customer
    awaits: receipt
    auto_after: same_day
"""


def broken(folder: Path, old: str, new: str, *more: tuple[str, str]) -> tuple[ProfileError, ...]:
    """The errors of TINY with `old` replaced by `new`."""
    text = WHOLE
    for before, after in ((old, new), *more):
        assert before in text
        text = text.replace(before, after, 1)
    path = folder / "TINY.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileErrors) as found:
        load_profile(path)
    return found.value.errors


def broken_child(folder: Path, old: str, new: str) -> tuple[ProfileError, ...]:
    """The errors of SMALL, which extends a healthy TINY."""
    assert old in CHILD
    (folder / "TINY.yaml").write_text(WHOLE, encoding="utf-8")
    path = folder / "SMALL.yaml"
    path.write_text(CHILD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProfileErrors) as found:
        load_profile(path)
    assert {error.file for error in found.value.errors} == {str(path)}
    return found.value.errors


def test_the_profile_that_these_tests_break_is_whole(tmp_path: Path) -> None:
    (tmp_path / "TINY.yaml").write_text(WHOLE, encoding="utf-8")
    (tmp_path / "SMALL.yaml").write_text(CHILD, encoding="utf-8")

    small = load_all(tmp_path).profiles["SMALL"]

    assert [step.id for step in small.steps] == ["entry", "confirm", "ship"]
    assert str(small.step("ship").window) != ""
    assert [str(window.limit) for window, _ in small.windows] == ["1h", "2h", "2h", "4h", "1wd"]


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "field", "what", "cure"),
    [
        ("limit: 1wd", "limit: 1d", 39, 7, "steps[2].window.limit", "could mean two", "write 1wd"),
        ("limit: 1h", "limit: 60", 19, 28, "steps[0].window.limit", "60 is no limit", "30m"),
        ("role: sales", "role: sale", 17, 5, "steps[0].role", "unknown", "did you mean sales?"),
        ("stage: L24", "stage: pack", 22, 5, "steps[1].stage", "unknown", "write one of L01"),
        ("kind: task", "kind: tusk", 12, 5, "steps[0]", "'tusk' is unknown", "did you mean task?"),
        ("    kind: task\n", "", 12, 5, "steps[0]", "has no kind", "add `kind: task`"),
        ("    title: Packing\n", "", 20, 5, "steps[1].title", "is missing", "add `title: …`"),
        ("standard: Sent", "standart: Sent", 36, 5, "steps[2].standart", "not known", "standard?"),
        ("calendar: cn\n", "calender: cn\n", 6, 1, "calender", "not known", "calendar?"),
        ("calendar: cn", "calendar: de", 6, 1, "calendar", "no calendar 'de'", "write one of"),
        ("version: 1", "version: one", 2, 1, "version", "whole number", "digits"),
        ("title: Tiny", "title: 12", 3, 1, "title", "should be a text", "put it in quotes"),
        ("title: Tiny", "title: ' '", 3, 1, "title", "not be blank", "plain text"),
        ("tell: [owner]", "tell: owner", 45, 5, "ladder[0].tell", "should be a list", "[sales"),
        ("tell: [owner]", "tell: [oner]", 45, 12, "ladder[0].tell[0]", "unknown", "mean owner?"),
        ("tell: [owner]", "tell: [saels]", 45, 12, "ladder[0].tell[0]", "unknown", "mean sales?"),
        ("tell: [owner]", "tell: []", 45, 5, "ladder[0].tell", "is empty", "at least one"),
        ("number_at: entry", "number_at: entri", 7, 1, "number_at", "no step", "mean entry?"),
        ("[customer]", "[custommer]", 9, 19, "required_fields[0]", "no field", "mean customer?"),
        ("{done: next}", "{done: shipp}", 29, 16, "steps[1].outcomes.done", "no step", "ship?"),
        ("{done: next}", "{done: entry}", 11, 1, "steps", "never reaches its end", "`next`"),
        ("TINY.W02", "TINY.W01", 38, 7, "steps[2].window.id", "a window already", "own rule id"),
        ("TINY.W02", "W02", 38, 7, "steps[2].window.id", "right form", "such as S08.W03"),
        ("id: pack", "id: entry", 20, 5, "steps[1].id", "two steps 'entry'", "its own id"),
        ("id: pack", "id: Pack it", 20, 5, "steps[1].id", "right form", "plan_approval"),
        ("id: pack", "id: next", 20, 5, "steps[1].id", "is a target", "another id"),
        ("id: TINY\n", "id: TINI\n", 1, 1, "id", "does not name its file", "TINI.yaml"),
        (
            "paced_by: promise",
            "rules: []",
            20,
            5,
            "steps[1]",
            "exactly one time node",
            "give it either",
        ),
        ("title_zh: 包装", "title: again", 24, 5, "steps[1].title", "line 23 has it", "keep one"),
        ("mark: warning", "mark: leadership", 44, 5, "ladder[0]", "wrong waits", "after_percent"),
        ("mark: warning", "mark: breach", 47, 5, "ladder[1].mark", "after breach", "upwards"),
        ("mark: breach", "mark: warning", 43, 1, "ladder", "no rung for the breach", "- mark"),
        ("title: Tiny", "title: a: b", 3, 9, "", "is not YAML", "in quotes"),
        ("title: Tiny", "title: [a", 4, 9, "", "is not YAML", "indentation"),
        ("title: Tiny", "title: !!set a", 3, 8, "title", "has the tag", "drop it"),
        ("title: Tiny", "title: *a", 3, 8, "", "repeats another part", "write the part out"),
        ("\nsource:", "\ndrop: [pack]\nsource:", 5, 1, "drop", "nothing to differ", "extends: GEN"),
    ],
)
def test_a_fault_is_shown_where_it_stands(
    tmp_path: Path,
    old: str,
    new: str,
    line: int,
    column: int,
    field: str,
    what: str,
    cure: str,
) -> None:
    errors = broken(tmp_path, old, new)
    error = next((error for error in errors if error.field == field), errors[0])

    assert (error.line, error.column, error.field) == (line, column, field)
    assert what in error.what
    assert cure in error.cure


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "field", "what", "cure"),
    [
        ("[pack]", "[pak]", 7, 8, "drop[0]", "no step 'pak'", "did you mean pack?"),
        ("drop: [pack]", "drop: pack", 7, 1, "drop", "wrong shape", "write a list"),
        ("  ship:", "  shop:", 9, 3, "change.shop", "no step 'shop'", "did you mean ship?"),
        ("{limit: 2h}", "{limit: 2x}", 10, 14, "change.ship.window.limit", "no limit", "write 30m"),
        ("{limit: 2h}", "{limits: 2h}", 10, 14, "change.ship.window.limits", "not known", "limit?"),
        (
            "    window:",
            "    id: x\n    window:",
            10,
            5,
            "change.ship.id",
            "keeps its id",
            "insert",
        ),
        ("after: entry", "after: entri", 12, 5, "insert[0].after", "no step", "mean entry?"),
        ("after: entry", "behind: entry", 12, 5, "insert[0]", "needs a place", "after"),
        ("role: sales", "role: nobody", 19, 7, "insert[0].step.role", "unknown", "write one of"),
        ("SMALL.W01", "TINY.W02", 21, 16, "steps[2].window.id", "already", "own rule id"),
        ("[pack]", "[pack, pack]", 7, 14, "drop[1]", "no step 'pack'", "write one of"),
        (NO_ENTRY_OLD, NO_ENTRY_NEW, 7, 14, "number_at", "no step 'entry'", "write one of"),
        ("extends: TINY", "extends: TINI", 3, 1, "extends", "no profile 'TINI'", "mean TINY?"),
        ("extends: TINY", "extends: SMALL", 3, 1, "extends", "a circle", "extend nothing"),
        ("version: 1\n", "", 1, 1, "version", "is missing", "add `version: …`"),
        ("drop:", "steps: []\ndrop:", 7, 1, "steps", "no steps of its own", "drop, change"),
    ],
)
def test_a_fault_of_a_child_is_shown_in_the_child(
    tmp_path: Path,
    old: str,
    new: str,
    line: int,
    column: int,
    field: str,
    what: str,
    cure: str,
) -> None:
    errors = broken_child(tmp_path, old, new)
    error = next((error for error in errors if error.field == field), errors[0])

    assert (error.line, error.column, error.field) == (line, column, field)
    assert what in error.what
    assert cure in error.cure


@pytest.mark.parametrize(
    ("part", "changes", "field", "what"),
    [
        (ALONGSIDE, (("[pack]", "[pick]"),), "steps[3].during[0]", "no step 'pick'"),
        (ALONGSIDE, (("trigger: daily", "trigger: on_promise"),), "steps[3].window.limit", "fit"),
        (
            ALONGSIDE,
            (
                (
                    "window: {id: TINY.W03, limit: same_day, starts: day, stops: told}",
                    "paced_by: promise",
                ),
            ),
            "steps[3]",
            "without a window",
        ),
        (DETOUR, (), "steps[3]", "no other step leads"),
        (
            DETOUR,
            (("{done: next}", "{done: next, bad: again}"), ("{done: pack}", "{done: next}")),
            "steps[3].outcomes.done",
            "has no next step",
        ),
        (
            DETOUR,
            (("{done: next}", "{done: next, bad: again}"), ("{done: pack}", "{done: again}")),
            "steps[3]",
            "no way leads out",
        ),
        (GATE, (), "steps[3].facts[1]", "inspection_passed"),
        (GATE, (("kind: gate", "detour: true\n    kind: gate"),), "steps[3].detour", "a gate"),
    ],
)
def test_a_route_that_contradicts_itself_is_reported(
    tmp_path: Path, part: str, changes: tuple[tuple[str, str], ...], field: str, what: str
) -> None:
    errors = broken(tmp_path, "ladder:\n", part, *changes)

    assert any(error.field == field and what in error.what for error in errors), errors


def test_a_receipt_is_awaited_only_after_dispatch_and_for_a_length(tmp_path: Path) -> None:
    errors = broken(tmp_path, "steps:\n", f"steps:\n{RECEIPT}")

    assert [error.field for error in errors] == ["steps[0]", "steps[0].auto_after"]
    assert "before anything is dispatched" in errors[0].what
    assert "is no single length" in errors[1].what


def test_several_faults_are_reported_together(tmp_path: Path) -> None:
    errors = broken(tmp_path, "limit: 1h", "limit: 1d", ("L24", "L240"), ("[owner]", "[]"))

    assert [error.line for error in errors] == [19, 22, 45]


def test_one_slip_is_one_error(tmp_path: Path) -> None:
    for old, new in (("standard: Sent", "standart: Sent"), ("[owner]", "[oner]")):
        assert len(broken(tmp_path, old, new)) == 1


def test_an_error_reads_as_place_fault_and_cure(tmp_path: Path) -> None:
    error = broken(tmp_path, "limit: 1wd", "limit: 1d")[0]

    assert str(error) == (
        f"{tmp_path / 'TINY.yaml'}:39:7: steps[2].window.limit: '1d' could mean two things; "
        "write 1wd for working days or 1d/CT for elapsed days"
    )


def test_a_child_of_a_broken_profile_says_what_to_mend_first(tmp_path: Path) -> None:
    (tmp_path / "TINY.yaml").write_text(WHOLE.replace("L24", "L240"), encoding="utf-8")
    (tmp_path / "SMALL.yaml").write_text(CHILD, encoding="utf-8")

    errors = load_all(tmp_path).errors

    assert [Path(error.file).name for error in errors] == ["SMALL.yaml", "TINY.yaml"]
    assert "TINY is broken" in errors[0].what
    assert "TINY.yaml:22:5" in errors[0].cure


def test_profiles_that_extend_each_other_are_reported_both(tmp_path: Path) -> None:
    for name, base in (("AA", "BB"), ("BB", "AA")):
        (tmp_path / f"{name}.yaml").write_text(f"id: {name}\nextends: {base}\n", encoding="utf-8")

    errors = load_all(tmp_path).errors

    assert [(error.line, error.field) for error in errors] == [(2, "extends"), (2, "extends")]
    assert all("a circle" in str(error) for error in errors)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is no profile"),
        (b"- a\n- b\n", "is no profile"),
        (b"\xff\xfe", "cannot be read"),
        (b"id: A\n---\nid: B\n", "is not YAML"),
        (b"a: &x [1]\nb: *x\n", "*x repeats another part"),
        (b"a: \x07\n", "special characters"),
        (b"[" * 1000, ""),
        (b"? [a, b]\n: c\n", "a key should be a plain word"),
        (b"id:\n\t- a\n", "is not YAML"),
    ],
)
def test_a_file_that_is_no_profile_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "TINY.yaml"
    path.write_bytes(content)

    with pytest.raises(ProfileErrors) as found:
        load_profile(path)

    assert what in found.value.errors[0].what


def test_a_missing_file_is_an_error_with_a_cure(tmp_path: Path) -> None:
    (tmp_path / "TINY.yaml").write_text(WHOLE, encoding="utf-8")

    with pytest.raises(ProfileErrors) as found:
        load_profile(tmp_path / "TINNY.yaml")

    assert found.value.errors[0].what == "there is no such file"
    assert found.value.errors[0].cure == "did you mean TINY.yaml?"


def test_check_lists_problems_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken(tmp_path, "limit: 1wd", "limit: 1d")

    with pytest.raises(SystemExit) as left:
        app(["check", str(tmp_path / "TINY.yaml")])

    assert left.value.code == 1
    assert "TINY.yaml:39:7: steps[2].window.limit" in (said := capsys.readouterr().out)
    assert said.endswith("1 profile, 0 calendars, 1 problem\n")


def test_check_without_files_finds_the_shipped_profiles_healthy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as left:
        app(["check", "--json"])

    assert left.value.code == 0
    shipped = len(load_all().profiles)
    said = json.loads(capsys.readouterr().out)
    assert said == {"profiles": shipped, "calendars": 4, "problems": []}
