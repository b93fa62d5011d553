"""What the API shows of changes: what one means, what became of it, who is asked."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import Field

from api.access import Principal
from api.views import Wish, wish
from domain.base import Record
from domain.changes import ChangeClass
from domain.money import Currency, rounded
from domain.roles import Role
from policy.impact import Impact
from store.cancellations import CancellationRow
from store.rows import WishRow

_FOR_CUSTOMERS = frozenset({"money", "goods"})


class ChangeImpact(Impact):
    """What a change means; `because` says why it is not possible, if it is not.

    A customer does not see whom the house tells, what it gives back and whose signature falls.
    """

    of: ChangeClass = Field(serialization_alias="class")
    because: str | None = None


class CancellationOutcome(Record):
    """On which terms a cancellation was judged, and what became of the money.

    `kept` and `given_back` are known once it is applied; `owed` was not paid by then.
    """

    currency: Currency
    accepted_cost: Decimal | None
    terms: str | None = Field(examples=["at_cost"])
    deposit: str | None = Field(examples=["by_contract"])
    cost: Decimal | None
    kept: Decimal | None
    given_back: Decimal | None
    owed: Decimal | None
    answered_at: datetime | None


class ChangeItem(Wish):
    """A change, a cancellation or a receipt: what it means and what became of it.

    `asked` are the roles that have to answer before it is made.
    """

    of: ChangeClass | None = Field(serialization_alias="class")
    touches: tuple[str, ...] = Field(examples=[["lines.quantity_up"]])
    asked: tuple[Role, ...] = ()
    impact: ChangeImpact | None
    cancellation: CancellationOutcome | None = None


def shown(impact: Impact, principal: Principal) -> ChangeImpact:
    """What a change means, as far as it is the caller's business."""
    hidden: dict[str, Any] = {}
    if not principal.is_staff:
        hidden = {
            "told": (),
            "voided": (),
            "given_back": tuple(c for c in impact.given_back if c.kind in _FOR_CUSTOMERS),
            "lost": tuple(c for c in impact.lost if c.kind in _FOR_CUSTOMERS),
        }
    return ChangeImpact(**{**dict(impact), **hidden}, because=impact.why)


def change_item(
    row: WishRow,
    principal: Principal,
    asked: tuple[Role, ...] = (),
    cancelling: CancellationRow | None = None,
) -> ChangeItem:
    """A change with what it means, or a cancellation with what it came to."""
    stored: Mapping[str, Any] | None = row.impact
    return ChangeItem(
        **dict(wish(row)),
        of=None if row.of is None else ChangeClass(row.of),
        touches=row.touches,
        asked=asked,
        impact=None if stored is None else shown(Impact.model_validate(stored), principal),
        cancellation=None if cancelling is None else _outcome(cancelling),
    )


def _outcome(row: CancellationRow) -> CancellationOutcome:
    """In whole minor units of the currency."""
    currency = Currency(row.currency)
    amounts = {
        name: None if value is None else rounded(value, currency)
        for name in ("accepted_cost", "cost", "kept", "given_back", "owed")
        for value in (getattr(row, name),)
    }
    return CancellationOutcome(
        currency=currency,
        terms=row.terms,
        deposit=row.deposit,
        answered_at=row.answered_at,
        **amounts,
    )
