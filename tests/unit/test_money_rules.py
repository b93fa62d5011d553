"""Shares, bases and fees; who comes first; and what a profile says wrongly about money."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import pytest

from domain.money import Currency, PaymentRoute
from domain.priorities import Priority, Rival, rank
from policy.loader import load_profile
from policy.money_rules import DepositRules, MoneyRules, RushRules
from policy.paying import due, late_charge, lost_charge, rush_fee, said
from policy.reading import read_aloud
from policy.steps import Fact, GateStep
from tests.unit.test_profile_errors import WHOLE, broken

CNY, JPY = Currency.CNY, Currency.JPY
S26 = DepositRules(
    percent=Decimal(30),
    suspends="S26.W03",
    late_percent=Decimal(10),
    forfeits="S26.W04",
    lost_percent=Decimal(30),
)
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)

GATE = """\
  - id: deposit
    kind: gate
    stage: L09
    title: Deposit
    title_zh: 定金
    role: finance
    standard: Paid.
    window_by_route:
      card: {id: TINY.card, limit: 5m, starts: told, stops: there}
      account: {id: TINY.account, limit: 1-2bd, starts: told, stops: there}
      foreign: {id: TINY.foreign, limit: 3-4bd, starts: told, stops: there}
    facts: [advance_paid]
    work: check_money
    refused: refuse_order
  - id: pack
"""


@pytest.mark.parametrize(
    ("fact", "amount"),
    [
        (Fact.DEPOSIT_PAID, "3000.00"),
        (Fact.ADVANCE_PAID, "3000.00"),
        (Fact.ACTIVATION_PAID, "10000.00"),
        (Fact.BALANCE_PAID, "10000.00"),
    ],
)
def test_each_fact_has_its_share_of_the_price(fact: Fact, amount: str) -> None:
    assert due(fact, MoneyRules(deposit=S26), Decimal(10000), CNY) == Decimal(amount)


def test_a_share_is_rounded_once_half_up_to_what_can_be_paid() -> None:
    rules = MoneyRules(deposit=S26)

    assert due(Fact.DEPOSIT_PAID, rules, Decimal("33.35"), CNY) == Decimal("10.01")
    assert due(Fact.DEPOSIT_PAID, rules, Decimal(5), JPY) == Decimal(2)
    assert said(Decimal(12000), CNY) == "12,000.00 CNY"
    assert said(Decimal(12000), JPY) == "12,000 JPY"


@pytest.mark.parametrize(
    ("base", "late", "lost"), [("order", "1000.00", "3000.00"), ("deposit", "300.00", "900.00")]
)
def test_a_late_pick_up_costs_a_share_of_the_order_or_of_its_deposit(
    base: str, late: str, lost: str
) -> None:
    rules = S26.model_copy(update={"base": base})
    amount, deposit = Decimal(10000), Decimal(3000)

    assert late_charge(rules, amount, deposit, CNY) == Decimal(late)
    assert lost_charge(rules, amount, deposit, CNY) == Decimal(lost)


def test_nobody_loses_more_than_the_deposit() -> None:
    small = S26.model_copy(update={"percent": Decimal(5)})

    assert late_charge(small, Decimal(1000), Decimal(50), CNY) == Decimal(50)


def test_the_rush_fee_is_a_share_and_at_least_so_much() -> None:
    rules = RushRules(percent=Decimal(5), at_least={CNY: Decimal(200)})

    assert rush_fee(rules, Decimal(10000), CNY) == Decimal("500.00")
    assert rush_fee(rules, Decimal(100), CNY) == Decimal("200.00")
    assert rush_fee(rules, Decimal(100), Currency.USD) == Decimal("5.00")


def rival(name: str, **facts: object) -> Rival:
    return Rival.model_validate(
        {
            "order_id": name,
            "priority": Priority.NORMAL,
            "paid_in_full": False,
            "paid_at": None,
            "received_at": AT,
            **facts,
        }
    )


def test_rush_comes_first_then_paid_in_full_then_paid_first_then_received_first() -> None:
    hour = timedelta(hours=1)
    ranked = [
        rival("a", priority=Priority.RUSH, received_at=AT + hour),
        rival("b", paid_in_full=True, paid_at=AT + hour),
        rival("c", priority=Priority.URGENT),
        rival("d", paid_at=AT),
        rival("e", paid_at=AT + hour, received_at=AT - hour),
        rival("f", received_at=AT - hour),
        rival("g"),
    ]

    assert sorted([*ranked[4:], *ranked[:4]], key=rank) == ranked
    assert all(sorted(p, key=rank) == ranked[:4] for p in permutations(ranked[:4]))


def test_each_way_of_the_money_has_its_window_and_is_read_aloud(tmp_path: Path) -> None:
    path = tmp_path / "TINY.yaml"
    path.write_text(WHOLE.replace("  - id: pack\n", GATE, 1), encoding="utf-8")

    profile = load_profile(path)

    step = profile.step("deposit")
    rules = {way: window.id for way in PaymentRoute if (window := step.window_for(way))}
    assert rules == {"card": "TINY.card", "account": "TINY.account", "foreign": "TINY.foreign"}
    assert profile.window("TINY.foreign").limit.words in read_aloud(profile)
    assert "If that is refused → the order is refused" in read_aloud(profile)


def test_a_gate_of_money_may_count_from_a_report_and_a_step_may_report(tmp_path: Path) -> None:
    gate = GATE.replace("limit: 5m, ", "limit: 5m, counts_from: report, ")
    text = WHOLE.replace("  - id: pack\n", gate, 1).replace(
        "standard: Entered.\n", "standard: Entered.\n    reports_payment: done\n"
    )
    path = tmp_path / "TINY.yaml"
    path.write_text(text, encoding="utf-8")

    profile = load_profile(path)

    step = profile.step("deposit")
    assert isinstance(step, GateStep)
    assert step.waits_for_report
    said = read_aloud(profile)
    assert "after told (TINY.card, counted from when a payment is reported)" in said
    assert "The answer done reports a payment; it books none." in said


def test_a_report_counts_nowhere_else_and_is_an_answer_of_its_step(tmp_path: Path) -> None:
    goods = GATE.replace("[advance_paid]", "[inspection_passed]").replace(
        "check_money", "release_shipping"
    )
    counted = goods.replace("limit: 5m, ", "limit: 5m, counts_from: report, ")
    [error] = [e for e in broken(tmp_path, "  - id: pack\n", counted) if "report" in e.what]
    place = (error.line, error.column, error.field)
    assert place == (28, 40, "steps[1].window_by_route.card.counts_from")
    assert error.what == "only a gate that asks for money waits for the report of a payment"
    assert error.cure.endswith(
        "ask in a gate for credit_good, deposit_paid, advance_paid, activation_paid, balance_paid"
    )

    said = "standard: Entered.\n"
    [error] = broken(tmp_path, said, f"{said}    reports_payment: don\n")
    assert (error.field, error.cure) == ("steps[0].reports_payment", "did you mean done?")


@pytest.mark.parametrize(
    ("old", "new", "field", "what"),
    [
        ("      foreign: {id: TINY.foreign, limit: 3-4bd, starts: told, stops: there}\n", "",
         "steps[1]", "no window for money by foreign"),
        ("facts: [advance_paid]", "facts: [deposit_paid]", "steps[1].facts[0]", "no deposit"),
        ("facts: [advance_paid]", "facts: [plan_approved]", "steps[1].facts[0]", "no matter of"),
        ("refused: refuse_order", "refused: nowhere", "steps[1].refused", "no step 'nowhere'"),
        ("id: TINY.account", "id: TINY.card", "steps[1].window_by_route.account.id", "already"),
    ],
)  # fmt: skip
def test_a_gate_of_money_that_cannot_work_is_reported(
    tmp_path: Path, old: str, new: str, field: str, what: str
) -> None:
    assert old in GATE

    errors = broken(tmp_path, "  - id: pack\n", GATE.replace(old, new, 1))

    assert any(error.field == field and what in error.what for error in errors), errors


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("standard: Entered.\n", "standard: Entered.\n    only: special\n", "steps[0].only"),
        ("standard: Sent.\n", "standard: Sent.\n    only: rush\n", "steps[2].only"),
        ("ladder:\n", "money: {deposit: {percent: '30', suspends: TINY.gone}}\nladder:\n",
         "money.deposit.suspends"),
    ],
)  # fmt: skip
def test_what_every_order_needs_and_what_a_deposit_needs_is_checked(
    tmp_path: Path, old: str, new: str, field: str
) -> None:
    assert field in {error.field for error in broken(tmp_path, old, new)}
