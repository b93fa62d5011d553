"""What it costs that an order comes first, before anybody asks for it."""

from decimal import Decimal

from pydantic import Field

from domain.base import Record
from domain.money import Currency
from policy.model import Profile
from policy.paying import rush_fee
from policy.rushing import is_planned, rush_refusal
from store.rows import FullOrderRow


class RushFee(Record):
    """The rush fee of an order as it stands; `because` says why there is none."""

    order_id: str
    possible: bool
    fee: Decimal | None = Field(examples=["500.00"])
    currency: Currency
    because: str | None


def fee_of(order: FullOrderRow, profile: Profile) -> RushFee:
    """The fee, or why the order can no longer come first."""
    currency, rules = Currency(order.currency), profile.money.rush
    refusal = rush_refusal(profile, planned=is_planned(profile, order.step))
    if order.closed_at is not None:
        refusal = f"the order is {order.state}"
    fee = None
    if refusal is None and rules is not None:
        fee = rush_fee(rules, order.amount, currency)
    return RushFee(
        order_id=order.id,
        possible=refusal is None,
        fee=fee,
        currency=currency,
        because=refusal,
    )
