"""The shipped profiles say what their regulations say."""

import shutil
from pathlib import Path

import pytest

from domain.roles import Role
from domain.stages import Stage
from domain.windows import Mark
from policy.instants import total
from policy.loader import PROFILES, load_all, load_profile
from policy.model import Profile
from policy.reading import read_aloud
from policy.steps import Fact, GateStep, ResourceStep, ReviewStep, TaskStep, WaitStep, Work

# The figures of the hours regulation, S08.W01 to S08.W11: step, stage, who, limit.
S08_WINDOWS = {
    "S08.W01": ("entry", Stage.REGISTRATION, Role.SALES, "1h"),
    "S08.W02": ("confirm", Stage.CONFIRMATION, Role.SALES, "3h"),
    "S08.W03": ("review", Stage.REVIEW, Role.ORDER_DESK, "2h"),
    "S08.W04": ("plan", Stage.PLANNING, Role.PRODUCTION, "1h"),
    "S08.W05": ("plan_approval", Stage.PLAN_APPROVAL, Role.SALES_MANAGER, "3h"),
    "S08.W06": ("tracking", Stage.TRACKING, Role.PRODUCTION, "same_day"),
    "S08.W07": ("delay_notice", Stage.TRACKING, Role.PRODUCTION, "30m"),
    "S08.W08": ("qc", Stage.FINAL_QC, Role.QUALITY, "1h"),
    "S08.W09": ("pack", Stage.PACKING, Role.WAREHOUSE, "2h"),
    "S08.W10": ("ship", Stage.DISPATCH, Role.LOGISTICS, "3h"),
    "S08.W11": ("notify", Stage.NOTIFICATION, Role.SALES, "24h/CT"),
}


@pytest.fixture(scope="module")
def s08() -> Profile:
    return load_profile(PROFILES / "S08.yaml")


@pytest.fixture(scope="module")
def gen() -> Profile:
    return load_profile(PROFILES / "GEN.yaml")


def test_every_shipped_profile_loads() -> None:
    loaded = load_all()

    assert set(loaded.profiles) == {path.stem for path in PROFILES.glob("*.yaml")}
    some = {"GEN", "S07", "S08", "S11", "S22", "S23", "S26", "S33", "S35", "S39"}
    assert some <= set(loaded.profiles)
    assert loaded.errors == ()


def test_the_hours_regulation_has_its_eleven_windows(s08: Profile) -> None:
    found = {
        step.window.id: (step.id, step.stage, step.role, str(step.window.limit))
        for step in s08.steps
        if step.window and step.window.id.startswith("S08.")
    }

    assert found == S08_WINDOWS


def test_the_hours_regulation_needs_sixteen_working_hours_besides_production(s08: Profile) -> None:
    in_line = ("entry", "confirm", "review", "plan", "plan_approval", "qc", "pack", "ship")

    seconds = sum(
        total(step.window.limit) for step in s08.steps if step.window and step.id in in_line
    )

    assert seconds == 16 * 3600


def test_the_hours_regulation_walks_its_steps_in_this_order(s08: Profile) -> None:
    assert [step.id for step in s08.route if not step.detour] == [
        "entry",
        "confirm",
        "review",
        "material",
        "plan",
        "slot",
        "plan_approval",
        "production",
        "qc",
        "pack",
        "release",
        "ship",
        "notify",
        "receipt",
    ]
    assert [step.id for step in s08.route if step.detour] == ["negotiate", "rework"]


def test_the_hours_regulation_is_reviewed_by_two_departments(s08: Profile) -> None:
    review = s08.step("review")

    assert isinstance(review, ReviewStep)
    assert review.reviewers == (Role.PRODUCTION, Role.FINANCE)
    assert (review.mode, review.refused) == ("all", "negotiate")


def test_a_refused_plan_is_made_again(s08: Profile) -> None:
    approval = s08.step("plan_approval")

    assert isinstance(approval, TaskStep)
    assert approval.outcomes == {"approved": "next", "refused": "plan"}


def test_nothing_ships_without_an_approved_plan_and_an_inspection(s08: Profile) -> None:
    release = s08.step("release")

    assert isinstance(release, GateStep)
    assert set(release.facts) == {
        Fact.GOODS_MATCH_ORDER,
        Fact.INSPECTION_PASSED,
        Fact.PLAN_APPROVED,
    }


def test_only_the_customer_confirms_a_receipt_under_the_hours_regulation(
    s08: Profile, gen: Profile
) -> None:
    strict, lenient = s08.step("receipt"), gen.step("receipt")

    assert isinstance(strict, WaitStep)
    assert isinstance(lenient, WaitStep)
    assert strict.auto_after is None
    assert str(lenient.auto_after) == "7d/CT"


def test_the_hours_regulation_tells_the_customer_when_a_delay_is_known(s08: Profile) -> None:
    assert s08.customer_notice == "on_delay_known"
    assert (s08.number_at, s08.changes.rows[0].until) == ("entry", "pack")


def test_the_ladder_has_six_rungs_with_their_listeners(s08: Profile) -> None:
    assert [(rung.mark, rung.tell, rung.after_percent) for rung in s08.ladder] == [
        (Mark.WARNING, ("owner", Role.SALES), None),
        (Mark.BREACH, ("owner", Role.DEPARTMENT_HEAD, Role.ORDER_DESK), None),
        (Mark.ANALYSIS, (Role.SALES_MANAGER, "departments"), 50),
        (Mark.LEADERSHIP, (Role.LEADERSHIP, Role.PLANNING), 100),
        (Mark.DUE_DATE, (Role.LEADERSHIP, Role.SALES_MANAGER, Role.CUSTOMER), None),
        (Mark.CLOSING, (Role.QUALITY, Role.CONTROL), None),
    ]
    assert {str(rung.at_least) for rung in s08.ladder if rung.at_least} == {"30m"}


def test_an_overdue_case_has_windows_of_its_own(s08: Profile) -> None:
    case = s08.case

    assert (case.cause_role, str(case.cause_window.limit)) == (Role.DEPARTMENT_HEAD, "4h")
    assert (case.closing_role, str(case.closing_window.limit)) == (Role.CONTROL, "1wd")


def test_the_general_process_is_reviewed_by_three_departments(gen: Profile) -> None:
    review = gen.step("review")

    assert isinstance(review, ReviewStep)
    assert review.reviewers == (Role.SALES, Role.PRODUCTION, Role.FINANCE)


@pytest.mark.parametrize("name", ["GEN", "S08"])
def test_each_work_of_the_route_is_done_by_some_step(name: str) -> None:
    profile = load_profile(PROFILES / f"{name}.yaml")

    works = [
        step.work
        for step in profile.route
        if isinstance(step, TaskStep | GateStep | ResourceStep) and step.work
    ]

    assert set(works) == set(Work) - {Work.PREPARE_REVIEW, Work.CHECK_MONEY}


def test_a_profile_survives_its_way_into_an_order(s08: Profile) -> None:
    assert Profile.model_validate_json(s08.model_dump_json()) == s08


def test_a_broken_profile_keeps_no_other_from_loading(tmp_path: Path) -> None:
    shutil.copy(PROFILES / "GEN.yaml", tmp_path)
    (tmp_path / "BAD.yaml").write_text("id: BAD\nextends: GEN\n", encoding="utf-8")

    loaded = load_all(tmp_path)

    assert set(loaded.profiles) == {"GEN"}
    assert {error.field for error in loaded.errors} == {"version", "title", "title_zh", "source"}


def test_a_profile_reads_like_its_regulation(s08: Profile) -> None:
    said = read_aloud(s08)

    assert said.startswith("S08: Order process time policy, in hours (公司订单流程时间管理制度)")
    assert (
        "3. Review (部门评审, L10). Production and finance review the order within 2 working hours "
        "after the order is submitted (S08.W03)." in said
    )
    assert "If one refuses → negotiation." in said
    assert "9a. Rework (返工, L18)." in said
    assert "E2 50 % of the window later, at least 30 working minutes: sales manager and" in said
    assert said.count("S08.W") == len(S08_WINDOWS) + 2, "each window once, and the source's span"


def test_a_receipt_that_counts_as_given_is_read_with_its_time(gen: Profile) -> None:
    assert "Without an answer it counts as given after 7 elapsed days." in read_aloud(gen)
