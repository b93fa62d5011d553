"""What a cancellation costs by the order's progress, and what becomes of its money (C06, 5.3)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from domain.base import Record
from domain.money import Account, Currency, rounded, share
from policy.model import Profile
from policy.steps import Fact, GateStep

TOO_LATE = "the goods have been dispatched; ask for a return instead"
PAST_LAST = "the order is past the step until which it can be cancelled"
NOTHING = Decimal(0)

POOL = (Account.GOODS, Account.UNAPPLIED, Account.RUSH_FEE)
"""Where a customer's money may lie, in the order in which a cost is taken from it."""


class CancelTerms(Record):
    """The terms as they are in one step; `until` is the last step in which they hold.

    `cost_percent` is of the order's amount.
    """

    kind: Literal["free", "at_cost", "refused"]
    until: str | None = None
    cost_percent: Decimal = NOTHING
    deposit: Literal["refunded", "forfeited", "by_contract"] = "refunded"
    because: str | None = None
    instead: str | None = None

    @property
    def plain(self) -> bool:
        """Whether nobody loses anything, whatever was paid: then nothing has to be computed."""
        return self.kind == "free" and self.deposit == "refunded"

    @property
    def why(self) -> str:
        """Why it is refused, and what is possible instead."""
        because = self.because or PAST_LAST
        return f"{because}; {self.instead}" if self.instead else because


def terms_of(profile: Profile, passed: Callable[[str], bool]) -> CancelTerms:
    """The first row whose step is not passed counts; past the last one it is refused."""
    rows = profile.cancellation.rows
    for row in rows:
        if not passed(row.until):
            return CancelTerms(
                kind=row.terms,
                until=row.until,
                cost_percent=row.cost_percent,
                deposit=row.deposit,
                because=row.because,
                instead=row.instead,
            )
    return CancelTerms(kind="refused", because=rows[-1].because, instead=rows[-1].instead)


def terms_in(profile: Profile, step: str | None) -> CancelTerms:
    """The terms for an order in `step`; none is an order that has not begun."""
    place = {each.id: index for index, each in enumerate(profile.route)}
    here = -1 if step is None else place[step]
    return terms_of(profile, lambda until: here > place[until])


def deposit_in(
    profile: Profile,
    amount: Decimal,
    currency: Currency,
    held: Mapping[Account, Decimal],
    kept: Decimal | None,
) -> Decimal:
    """How much of what was paid for the goods is the deposit and not forfeited yet.

    A regulation without a figure speaks of whatever was paid before the goods left (S39). Where a
    gate asks for the deposit, it is what was paid when the order passed it: `kept`, none before
    that and for an order that needs none (S26).
    """
    rules, goods = profile.money.deposit, held.get(Account.GOODS, NOTHING)
    if rules is None:
        return goods
    deposit = share(amount, rules.percent, currency)
    if any(isinstance(s, GateStep) and Fact.DEPOSIT_PAID in s.facts for s in profile.route):
        deposit = kept or NOTHING
    return max(min(goods, deposit - held.get(Account.FORFEITED, NOTHING)), NOTHING)


def cost_of(terms: CancelTerms, amount: Decimal, currency: Currency, deposit: Decimal) -> Decimal:
    """What the customer loses: a share of the amount, or a forfeited deposit where that is more.

    A deposit that is settled by the contract is not in it.
    """
    share_of_it = (
        share(amount, terms.cost_percent, currency) if terms.kind == "at_cost" else NOTHING
    )
    return max(share_of_it, rounded(deposit, currency) if terms.deposit == "forfeited" else NOTHING)


@dataclass(frozen=True)
class Division:
    """What is kept of an order's money: from where, on which account, how much.

    `back` is what goes back to the customer, by account; `owed` is what is kept and not paid.
    """

    kept: tuple[tuple[Account, Account, Decimal], ...]
    back: tuple[tuple[Account, Decimal], ...]
    owed: Decimal

    @property
    def given_back(self) -> Decimal:
        """What goes back in all."""
        return sum((amount for _, amount in self.back), NOTHING)


def divide(kept: Decimal, forfeitable: Decimal, held: Mapping[Account, Decimal]) -> Division:
    """Takes what is kept out of what was paid, as far as it goes; the rest goes back.

    `forfeitable` is the deposit, where it may be lost: that part of `kept` is forfeited, what is
    kept beyond it is a cost.
    """
    forfeited = min(kept, forfeitable)
    left = {account: held.get(account, NOTHING) for account in POOL}
    taken: list[tuple[Account, Account, Decimal]] = []
    owed = NOTHING
    for target, wanted in ((Account.FORFEITED, forfeited), (Account.COST, kept - forfeited)):
        missing = wanted
        for source in POOL:
            part = min(missing, left[source])
            if part > 0:
                taken.append((source, target, part))
                left[source] -= part
                missing -= part
        owed += missing
    return Division(tuple(taken), _something(left.items()), owed)


def _something(
    amounts: Iterable[tuple[Account, Decimal]],
) -> tuple[tuple[Account, Decimal], ...]:
    return tuple((account, amount) for account, amount in amounts if amount > 0)
