"""What is due of an order's price and when, and what a late pick-up costs. Pure."""

from decimal import Decimal

from domain.money import Currency, rounded, share
from policy.money_rules import DepositRules, MoneyRules, RushRules
from policy.steps import Fact

ALL = Decimal(100)
NOTHING = Decimal(0)


def due(fact: Fact, rules: MoneyRules, amount: Decimal, currency: Currency) -> Decimal:
    """What has to be paid of an order of this amount for the fact to hold."""
    percent = {
        Fact.DEPOSIT_PAID: rules.deposit.percent if rules.deposit else NOTHING,
        Fact.CREDIT_GOOD: rules.advance_percent,
        Fact.ADVANCE_PAID: rules.advance_percent,
        Fact.ACTIVATION_PAID: rules.activation_percent,
        Fact.BALANCE_PAID: ALL,
    }[fact]
    return share(amount, percent, currency)


def late_charge(
    rules: DepositRules, amount: Decimal, deposit: Decimal, currency: Currency
) -> Decimal:
    """What goods picked up late cost: never more than the deposit."""
    return _charge(rules, rules.late_percent, amount, deposit, currency)


def lost_charge(
    rules: DepositRules, amount: Decimal, deposit: Decimal, currency: Currency
) -> Decimal:
    """What goods that nobody picked up cost: never more than the deposit."""
    return _charge(rules, rules.lost_percent, amount, deposit, currency)


def _charge(
    rules: DepositRules, percent: Decimal, amount: Decimal, deposit: Decimal, currency: Currency
) -> Decimal:
    base = amount if rules.base == "order" else deposit
    return min(share(base, percent, currency), deposit)


def rush_fee(rules: RushRules, amount: Decimal, currency: Currency) -> Decimal:
    """The fee that lifts an order of this amount."""
    least = rules.at_least.get(currency, NOTHING)
    return max(share(amount, rules.percent, currency), rounded(least, currency))


def said(amount: Decimal, currency: Currency) -> str:
    """An amount as a reader says it: `12,000.00 CNY`."""
    return f"{rounded(amount, currency):,} {currency}"
