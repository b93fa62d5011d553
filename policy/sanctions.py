"""Fines and rewards that a regulation states (catalogue 4.2): ledger entries, never payments."""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator

from domain.base import Line, Number, Record
from domain.money import Currency
from domain.roles import Role
from policy.ids import RuleId


class Sanction(Record):
    """A fine for a missed window, or a reward for an order that leaves in time (S26, S05).

    `rule` names the window, none means any. `charged` is the owner of the late step, or a role.
    A breach is charged when its overdue case is closed, an order when it is completed. A cause that
    lies with the customer charges nobody inside, unless the regulation says `whatever_cause`.
    """

    id: RuleId
    on: Literal["window_breached", "order_on_time"]
    rule: RuleId | None = None
    kind: Literal["fine", "reward"]
    amount: Annotated[Number, Field(gt=0)]
    currency: Currency
    charged: Literal["owner"] | Role
    whatever_cause: StrictBool = False
    text: Line
    text_zh: Line

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.amount % self.currency.minor_unit:
            raise ValueError(
                f"amount: {self.amount} {self.currency} cannot be paid; write a multiple of "
                f"{self.currency.minor_unit}"
            )
        if self.on == "order_on_time" and (self.rule or self.charged == "owner"):
            raise ValueError(
                f"{self.id}: an order in time has no window and no owner; leave rule out and name "
                "a role in charged"
            )
        return self

    @property
    def sum(self) -> str:
        """Amount and currency: `100.00 CNY`."""
        return f"{self.amount.quantize(self.currency.minor_unit)} {self.currency}"
