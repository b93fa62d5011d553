"""What an order must be before it is stored: complete by its profile, and about known things."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from api.problems import NOT_ALLOWED, FieldError, Problem, invalid
from domain.errors import IncompleteOrder, InvalidField, UnknownThing
from domain.orders import OrderLine, OrderRequest
from policy.calendars import last_year
from policy.loader import Loaded
from policy.model import Profile
from store.engine import Connection
from store.intake import AMOUNT_MAX
from store.reading import customer_exists, unknown_products

KNOWN_SHOWN_MAX = 60
ENTERED_LATE_MAX = timedelta(days=90)


def profile_of(loaded: Loaded, profile_id: str) -> Profile:
    """The profile an order names. Raises UnknownThing with the ids there are."""
    profile = loaded.profiles.get(profile_id)
    if profile is None:
        known = tuple(sorted(loaded.profiles))[:KNOWN_SHOWN_MAX]
        raise UnknownThing("profile", profile_id, field="profile", known=known)
    return profile


async def check_order(
    conn: Connection, order: OrderRequest, profile: Profile, now: datetime
) -> None:
    """Raises IncompleteOrder, UnknownThing, InvalidField or Problem with every field named."""
    check_complete(order, profile)
    check_promise(order.promised_at, now)
    check_amount(order)
    if not await customer_exists(conn, order.customer):
        raise UnknownThing("customer", order.customer, field="customer")
    await check_products(conn, order.lines)


def check_complete(order: OrderRequest, profile: Profile) -> None:
    """Raises IncompleteOrder with every missing field (G02)."""
    body = order.model_dump(mode="json")
    missing = [
        field for name in profile.required_fields for field in _missing(body, name.split("."), "")
    ]
    if missing:
        raise IncompleteOrder(profile.id, tuple(missing))


def _missing(value: Any, names: Sequence[str], path: str) -> Iterator[str]:
    """Where a dotted name leads to nothing; each entry of a list has to have it."""
    if isinstance(value, list) and value:
        for index, item in enumerate(value if names else ()):
            yield from _missing(item, names, f"{path}[{index}]")
    elif value is None or value == [] or (isinstance(value, str) and not value.strip()):
        yield ".".join(filter(None, (path, *names)))
    elif names and isinstance(value, Mapping):
        inner = f"{path}.{names[0]}" if path else names[0]
        yield from _missing(value.get(names[0]), names[1:], inner)


def check_promise(promised_at: datetime, now: datetime) -> None:
    """Raises InvalidField for a past instant and for one no calendar reaches."""
    if promised_at.year > last_year():
        raise InvalidField("promised_at", f"lies beyond {last_year()}; the calendars end there")
    if promised_at <= now:
        raise InvalidField("promised_at", "lies in the past; promise an instant that is to come")


def check_ordered_at(ordered_at: datetime | None, now: datetime, *, staff: bool) -> None:
    """Raises InvalidField for an instant at which nobody can have ordered."""
    if ordered_at is None:
        return
    if not staff:
        raise InvalidField("ordered_at", "is for staff who enter an order late; leave it out")
    if ordered_at > now:
        raise InvalidField("ordered_at", "lies in the future; write when the customer ordered")
    if ordered_at < now - ENTERED_LATE_MAX:
        days = ENTERED_LATE_MAX.days
        raise InvalidField("ordered_at", f"lies more than {days} days back; check the year")


def check_amount(order: OrderRequest) -> None:
    """Raises InvalidField for a sum that is no order."""
    if order.amount > AMOUNT_MAX:
        raise InvalidField("lines", f"add up to more than {AMOUNT_MAX:,}; check the quantities")


async def check_products(conn: Connection, lines: Sequence[OrderLine]) -> None:
    """Raises Problem that names every line with an unknown product."""
    unknown = await unknown_products(conn, (line.product for line in lines))
    if unknown:
        raise invalid(
            [
                FieldError(
                    field=f"lines[{index}].product",
                    message=f"there is no product {line.product!r}",
                    cure="write a product of the master data",
                )
                for index, line in enumerate(lines)
                if line.product in unknown
            ]
        )


def check_customer(customer: str, own: str | None) -> None:
    """Raises Problem 403 when a customer's key orders for somebody else."""
    if own is not None and customer != own:
        message = "is not the customer of this key"
        error = FieldError(field="customer", message=message, cure=f"write {own}")
        raise Problem(NOT_ALLOWED, f"customer {message}", [error])
