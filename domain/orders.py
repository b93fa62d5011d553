"""The order as a customer places it, and as the platform keeps it."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, StrictBool

from domain.base import Code, Instant, Line, Record, Text, is_no_flag
from domain.money import Currency, PaymentRoute, UnitPrice, rounded

LINES_MAX = 200
QUANTITY_MAX = 1_000_000
ATTACHMENTS_MAX = 50

Quantity = Annotated[int, BeforeValidator(is_no_flag), Field(strict=True, ge=1, le=QUANTITY_MAX)]
"""Whole units, 1 to 1,000,000."""


class Channel(StrEnum):
    """How the order reached the company (L04)."""

    WEB = "web"
    PHONE = "phone"
    FAX = "fax"
    EMAIL = "email"
    VISIT = "visit"
    FAIR = "fair"
    SHOP = "shop"
    EDI = "edi"


class OrderState(StrEnum):
    """Where an order as a whole stands."""

    OPEN = "open"
    COMPLETED = "completed"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class Trait(StrEnum):
    """What an order is, as far as steps are limited to it (L08): normal or special, rush."""

    NORMAL = "normal"
    SPECIAL = "special"
    RUSH = "rush"


def traits(*, special: bool, rush: bool) -> frozenset[Trait]:
    """Every order is normal or special, and may be a rush order besides."""
    found = {Trait.SPECIAL if special else Trait.NORMAL}
    return frozenset(found | ({Trait.RUSH} if rush else set()))


class Contact(Record):
    """Whom to talk to. Personal data: kept in the database only, never in the engine."""

    name: Line
    phone: Line
    email: Line | None = None


class Address(Record):
    """Where to deliver. Personal data: kept in the database only, never in the engine."""

    name: Line
    line1: Line
    line2: Line | None = None
    city: Line
    postcode: Line | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class Attachment(Record):
    """A document by reference; the platform stores no files."""

    name: Line
    uri: Annotated[str, Field(pattern=r"^(https|s3)://[^\s]{1,500}$")]


class OrderLine(Record):
    """One product in one quantity at one price."""

    product: Code
    quantity: Quantity
    unit_price: UnitPrice
    specification: Text | None = None


class OrderRequest(Record):
    """What `POST /orders` takes.

    `ordered_at` is when the customer ordered, where the order is entered later: the first window
    counts from then. `promised_at` is an absolute instant with offset and lies in the future.
    Prices are fixed here and never drawn again. `payment_route` is the way the customer's money
    takes, which sets how long its arrival may take (S07.W14 to W16).
    """

    profile: Code
    customer: Code
    channel: Channel = Channel.WEB
    ordered_at: Instant | None = None
    currency: Currency = Currency.CNY
    promised_at: Instant
    rush: StrictBool = False
    special: StrictBool = False
    contact: Contact | None = None
    deliver_to: Address | None = None
    payment_terms: Line | None = None
    payment_route: PaymentRoute = PaymentRoute.ACCOUNT
    requirements: Text | None = None
    remarks: Text | None = None
    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=LINES_MAX)]
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=ATTACHMENTS_MAX)] = ()

    @property
    def traits(self) -> frozenset[Trait]:
        """What steps and rules may be limited to."""
        return traits(special=self.special, rush=self.rush)

    @property
    def amount(self) -> Decimal:
        """The total in the order's currency, rounded once."""
        total = sum((line.quantity * line.unit_price for line in self.lines), Decimal(0))
        return rounded(total, self.currency)
