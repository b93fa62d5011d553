"""What a regulation says about money, as its owner would read it aloud."""

from collections.abc import Iterator

from policy.money_rules import DepositRules, MoneyRules


def money_aloud(money: MoneyRules) -> Iterator[str]:
    """The deposit and the rush fee, a sentence each; nothing where there is neither."""
    if money.deposit:
        yield _deposit(money.deposit)
    if money.rush:
        amounts = [f"{amount} {currency}" for currency, amount in money.rush.at_least.items()]
        least = f", at least {' or '.join(amounts)}" if amounts else ""
        yield (
            f"An order comes first once its rush fee is paid: {_percent(money.rush.percent)} of "
            f"its amount{least}."
        )


def _deposit(rules: DepositRules) -> str:
    base = "the order's amount" if rules.base == "order" else "the deposit"
    said = f"The deposit is {_percent(rules.percent)} of the order's amount."
    if rules.suspends:
        said += (
            f" A breach of {rules.suspends} stops its offset against the price, and goods picked "
            f"up after that cost {_percent(rules.late_percent)} of {base}."
        )
    if rules.forfeits:
        said += f" A breach of {rules.forfeits} costs {_percent(rules.lost_percent)} of {base}."
    return said


def _percent(share: object) -> str:
    return f"{share} %"
