"""What a cancellation would mean, as the customer reads it before asking for it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from pydantic import Field

from domain.base import Record
from domain.money import Account, Currency, rounded
from policy.cancelling import NOTHING, CancelTerms, divide
from policy.model import Profile
from store.cancellations import Belongings
from store.rows import FullOrderRow


class AnswerAsked(Record):
    """Somebody has to answer before the order is cancelled; meanwhile it goes on."""

    role: str = Field(examples=["sales"])
    within: str | None = Field(examples=["4h"])
    why: str


class CancelMoney(Record):
    """What becomes of the money. `kept` includes `forfeited`; `owed` is kept and was never paid."""

    paid: Decimal
    deposit: Decimal
    deposit_terms: str = Field(examples=["refunded"])
    kept: Decimal
    forfeited: Decimal
    given_back: Decimal
    owed: Decimal


class CancelPreview(Record):
    """What a cancellation would mean now; the workflow judges once more when it hears of it.

    `cost` is what has to be accepted. Where somebody answers, the deposit is settled with them.
    """

    terms: str = Field(examples=["at_cost"])
    cost: Decimal = Field(examples=["154.00"])
    currency: Currency
    step: str | None
    until: str | None = Field(description="The last step in which these terms hold")
    until_title: str | None
    because: str | None
    instead: str | None
    money: CancelMoney
    gives_back: tuple[str, ...] = Field(examples=[["3 materials are free again"]])
    loses: tuple[str, ...]
    asks: AnswerAsked | None

    @property
    def why(self) -> str:
        """Why it is refused, and what is possible instead."""
        return "; ".join(filter(None, (self.because, self.instead)))


def cancel_preview(
    profile: Profile,
    order: FullOrderRow,
    terms: CancelTerms,
    has: Belongings,
    *,
    money: Mapping[Account, Decimal],
    deposit: Decimal,
    cost: Decimal,
    staff: bool,
) -> CancelPreview:
    """The preview of an order's cancellation; a customer does not see what the house has booked."""
    currency = Currency(order.currency)
    by_contract = terms.deposit == "by_contract"
    division = divide(cost, deposit if terms.deposit == "forfeited" else NOTHING, money)
    forfeited = sum((part for _, to, part in division.kept if to is Account.FORFEITED), NOTHING)
    kept = sum((part for *_, part in division.kept), NOTHING)

    def said(amount: Decimal) -> Decimal:
        return rounded(amount, currency)

    goes, back = _shown(has, staff=staff), said(division.given_back)
    refused = terms.kind == "refused"
    because, _, instead = terms.why.partition("; ") if refused else (None, "", None)
    return CancelPreview(
        terms=terms.kind,
        cost=said(cost),
        currency=currency,
        step=order.step,
        until=terms.until,
        until_title=profile.step(terms.until).title if terms.until else None,
        because=because,
        instead=instead or None,
        money=CancelMoney(
            paid=said(kept + division.given_back),
            deposit=said(deposit),
            deposit_terms=terms.deposit,
            kept=said(kept),
            forfeited=said(forfeited),
            given_back=back,
            owed=said(division.owed),
        ),
        gives_back=() if refused else tuple(_given_back(goes, back, currency)),
        loses=() if refused else tuple(_lost(has, said(cost), said(forfeited), currency)),
        asks=_asked(profile, paid=deposit > 0) if by_contract and not refused else None,
    )


def _shown(has: Belongings, *, staff: bool) -> Belongings:
    """What of it is the caller's business: to a customer goods and money, as with a change."""
    if staff:
        return has
    return replace(has, materials=0, slots=0, release_note=False, open_tasks=0)


def _asked(profile: Profile, *, paid: bool) -> AnswerAsked:
    rules = profile.cancellation
    return AnswerAsked(
        role=rules.role.value,
        within=str(rules.answer.limit) if rules.answer else None,
        why="a deposit was paid, and the contract says what becomes of it"
        if paid
        else "the contract says what it costs",
    )


def _given_back(has: Belongings, money: Decimal, currency: Currency) -> Iterator[str]:
    if has.materials:
        yield f"{_many(has.materials, 'material')} reserved for it, which are free again"
    if has.slots:
        yield f"{_many(has.slots, 'production slot')}, free again"
    if has.finished_units:
        yield f"{_many(has.finished_units, 'finished unit')}, which go into free stock"
    if has.release_note:
        yield "the shipping release, which becomes void"
    if has.open_tasks:
        yield f"{_many(has.open_tasks, 'open task')}, withdrawn"
    if money:
        yield f"{money:f} {currency}, once finance has approved the refund"


def _lost(has: Belongings, cost: Decimal, forfeited: Decimal, currency: Currency) -> Iterator[str]:
    if forfeited:
        yield f"{forfeited:f} {currency} of the deposit, which is forfeited"
    if cost - forfeited:
        yield f"{cost - forfeited:f} {currency} as the cost of the cancellation"
    if has.slots:
        yield "its place in production"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
