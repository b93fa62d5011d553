"""Parts of an overdue case and sanctions of a profile: refused at their field, read aloud."""

from pathlib import Path

import pytest

from policy.loader import ProfileErrors, load_profile
from policy.reading import read_aloud
from tests.unit.test_profile_errors import WHOLE

PARTS = """\
  analysis_role: sales_manager
  analysis_window: {id: TINY.analysis, limit: 1wd, starts: E2, stops: analysed}
  measure_window: {id: TINY.measure, limit: agreed, starts: analysed, stops: reported}
  decision_role: leadership
  decision_window: {id: TINY.decision, limit: 1wd, starts: E3, stops: decided}
"""
SANCTIONS = """\
sanctions:
  - id: TINY.F01
    on: window_breached
    rule: TINY.W01
    kind: fine
    amount: "100"
    currency: CNY
    charged: owner
    text: The entry came late.
    text_zh: 录入超时。
  - id: TINY.R01
    on: order_on_time
    kind: reward
    amount: "50"
    currency: CNY
    charged: logistics
    text: The goods left in time.
    text_zh: 按期发货。
"""
FULL = WHOLE + PARTS + SANCTIONS


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "TINY.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "field", "what", "cure"),
    [
        ("  analysis_role: sales_manager\n", "", "case", "analysis is incomplete", "none of them"),
        ("  decision_role: leadership\n", "", "case", "decision is incomplete", "or neither"),
        (
            "analysis_role: sales_manager",
            "analysis_role: customer",
            "case.analysis_role",
            "own",
            "",
        ),
        ("limit: agreed", "limit: 1wd", "case.measure_window.limit", "do not fit", "`agreed`"),
        ("TINY.analysis, limit: 1wd", "TINY.W01, limit: 1wd", "case.analysis_window.id", "has", ""),
        ("rule: TINY.W01", "rule: TINY.W07", "sanctions[0].rule", "no window TINY.W07", "did you"),
        ("id: TINY.R01", "id: TINY.F01", "sanctions[1].id", "two sanctions", "its own"),
        ('amount: "100"', 'amount: "0.001"', "sanctions[0]", "cannot be paid", "0.01"),
        ("charged: logistics", "charged: owner", "sanctions[1]", "no window and no owner", "name"),
        ("charged: owner", "charged: customer", "sanctions[0].charged", "nobody inside", "owner"),
    ],
)
def test_a_case_or_a_sanction_that_makes_no_sense_is_refused_at_its_field(
    tmp_path: Path, old: str, new: str, field: str, what: str, cure: str
) -> None:
    assert FULL.count(old) == 1

    with pytest.raises(ProfileErrors) as found:
        load_profile(written(tmp_path, FULL.replace(old, new)))

    [error] = found.value.errors
    assert error.field == field
    assert what in error.what
    assert cure in error.cure


def test_parts_and_sanctions_are_read_aloud(tmp_path: Path) -> None:
    said = read_aloud(load_profile(written(tmp_path, FULL)))

    assert "sales manager analyses it at E2 within 1 working day" in said
    assert "names a measure with an owner, who does it by the agreed date (TINY.measure)" in said
    assert "leadership decides at E3 within 1 working day" in said
    assert (
        "If window TINY.W01 is missed, the late step's owner pays 100.00 CNY each time (TINY.F01)."
    ) in said
    assert "logistics gets 50.00 CNY each time (TINY.R01)." in said


def test_a_profile_of_before_asks_for_cause_and_closing_only(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path, WHOLE))

    assert [field for field, _, _ in profile.case.windows] == ["cause_window", "closing_window"]
    assert profile.sanctions == ()
