"""Terms of cancelling: which row counts, what it costs, and where the money goes."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Account, Currency
from domain.roles import Role
from policy.cancel_checks import check_cancellation
from policy.cancelling import POOL, TOO_LATE, cost_of, deposit_in, divide, terms_in
from policy.change_rules import CANCELLATION, CancelRow, CancelRules
from policy.loader import load_all
from policy.model import Profile
from policy.money_rules import DepositRules, MoneyRules

S08 = load_all().profiles["S08"]
CNY = Currency.CNY


def row(until: str, terms: str, percent: str = "0", **more: Any) -> CancelRow:
    return CancelRow.model_validate(
        {"until": until, "terms": terms, "cost_percent": percent, **more}
    )


def ruled(*rows: CancelRow, deposit: str | None = "30", **rules: Any) -> Profile:
    """S08 with these terms, and with a deposit."""
    return S08.model_copy(
        update={
            "cancellation": S08.cancellation.model_copy(update={"rows": rows, **rules}),
            "money": MoneyRules(
                deposit=DepositRules(percent=Decimal(deposit)) if deposit else None
            ),
        }
    )


STEPWISE = ruled(
    row("review", "free"),
    row("plan_approval", "at_cost", "10"),
    row("pack", "refused", because="the goods are made", instead="sell them"),
)


@pytest.mark.parametrize(
    ("step", "kind", "percent"),
    [
        (None, "free", "0"),
        ("entry", "free", "0"),
        ("review", "free", "0"),
        ("negotiate", "at_cost", "10"),
        ("slot", "at_cost", "10"),
        ("plan_approval", "at_cost", "10"),
        ("production", "refused", "0"),
        ("ship", "refused", "0"),
    ],
)
def test_the_first_row_whose_step_is_not_passed_counts(
    step: str | None, kind: str, percent: str
) -> None:
    terms = terms_in(STEPWISE, step)

    assert (terms.kind, terms.cost_percent) == (kind, Decimal(percent))


def test_a_refusal_says_why_and_what_is_possible_instead() -> None:
    assert terms_in(STEPWISE, "qc").why == "the goods are made; sell them"
    assert terms_in(S08, "notify").why == TOO_LATE


@pytest.mark.parametrize(
    ("terms", "deposit", "cost"),
    [
        (row("ship", "free"), "300", "0"),
        (row("ship", "free", deposit="forfeited"), "300", "300"),
        (row("ship", "free", deposit="forfeited"), "0", "0"),
        (row("ship", "at_cost", "10"), "300", "100.01"),
        (row("ship", "at_cost", "10", deposit="forfeited"), "300", "300"),
        (row("ship", "at_cost", "10", deposit="forfeited"), "60", "100.01"),
        (row("ship", "at_cost", "10", deposit="by_contract"), "300", "100.01"),
    ],
)
def test_a_customer_loses_the_share_or_the_forfeited_deposit_where_that_is_more(
    terms: CancelRow, deposit: str, cost: str
) -> None:
    found = terms_in(ruled(terms), "entry")

    assert cost_of(found, Decimal("1000.05"), CNY, Decimal(deposit)) == Decimal(cost)


def test_a_deposit_is_what_was_paid_up_to_its_share_less_what_is_forfeited_already() -> None:
    held = {Account.GOODS: Decimal(900)}

    assert deposit_in(ruled(row("ship", "free")), Decimal(1000), CNY, held, None) == 300
    paid = ruled(row("ship", "free"), deposit=None)
    assert deposit_in(paid, Decimal(1000), CNY, held, None) == 900
    held[Account.FORFEITED] = Decimal(300)
    assert deposit_in(ruled(row("ship", "free")), Decimal(1000), CNY, held, None) == 0


@pytest.mark.parametrize(
    ("goods", "forfeited", "kept", "deposit"),
    [
        ("2000", "0", None, "0"),  # a part of it is no deposit yet, and a normal order has none
        ("3000", "0", "3000", "3000"),  # kept, and as well while its offset is suspended
        ("3000", "0", "6000", "3000"),
        ("9000", "0", "3000", "3000"),
        ("6000", "3000", "3000", "0"),  # forfeited after the fifteen days: not lost twice
    ],
)
def test_a_special_order_loses_what_was_kept_as_its_deposit(
    goods: str, forfeited: str, kept: str | None, deposit: str
) -> None:
    s26 = load_all().profiles["S26"]
    held = {Account.GOODS: Decimal(goods), Account.FORFEITED: Decimal(forfeited)}
    its = Decimal(kept) if kept else None

    found = deposit_in(s26, Decimal(10000), CNY, held, its)

    assert found == Decimal(deposit)
    terms = terms_in(s26, "pack")
    assert cost_of(terms, Decimal(10000), CNY, found) == Decimal(deposit)


AMOUNTS = st.decimals(0, 10_000, places=2)


@given(AMOUNTS, AMOUNTS, st.fixed_dictionaries(dict.fromkeys(POOL, AMOUNTS)))
def test_what_was_paid_is_kept_or_goes_back_and_what_is_kept_is_paid_or_owed(
    kept: Decimal, forfeitable: Decimal, held: dict[Account, Decimal]
) -> None:
    division = divide(kept, forfeitable, held)

    taken = sum((amount for *_, amount in division.kept), Decimal(0))
    assert taken + division.given_back == sum(held.values())
    assert taken + division.owed == kept
    assert division.owed == 0 or division.given_back == 0
    forfeited = sum((a for _, to, a in division.kept if to is Account.FORFEITED), Decimal(0))
    assert forfeited == min(kept, forfeitable, sum(held.values()))
    assert all(amount > 0 for *_, amount in division.kept)


def test_the_question_about_a_cancellation_is_read_like_a_step() -> None:
    asking = S08.step(CANCELLATION)

    assert (asking.role, asking.answers) == (Role.SALES, ("agreed", "refused"))
    assert asking.window is not None
    assert (asking.window.id, str(asking.window.limit)) == ("GEN.cancel", "4h")


@pytest.mark.parametrize(
    ("profile", "place", "what"),
    [
        (ruled(row("nowhere", "free")), ("rows", 0, "until"), "no step"),
        (ruled(row("negotiate", "free")), ("rows", 0, "until"), "no step"),
        (
            ruled(row("pack", "free"), row("plan", "free")),
            ("rows", 1, "until"),
            "never reached",
        ),
        (ruled(row("notify", "free")), ("rows", 0, "until"), "the goods have left"),
        (ruled(row("ship", "free", "5")), ("rows", 0, "cost_percent"), "costs nothing"),
        (ruled(row("ship", "at_cost")), ("rows", 0, "terms"), "not how much"),
        (ruled(row("ship", "refused")), ("rows", 0, "terms"), "without a reason"),
        (
            ruled(row("ship", "refused", because="no", deposit="forfeited")),
            ("rows", 0, "deposit"),
            "nothing becomes",
        ),
        (
            ruled(row("ship", "free", deposit="by_contract"), answer=None),
            ("rows", 0, "deposit"),
            "nobody has a window",
        ),
        (ruled(row("ship", "free"), role=Role.CUSTOMER), ("role",), "cannot answer"),
        (
            ruled(row("ship", "free"), told=(Role.FINANCE, Role.FINANCE)),
            ("told", 1),
            "twice",
        ),
        (ruled(row("ship", "free"), told=(Role.CUSTOMER,)), ("told", 0), "told anyway"),
    ],
)
def test_terms_that_contradict_the_route_or_themselves_are_named_with_their_place(
    profile: Profile, place: tuple[str | int, ...], what: str
) -> None:
    [problem] = list(check_cancellation(profile))

    assert problem.path == ("cancellation", *place)
    assert what in problem.what


def test_every_shipped_profile_has_terms_that_fit() -> None:
    for profile in load_all().profiles.values():
        assert list(check_cancellation(profile)) == []
        assert isinstance(profile.cancellation, CancelRules)
