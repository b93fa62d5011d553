"""Money: decimals in the order's currency, rounded once, half up, to its minor unit."""

from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.base import Number

UNIT_PRICE_DECIMALS = 4
UNIT_PRICE_MAX = Decimal("9999999.9999")


class Currency(StrEnum):
    """ISO 4217 codes that an order may be priced in."""

    CNY = "CNY"
    USD = "USD"
    EUR = "EUR"
    GBP = "GBP"
    HKD = "HKD"
    JPY = "JPY"

    @property
    def minor_unit(self) -> Decimal:
        """The smallest amount that is paid: 0.01, or 1 for the yen."""
        return Decimal(1) if self is Currency.JPY else Decimal("0.01")


UnitPrice = Annotated[Number, Field(ge=0, le=UNIT_PRICE_MAX, decimal_places=UNIT_PRICE_DECIMALS)]
"""Price of one unit, at most four decimals."""


def rounded(amount: Decimal, currency: Currency) -> Decimal:
    """`amount` in whole minor units of `currency`, half up."""
    return amount.quantize(currency.minor_unit, rounding=ROUND_HALF_UP)
