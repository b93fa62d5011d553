"""What a change means for an order, step by step of the general process."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.changes import ChangeClass, ChangeRequest, Touch
from domain.holdings import Goods, HeldSlot, HeldStock, Holdings, OpenPurchase, Signature
from domain.orders import OrderRequest
from domain.patching import patched, touches
from domain.roles import Role
from policy.changing import classify, passed_by
from policy.impact import Impact, back_to, impact_of, signing_steps
from policy.loader import PROFILES, load_profile
from policy.model import Profile

PROMISED = datetime(2027, 3, 1, 10, tzinfo=UTC)
ORDER = OrderRequest.model_validate(
    {
        "profile": "GEN",
        "customer": "C-0001",
        "promised_at": PROMISED,
        "lines": [{"product": "EL-A4", "quantity": 40, "unit_price": "38.50"}],
    }
)
HOLDINGS = Holdings(
    stock=(HeldStock(step="material", material="M-ITO", quantity=Decimal("2.8"), unit="m2"),),
    slots=(HeldSlot(step="slot", line="PANEL", starts_at=PROMISED, ends_at=PROMISED),),
    purchases=(OpenPurchase(step="material", material="M-AG", quantity=Decimal(1), unit="kg"),),
    goods=(Goods(product="EL-A4", made=40, packed=0, shipped=0),),
    paid=Decimal("1540.00"),
    signatures=(
        Signature(step="review", role=Role.FINANCE, outcome="approved"),
        Signature(step="plan_approval", role=Role.SALES_MANAGER, outcome="approved"),
    ),
)
MORE, LESS = {"lines": [{"line": 1, "quantity": 50}]}, {"lines": [{"line": 1, "quantity": 30}]}
LATER = {"promised_at": (PROMISED + timedelta(days=7)).isoformat()}
SPEC = {"lines": [{"line": 1, "specification": "red"}]}
REMARKS = {"remarks": "ring twice"}

STEPS = {
    "entry": 0, "confirm": 1, "review": 2, "material": 3, "plan": 4, "slot": 5,
    "production": 6, "qc": 7, "pack": 8, "release": 9, "ship": 10, "receipt": 11,
}  # fmt: skip


@pytest.fixture(scope="module")
def s08() -> Profile:
    return load_profile(PROFILES / "S08.yaml")


def impact(
    profile: Profile, asked: dict[str, Any], current: str | None, holdings: Holdings = HOLDINGS
) -> Impact:
    change = ChangeRequest.model_validate({"version": 1, **asked})
    touched = touches(ORDER, change)
    after = patched(ORDER, change, {})
    passed = passed_by(profile, current)
    found = classify(profile.changes, touched, passed, ORDER.traits)
    return impact_of(profile, ORDER, after, touched, found, current, holdings)


@pytest.mark.parametrize("step", [None, *STEPS])
@pytest.mark.parametrize(
    ("asked", "of", "until"),
    [
        (REMARKS, ChangeClass.MINOR, "pack"),
        (LATER, ChangeClass.DATE, "pack"),
        (SPEC, ChangeClass.TECHNICAL, "production"),
        (MORE, ChangeClass.STRUCTURAL, "pack"),
        (LESS, ChangeClass.STRUCTURAL, "pack"),
        (MORE | LATER, ChangeClass.STRUCTURAL, "pack"),
    ],
)
def test_the_matrix_classes_every_touch_in_every_step(
    s08: Profile, asked: dict[str, Any], of: ChangeClass, until: str, step: str | None
) -> None:
    found = impact(s08, asked, step)

    possible = step is None or STEPS[step] <= STEPS[until]
    assert found.of == (of if possible else ChangeClass.REFUSED)
    assert bool(found.refused) != possible
    if not possible:
        assert found.why
        assert (found.must_agree, found.given_back, found.voided) == ((), (), ())


@pytest.mark.parametrize(
    ("asked", "steps"),
    [
        (REMARKS, []),
        (LATER, ["change_review", "date_review"]),
        (SPEC, ["change_review", "technical_review"]),
        (MORE, ["change_review", "supplement"]),
        (LESS, ["change_review"]),
    ],
)
def test_those_agree_whom_class_and_price_concern(
    s08: Profile, asked: dict[str, Any], steps: list[str]
) -> None:
    assert [agreed.step for agreed in impact(s08, asked, "review").must_agree] == steps


def test_a_structural_change_gives_back_what_later_steps_took(s08: Profile) -> None:
    found = impact(s08, MORE, "production")

    assert found.back_to == "review"
    assert [(back.kind, back.what) for back in found.given_back] == [
        ("stock", "M-ITO"),
        ("slot", "PANEL"),
        ("purchase", "M-AG"),
    ]
    assert [(void.step, void.role) for void in found.voided] == [
        ("review", Role.FINANCE),
        ("plan_approval", Role.SALES_MANAGER),
    ]
    assert (found.price_before, found.price_difference) == (Decimal("1540.00"), Decimal("385.00"))


def test_a_new_date_gives_back_the_slot_and_keeps_the_stock(s08: Profile) -> None:
    found = impact(s08, LATER, "production")

    assert found.back_to == "plan"
    assert [back.kind for back in found.given_back] == ["slot"]
    assert [void.step for void in found.voided] == ["plan_approval"]
    assert found.promised_after - found.promised_before == timedelta(days=7)


def test_whoever_is_judging_the_order_is_asked_anew(s08: Profile) -> None:
    approved = Signature(step="review", role=Role.FINANCE, outcome="approved")

    for asked in (LATER, SPEC, MORE):
        found = impact(s08, asked, "review", Holdings(signatures=(approved,)))

        assert (found.back_to, [void.role for void in found.voided]) == ("review", [Role.FINANCE])
    assert impact(s08, REMARKS, "review").back_to is None


def test_whoever_has_released_the_goods_is_asked_anew_while_they_are_here() -> None:
    s07 = load_profile(PROFILES / "S07.yaml")
    here = Goods(product="EL-A4", made=40, packed=40, shipped=0)
    signed = Signature(step="countersign", role=Role.FINANCE, outcome="approved")

    found = impact(s07, REMARKS, "countersign", Holdings(goods=(here,), signatures=(signed,)))
    gone = Holdings(goods=(here.model_copy(update={"shipped": 40}),))

    assert (found.of, found.back_to) == (ChangeClass.MINOR, "countersign")
    assert [void.step for void in found.voided] == ["countersign"]
    assert impact(s07, REMARKS, "countersign", gone).back_to is None


def test_an_order_that_has_not_come_so_far_goes_back_nowhere(s08: Profile) -> None:
    found = impact(s08, MORE, "confirm", Holdings())

    assert (found.back_to, found.given_back, found.voided, found.lost) == (None, (), (), ())


@pytest.mark.parametrize(
    ("name", "special", "current", "target"),
    [
        ("GEN", False, "production", "review"),
        ("S07", False, "production", "credit"),
        ("S07", True, "credit", "credit"),
        ("S26", True, "production", "signatures"),
        ("S26", True, "deposit", "signatures"),
        ("S26", True, "confirm", None),
        ("S26", False, "production", "review"),
        ("S26", False, "confirm", None),
        ("S35", False, "production", "activation"),
        ("S35", False, "instruction", "activation"),
    ],
)
def test_a_structural_change_comes_to_signatures_and_money_again(
    name: str, special: bool, current: str, target: str | None
) -> None:
    profile = load_profile(PROFILES / f"{name}.yaml")
    traits = ORDER.model_copy(update={"special": special}).traits

    assert back_to(profile, ChangeClass.STRUCTURAL, current, traits) == target


def test_less_than_is_made_goes_into_stock_and_what_is_overpaid_comes_back(s08: Profile) -> None:
    found = impact(s08, LESS, "qc")

    assert [(lost.what, lost.quantity) for lost in found.lost] == [("EL-A4", Decimal(10))]
    money = found.given_back[-1]
    assert (money.kind, money.quantity) == ("money", Decimal("385.00"))


def test_what_is_made_otherwise_is_lost_and_no_answer_lets_it_pass_as_minor(s08: Profile) -> None:
    found = impact(s08, SPEC, "review")

    assert [(lost.what, lost.quantity) for lost in found.lost] == [("EL-A4", Decimal(40))]
    assert found.remakes
    assert not impact(s08, SPEC, "review", Holdings()).remakes


def test_another_specification_of_what_is_made_is_refused_like_a_change_of_it(s08: Profile) -> None:
    blue = {"product": "EL-A4", "quantity": 40, "specification": "blue"}

    found = impact(s08, {"lines": [{"line": 1, "remove": True}, blue]}, "pack")

    assert [refused.touch for refused in found.refused] == [Touch.SPECIFICATION]


def test_a_release_note_falls_with_every_change_that_comes_after_it(s08: Profile) -> None:
    rows = (s08.changes.rows[0].model_copy(update={"until": "ship"}), *s08.changes.rows[1:])
    lenient = s08.model_copy(update={"changes": s08.changes.model_copy(update={"rows": rows})})

    found = impact(lenient, REMARKS, "ship", Holdings(released=True))

    assert (found.of, [void.step for void in found.voided]) == (ChangeClass.MINOR, ["release"])


def test_a_refusal_says_why_and_what_is_possible(s08: Profile) -> None:
    found = impact(s08, SPEC, "qc")

    [refused] = found.refused
    assert refused.touch is Touch.SPECIFICATION
    assert refused.because == "the goods are made"
    assert refused.instead is not None
    assert refused.instead.startswith("order what is to be different anew")


def test_reviews_and_approvals_sign_a_version(s08: Profile) -> None:
    assert signing_steps(s08) == ("review", "plan_approval")


def test_an_impact_survives_its_way_into_the_database(s08: Profile) -> None:
    found = impact(s08, MORE, "production")

    assert Impact.model_validate(found.model_dump(mode="json")) == found
