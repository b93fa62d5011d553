"""What a regulation says about money: credit, deposit, advance, rush fee (catalogue 5.3)."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator

from domain.base import Number, Record
from domain.money import Currency, Percent
from policy.ids import RuleId


class DepositRules(Record):
    """A deposit and its clock (S26, catalogue 5.3).

    `percent` is of the order's amount. A breach of window `suspends` stops the offset against the
    price; goods picked up after it cost `late_percent`. A breach of `forfeits` costs
    `lost_percent`. Both are of `base`: the order's amount or the deposit (Q09).
    """

    percent: Percent
    base: Literal["order", "deposit"] = "order"
    suspends: RuleId | None = None
    late_percent: Percent = Decimal(0)
    forfeits: RuleId | None = None
    lost_percent: Percent = Decimal(0)

    @model_validator(mode="after")
    def _runs_in_order(self) -> Self:
        if self.forfeits is not None and self.suspends is None:
            raise ValueError("a deposit that is forfeited is suspended first; name suspends, too")
        return self


class RushRules(Record):
    """The fee that lifts an order's priority (S07): a share of its amount, at least `at_least`.

    The least is an amount by currency; in one that is not named there is none.
    """

    percent: Percent
    at_least: dict[Currency, Annotated[Number, Field(ge=0)]] = Field(default_factory=dict)


class MoneyRules(Record):
    """What has to be paid when.

    `advance_percent` is what makes good for missing credit, and what comes before special
    purchases (S07, Q37). `activation_percent` is what makes an order effective (S35, G09).
    `blocked_refused`: a blocked customer's order is refused even when it is paid.
    """

    deposit: DepositRules | None = None
    advance_percent: Percent = Decimal(30)
    activation_percent: Percent = Decimal(100)
    rush: RushRules | None = None
    blocked_refused: StrictBool = False
