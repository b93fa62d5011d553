"""Payments that others report, and refunds: what is said, and how each ends (L09, L25, L32)."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from domain.base import Code, Instant, Number, Record, Text
from domain.money import Currency, PaymentRoute, Purpose

PAYMENT_MAX = Decimal("9999999999.99")
"""The largest amount that one payment moves."""

STATEMENT_LINES_MAX = 500

REPORTS_OPEN_MAX = 20
"""So many reports of one order may wait for their money; one more would tell finance nothing."""

FINANCE_DESK = "finance"
"""The source of what finance enters by hand; every other source signs its notices."""

Reference = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$")]
"""The bank's own number of a transfer: letters, digits, dot, dash, underscore and slash."""


def whole_units(amount: Decimal, currency: Currency) -> Decimal:
    """`amount`, if it can be paid in this currency. Raises ValueError."""
    exponent = amount.as_tuple().exponent
    decimals = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    most = 0 if currency is Currency.JPY else 2
    if decimals > most:
        whole = "no decimals" if most == 0 else f"at most {most} decimals"
        raise ValueError(f"has {decimals} decimals; {currency} has {whole}")
    return amount


class PaidAmount(Record):
    """An amount that can be paid: more than nothing, in whole minor units of its currency."""

    currency: Currency
    amount: Annotated[Number, Field(gt=0, le=PAYMENT_MAX)]

    @field_validator("amount")
    @classmethod
    def _is_whole(cls, amount: Decimal, info: ValidationInfo) -> Decimal:
        currency = info.data.get("currency")
        return amount if currency is None else whole_units(amount, currency)


class Payment(PaidAmount):
    """Money that has arrived, as finance enters it. `arrived_at` is now where it is left out."""

    reference: Reference
    route: PaymentRoute = PaymentRoute.ACCOUNT
    purpose: Purpose = Purpose.GOODS
    arrived_at: Instant | None = None


class PaymentReport(PaidAmount):
    """Somebody's word that the customer has paid (S07, 付款告知). It books no money.

    `route` is the way that the money takes where that is not the order's, `reference` the bank's
    own number where the payer knows it.
    """

    route: PaymentRoute | None = None
    reference: Reference | None = None


class PaymentNotice(Payment):
    """Money that has arrived, as a bank or a payment service reports it.

    `order` is the order's number or id, `customer` its code where the payer gave it.
    """

    order: Code
    customer: Code | None = None


class PaymentState(StrEnum):
    """Whether a payment is on an order; a refused notice moved no money.

    `returned`: it fitted no order, and what was left of it has gone back.
    """

    MATCHED = "matched"
    UNMATCHED = "unmatched"
    RETURNED = "returned"
    REFUSED = "refused"


class PaymentEnd(StrEnum):
    """What became of a payment when it was reported (docs/money.md)."""

    APPLIED = "applied"
    PARTLY = "partly_applied"
    TOO_MUCH = "too_much"
    ORDER_ENDED = "order_ended"
    NO_FEE = "no_fee_agreed"
    UNKNOWN_ORDER = "unknown_order"
    OTHER_CUSTOMER = "other_customer"
    OTHER_CURRENCY = "other_currency"
    TOLD_OTHERWISE = "told_otherwise"
    REFUSED = "refused"


class PaymentOutcome(Record):
    """The first answer to a payment; who reports it again gets the same one."""

    end: PaymentEnd
    applied: Decimal = Decimal(0)
    unapplied: Decimal = Decimal(0)
    to_pay: Decimal | None = None
    follow_up: str | None = None


class RefundState(StrEnum):
    """Where a refund stands. Money is set aside until it is paid or rejected."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    PAID = "paid"


class Refund(Record):
    """Money that goes back. Without an amount it is all that is not applied."""

    amount: Annotated[Number, Field(gt=0, le=PAYMENT_MAX)] | None = None
    reason: Text


class StatementLine(PaidAmount):
    """A payment as the customer's or the bank's statement has it, on the day of its zone."""

    reference: Reference
    date: date


class Statement(Record):
    """All payments of a period, which is that of its lines where it is left out."""

    since: date | None = None
    until: date | None = None
    lines: Annotated[tuple[StatementLine, ...], Field(max_length=STATEMENT_LINES_MAX)]


class Difference(StrEnum):
    """How a statement and our books differ."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    OTHER_AMOUNT = "other_amount"
    OTHER_CURRENCY = "other_currency"
    OTHER_CUSTOMER = "other_customer"
    BOOKED_TWICE = "booked_twice"
