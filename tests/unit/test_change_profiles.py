"""What the project, confirmation and factory regulations say of changes (S22, S33, S39)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.changes import ChangeRequest
from domain.holdings import Holdings
from domain.orders import OrderRequest
from domain.patching import patched, touches
from domain.roles import Role
from policy.changing import classify, passed_by
from policy.impact import Impact, impact_of
from policy.loader import PROFILES, load_profile
from policy.model import Profile
from policy.reading import read_aloud

PROMISED = datetime(2027, 3, 1, 10, tzinfo=UTC)
ORDER = OrderRequest.model_validate(
    {
        "profile": "GEN",
        "customer": "C-0001",
        "promised_at": PROMISED,
        "lines": [{"product": "EL-A4", "quantity": 40, "unit_price": "38.50"}],
    }
)
LATER = {"promised_at": (PROMISED + timedelta(days=7)).isoformat()}
EARLIER = {"promised_at": (PROMISED - timedelta(days=7)).isoformat()}
MORE = {"lines": [{"line": 1, "quantity": 50}]}
LESS = {"lines": [{"line": 1, "quantity": 30}]}
SPEC = {"lines": [{"line": 1, "specification": "red"}]}
REMARKS = {"remarks": "ring twice"}


def profile(name: str) -> Profile:
    return load_profile(PROFILES / f"{name}.yaml")


def impact(of: Profile, asked: dict[str, Any]) -> Impact:
    change = ChangeRequest.model_validate({"version": 1, **asked})
    touched = touches(ORDER, change)
    found = classify(of.changes, touched, passed_by(of, "plan"), ORDER.traits)
    after = patched(ORDER, change, {})
    return impact_of(of, ORDER, after, touched, found, "plan", Holdings())


@pytest.mark.parametrize(
    ("asked", "signed"), [(LATER, True), (EARLIER, False), (MORE, True), (LESS, False)]
)
def test_a_project_signs_a_change_agreement_when_cost_or_date_moves(
    asked: dict[str, Any], signed: bool
) -> None:
    found = impact(profile("S22"), asked)

    assert ("S22.agreement" in {agreed.rule for agreed in found.must_agree}) == signed
    assert found.needs == ("evidence",)
    assert Role.PLANNING in found.told


def test_a_small_change_of_a_project_needs_neither_paper_nor_agreement() -> None:
    found = impact(profile("S22"), REMARKS)

    assert (found.needs, found.must_agree) == ((), ())


def test_a_date_that_comes_with_a_technical_change_is_agreed_as_if_it_came_alone() -> None:
    red = {"lines": [{"line": 1, "specification": "red"}]}

    assert [agreed.step for agreed in impact(profile("S22"), red | LATER).must_agree] == [
        "change_review",
        "technical_review",
        "date_review",
        "supplement",
    ]
    assert [agreed.step for agreed in impact(profile("S22"), red | EARLIER).must_agree] == [
        "change_review",
        "technical_review",
        "date_review",
    ]


def test_every_department_answers_to_a_change_after_customer_service_has_passed_it_on() -> None:
    found = impact(profile("S33"), LESS)

    assert [agreed.role for agreed in found.must_agree] == [
        Role.CUSTOMER_SERVICE,
        Role.PRODUCTION,
        Role.PURCHASING,
        Role.LOGISTICS,
    ]
    assert [agreed.role for agreed in impact(profile("S33"), LATER).must_agree] == [
        Role.CUSTOMER_SERVICE,
        Role.PRODUCTION,
        Role.LOGISTICS,
    ]


@pytest.mark.parametrize("asked", [LATER, MORE, LESS, SPEC])
def test_a_department_that_is_told_of_a_change_answers_to_it(asked: dict[str, Any]) -> None:
    found = impact(profile("S33"), asked)

    assert set(found.told) <= {agreed.role for agreed in found.must_agree}


def test_the_factory_asks_who_changes_and_settles_a_deposit_by_the_contract() -> None:
    s39 = profile("S39")

    assert impact(s39, REMARKS).needs == ("identity",)
    assert {row.deposit for row in s39.cancellation.rows} == {"by_contract"}
    assert s39.cancellation.answer is not None


def test_the_factory_confirms_before_it_enters() -> None:
    route = [step.id for step in profile("S39").route]

    assert route[:4] == ["confirm", "entry", "check", "review"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("S22", "Change agreement (变更协议, L11). At a date, technical or structural change that"),
        ("S22", "A date, technical or structural change needs the customer's written text."),
        ("S33", "customer service answers within 30 working minutes"),
        ("S39", "Whoever asks for a change or a cancellation is identified first."),
        ("S39", "a deposit is settled by the contract"),
    ],
)
def test_they_are_read_aloud(name: str, said: str) -> None:
    assert said in read_aloud(profile(name))
