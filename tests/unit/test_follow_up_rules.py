"""Follow-ups of a profile: what contradicts itself is named at its place, what is said reads."""

from pathlib import Path

import pytest

from policy.loader import ProfileErrors, load_all, load_profile
from policy.reading import read_aloud

CHILD = """\
id: SMALL
version: 1
extends: GEN
title: Small
title_zh: 小
source: made up
drop_follow_ups: [survey]
follow_ups:
  - id: service
    title: Service
    title_zh: 售后
    begins: asked
    asked_by: [customer]
    steps:
      - id: contact
        stage: L34
        title: Contact
        title_zh: 联系
        role: sales
        standard: The customer is called.
        window: {id: SMALL.contact, limit: 2h, starts: asked, stops: called}
        outcomes: {settled: done, visit: serve}
        requires: [visit.agreed_date]
      - id: serve
        stage: L34
        title: Service
        title_zh: 服务
        role: technical
        standard: It works again.
        window: {id: SMALL.serve, limit: 1wd, starts: agreed, stops: done}
        not_by: contact
"""


def faults(tmp_path: Path, text: str) -> list[str]:
    """What is wrong, each as `line:column field: what; cure`."""
    path = tmp_path / "SMALL.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        load_profile(path)
    except ProfileErrors as error:
        return [f"{one.line}:{one.column} {one.what}; {one.cure}" for one in error.errors]
    return []


def test_a_profile_takes_the_general_follow_ups_drops_one_and_changes_one(tmp_path: Path) -> None:
    path = tmp_path / "SMALL.yaml"
    path.write_text(CHILD, encoding="utf-8")

    profile = load_profile(path)

    general = [kind.id for kind in load_all().profiles["GEN"].follow_ups]
    assert [kind.id for kind in profile.follow_ups] == general[1:]
    assert profile.follow_up("service").step("serve").not_by == "contact"
    assert profile.window("SMALL.serve").limit.words == "1 working day"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("[survey]", "[surveys]", "7:19 there is no follow-up 'surveys'; did you mean survey?"),
        ("visit: serve", "visit: server", "22:35 service has no step 'server'"),
        ("done, visit: serve", "done, visit: done", "24:9 no answer leads here; lead to it"),
        ("[visit.agreed", "[visits.agreed", "23:20 there is no answer 'visits'"),
        ("not_by: contact", "not_by: serve", "31:9 no earlier step of service is called 'serve'"),
        ("limit: 1wd", "limit: due-1d", "30:35 due-1d is a date of the order"),
        ("asked_by: [customer]", "asked_by: []", "12:5 nobody may ask for it"),
        ("not_by: contact", "work: pay_refund", "31:9 pay_refund belongs to a follow-up that"),
        ("SMALL.serve,", "SMALL.contact,", "rule SMALL.contact has a window already"),
    ],
)
def test_a_follow_up_that_cannot_be_run_is_named_at_its_place(
    tmp_path: Path, old: str, new: str, fault: str
) -> None:
    found = faults(tmp_path, CHILD.replace(old, new))

    assert any(fault in one for one in found), found


def test_one_that_never_ends_is_named(tmp_path: Path) -> None:
    endless = CHILD.replace("settled: done, ", "").replace(
        "not_by: contact", "outcomes: {again: contact}"
    )

    assert any("no way leads out of here" in one for one in faults(tmp_path, endless))


def test_the_general_follow_ups_are_read_aloud() -> None:
    text = read_aloud(load_all().profiles["GEN"])

    assert "Complaint (投诉) begins when somebody of customer, sales," in text
    assert "Decision on a serious complaint (重大投诉处理决策, L36). Leadership, within 30 " in text
    assert "Until it is closed, no receipt confirms itself." in text
    assert "Whoever has answered refund approval does not do this." in text


def test_the_equipment_group_has_its_own_figures_for_a_service_and_the_general_rest() -> None:
    loaded = load_all().profiles
    group, general = loaded["S35"], loaded["GEN"]
    service = group.follow_up("service")

    assert [(step.window.id, step.window.limit.words) for step in service.steps] == [
        ("S35.W23", "1 working hour"),
        ("S35.W24", "2 working hours"),
        ("GEN.service_done", "5 working days"),
    ]
    for kind in general.follow_ups:
        assert kind.id == "service" or group.follow_up(kind.id) == kind
    assert service.asked_by == general.follow_up("service").asked_by
