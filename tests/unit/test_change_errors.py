"""A profile says only what differs about changes, and each way to break that is pointed at."""

from pathlib import Path

import pytest

from domain.changes import ChangeClass
from domain.roles import Role
from policy.loader import PROFILES, ProfileErrors, load_profile
from policy.model import Profile
from policy.reading import read_aloud

HEAD = """\
id: OWN
version: 1
extends: GEN
title: Own
title_zh: 自
source: made up
"""


def load(folder: Path, text: str) -> Profile:
    path = folder / "OWN.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return load_profile(path)


def test_a_profile_names_only_what_differs_of_changes_cancellation_and_money(
    tmp_path: Path,
) -> None:
    text = (
        "changes:\n  identity: true\n  told: [{of: [minor], roles: [sales]}]\n"
        "cancellation: {role: sales_manager}\n"
        "money: {activation_percent: 20}\n"
    )
    gen = load_profile(PROFILES / "GEN.yaml")

    own = load(tmp_path, text)

    assert own.changes.identity
    assert own.changes.rows == gen.changes.rows
    assert [told.roles for told in own.changes.told] == [(Role.SALES,)]
    assert own.cancellation.rows == gen.cancellation.rows
    assert own.cancellation.role is Role.SALES_MANAGER
    assert own.money.activation_percent == 20
    assert own.money.advance_percent == gen.money.advance_percent


FOLLOW_UP = """\
follow_ups:
  - id: audit
    title: Audit
    title_zh: 回访
    begins: completed
    steps:
      - {id: ask, stage: L33, title: Ask, title_zh: 问, role: sales, standard: Asked.,
         window: {id: OWN.ask, limit: 1wd, starts: completed, stops: asked}}
"""


def test_follow_ups_are_laid_over_by_id_and_new_ones_follow(tmp_path: Path) -> None:
    first = load(tmp_path, FOLLOW_UP)
    path = tmp_path / "NEXT.yaml"
    head = HEAD.replace("OWN", "NEXT").replace("GEN", "OWN")
    other = FOLLOW_UP.partition("\n")[2].replace("audit", "second").replace("OWN.ask", "NEXT.ask")
    path.write_text(f"{head}follow_ups:\n  - {{id: audit, title: Audited}}\n{other}", "utf-8")

    following = load_profile(path)

    kinds = [kind.id for kind in first.follow_ups]
    assert [kind.id for kind in following.follow_ups] == [*kinds, "second"]
    assert following.follow_up("audit").title == "Audited"
    assert following.follow_up("audit").steps == first.follow_up("audit").steps


ROW = "changes:\n  rows:\n    - "
STEP = (
    "insert:\n  - after: ship\n    step: {{id: ack, kind: alongside, stage: L10, title: Ack,\n"
    "      title_zh: 知, role: production, standard: Read.,\n"
    "      window: {{id: OWN.ack, limit: 4h, starts: asked, stops: read}}, {rest}}}\n"
)


@pytest.mark.parametrize(
    ("text", "line", "column", "what", "cure"),
    [
        ("changes: {rewind_to: reveiw}\n", 7, 11, "no step 'reveiw'", "did you mean review?"),
        ("changes: {rewind_to: plan}\n", 7, 11, "behind 'review'", "write review"),
        ("changes: {replan_at: rework}\n", 7, 11, "'rework' is a detour", "write one of entry"),
        (f"{ROW}{{touches: [remarks], of: minor, until: pak}}\n", 9, 39, "'pak'", "mean pack?"),
        (f"{ROW}{{touches: [remarks], of: minor, since: x}}\n", 9, 39, "no step 'x'", "write one"),
        (f"{ROW}{{touches: [remark], of: minor}}\n", 9, 18, "unknown", "did you mean remarks?"),
        (f"{ROW}{{touches: [remarks], off: minor}}\n", 9, 28, "not known", "did you mean of?"),
        (f"{ROW}{{touches: [remarks], of: refused}}\n", 9, 7, "needs because", ""),
        (
            f"{ROW}{{touches: [remarks], of: minor}}\n"
            "    - {touches: [remarks], of: date, until: pack}\n",
            10, 18, "row 1 settles remarks", "put this row first",
        ),
        ("changes: {evidence: [big]}\n", 7, 22, "'big' is unknown", "write one of date"),
        ("changes: {identiy: true}\n", 7, 11, "not known", "did you mean identity?"),
        ("drop: [date_review, change_review]\n", 3, 1, "about a structural change", "on_change"),
        (
            STEP.format(rest="trigger: on_change, classes: [minor], agreeing: [agred, refused]"),
            11, 0, "'agred' is no answer to a change", "did you mean agreed?",
        ),
        (
            STEP.format(rest="trigger: on_change, classes: [minor], agreeing: [agreed]"),
            11, 0, "yes and no", "[agreed, refused]",
        ),
        (STEP.format(rest="trigger: on_change"), 9, 5, "no class of change", "classes: [date]"),
        (
            STEP.format(rest="trigger: on_change, classes: [refused]"),
            11, 0, "a refused change", "leave it out",
        ),
        (
            STEP.format(rest="trigger: on_change, classes: [date], during: [plan]"),
            11, 0, "whenever it comes", "leave during out",
        ),
        (
            STEP.format(rest="trigger: watch, during: [plan], needed: cost"),
            11, 0, "needed belongs to a step", "trigger: on_change",
        ),
    ],
)  # fmt: skip
def test_a_rule_about_changes_that_cannot_be_is_pointed_at(
    tmp_path: Path, text: str, line: int, column: int, what: str, cure: str
) -> None:
    with pytest.raises(ProfileErrors) as found:
        load(tmp_path, text)

    said = next(error for error in found.value.errors if what in error.what)
    assert said.line == line
    assert said.column == column or not column
    assert cure in said.cure


def test_changes_and_cancellation_are_read_aloud() -> None:
    said = read_aloud(load_profile(PROFILES / "GEN.yaml"))

    assert (
        "– The promised date: a date change, until the end of packing. Later it is refused" in said
    )
    assert "A structural change takes the order back to review, a new date back to" in said
    assert "Of a minor change order desk is told." in said
    assert "Change review (更改评审, L08). At a date, technical or structural change" in said
    assert "At a technical or structural change that raises the price sales answers" in said
    assert "– Until the end of shipping it is free, and a deposit is given back" in said


def test_every_class_that_needs_an_answer_has_somebody_who_gives_it() -> None:
    gen = load_profile(PROFILES / "GEN.yaml")

    asked = {of for step in gen.alongside if step.trigger == "on_change" for of in step.classes}

    assert asked == {ChangeClass.DATE, ChangeClass.TECHNICAL, ChangeClass.STRUCTURAL}
