"""A change before it is taken: against which version, what it touches, and what it means."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from api.checks import check_amount, check_complete, check_promise
from api.problems import NOT_POSSIBLE, VERSION_CONFLICT, FieldError, Problem, invalid
from api.ready import earliest_ready
from domain.changes import ChangeRequest, Touch
from domain.errors import InvalidField
from domain.orders import OrderRequest
from domain.patching import check_delivered, new_products, patched, touches
from policy.changing import classify, passed_by
from policy.impact import Impact, impact_of, is_planned_anew, signing_steps
from policy.model import Profile
from store.change_reading import applied_since, list_prices
from store.engine import Connection
from store.impact import read_holdings
from store.reading import unknown_products
from store.rows import FullOrderRow

AGAIN = "read the order again, and send the change against version {version}"
OWN_KEY = "the customer's own key"

_BRINGS = {
    "evidence": ("is missing", "refer to the customer's written text by its name and uri"),
    "identity": ("is missing", "say how you made sure who asks, such as a call back"),
}


@dataclass(frozen=True)
class Examined:
    """The change against the order as it stands."""

    after: OrderRequest
    touches: tuple[Touch, ...]
    impact: Impact


async def examine(
    conn: Connection, order: FullOrderRow, profile: Profile, change: ChangeRequest, now: datetime
) -> Examined:
    """What the change means. The order has to be whole with the change applied.

    Raises InvalidField, IncompleteOrder or Problem. A change that the regulation refuses is no
    error here.
    """
    await check_version(conn, order, change.version)
    before = OrderRequest.model_validate(order.body)
    touched = touches(before, change)
    if change.promised_at is not None:
        check_promise(change.promised_at, now)
    after = patched(before, change, await _prices(conn, before, change))
    check_complete(after, profile)
    check_amount(after)
    holdings = await read_holdings(conn, order.id, order.currency, signing_steps(profile))
    check_delivered(before, change, holdings.shipped)
    passed = passed_by(profile, order.step)
    classified = classify(profile.changes, touched, passed, before.traits)
    impact = impact_of(profile, before, after, touched, classified, order.step, holdings)
    if is_planned_anew(profile, impact.of, order.step):
        ready = await earliest_ready(conn, order.id, after, profile, now)
        impact = impact.model_copy(update={"ready_at": ready})
    return Examined(after, touched, impact)


async def check_version(conn: Connection, order: FullOrderRow, version: int) -> None:
    """Raises InvalidField for a version to come, and Problem 409 for one that is past.

    The problem says what has changed since then, and by which change.
    """
    if version > order.version:
        newest = f"is ahead of the order, which is at version {order.version}"
        raise InvalidField("version", f"{newest}; read the order again")
    if version == order.version:
        return
    since = await applied_since(conn, order.id, version)
    cure = AGAIN.format(version=order.version)
    errors = [FieldError(field="version", message=f"{version} is past", cure=cure)]
    errors += [
        FieldError(field=field, message=f"has changed since then, by change {change.id}")
        for change in since
        for field in change.fields
    ]
    if len(since) < order.version - version:
        moved = "has been moved since then, by agreement on a delay"
        errors.append(FieldError(field="promised_at", message=moved))
    fields = ", ".join(dict.fromkeys(error.field for error in errors[1:]))
    said = f"the order is at version {order.version}; since version {version} {fields} changed"
    raise Problem(VERSION_CONFLICT, said, errors)


def check_taken(impact: Impact, change: ChangeRequest, *, staff: bool) -> None:
    """Raises Problem 409 for what is not possible, and 422 for what has to come with the change.

    A customer's own key says who asks.
    """
    if not staff and change.identity is not None:
        rule = "is for staff who take the change down"
        raise InvalidField("identity", f"{rule}; leave it out")
    if impact.refused:
        errors = [
            FieldError(field=refused.touch.value, message=refused.because, cure=refused.instead)
            for refused in impact.refused
        ]
        raise Problem(NOT_POSSIBLE, impact.why or "not possible", errors)
    missing = [name for name in impact.needs if getattr(change, name) is None]
    if not staff and "identity" in missing:
        missing.remove("identity")
    if missing:
        raise invalid(
            [
                FieldError(field=name, message=_BRINGS[name][0], cure=_BRINGS[name][1])
                for name in missing
            ]
        )


async def _prices(
    conn: Connection, order: OrderRequest, change: ChangeRequest
) -> dict[str, Decimal]:
    """List prices of what is new. Raises Problem that names every line of an unknown product."""
    wanted = new_products(order, change)
    if not wanted:
        return {}
    unknown = await unknown_products(conn, wanted)
    faults = [
        FieldError(
            field=f"lines[{index}].product",
            message=f"there is no product {line.product!r}",
            cure="write a product of the master data",
        )
        for index, line in enumerate(change.lines or ())
        if line.product in unknown
    ]
    if faults:
        raise invalid(faults)
    return await list_prices(conn, wanted, order.currency.value)
