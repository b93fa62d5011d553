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


class PaymentRoute(StrEnum):
    """The way of the customer's money (S07.W14 to W16)."""

    CARD = "card"
    ACCOUNT = "account"
    FOREIGN = "foreign"


class Purpose(StrEnum):
    """What a payment is for; money for the goods counts towards deposit, advance and balance."""

    GOODS = "goods"
    RUSH_FEE = "rush_fee"


class Account(StrEnum):
    """Where an order's money is. Every entry of the ledger moves it from one to another.

    received = everything that came from OUTSIDE; refunded = everything that went back there;
    applied = GOODS, RUSH_FEE, FORFEITED and COST; unapplied = UNAPPLIED and REFUND_DUE.
    """

    OUTSIDE = "outside"
    UNAPPLIED = "unapplied"
    GOODS = "goods"
    RUSH_FEE = "rush_fee"
    FORFEITED = "forfeited"
    COST = "cost"
    REFUND_DUE = "refund_due"

    @property
    def applied(self) -> bool:
        """Whether money here pays for something."""
        return self in {Account.GOODS, Account.RUSH_FEE, Account.FORFEITED, Account.COST}

    @property
    def zh(self) -> str:
        """The term of the finance department."""
        return _CHINESE[self]


_CHINESE = {
    Account.OUTSIDE: "外部",
    Account.UNAPPLIED: "未核销款",
    Account.GOODS: "货款",
    Account.RUSH_FEE: "加急费",
    Account.FORFEITED: "没收定金",
    Account.COST: "取消费用",
    Account.REFUND_DUE: "待退款",
}


Percent = Annotated[Number, Field(ge=0, le=100, decimal_places=2)]
"""A share, 0 to 100, at most two decimals."""

UnitPrice = Annotated[Number, Field(ge=0, le=UNIT_PRICE_MAX, decimal_places=UNIT_PRICE_DECIMALS)]
"""Price of one unit, at most four decimals."""


def share(amount: Decimal, percent: Decimal, currency: Currency) -> Decimal:
    """`percent` of `amount`, rounded half up to the currency's minor unit."""
    return rounded(amount * percent / 100, currency)


def rounded(amount: Decimal, currency: Currency) -> Decimal:
    """`amount` in whole minor units of `currency`, half up."""
    return amount.quantize(currency.minor_unit, rounding=ROUND_HALF_UP)
