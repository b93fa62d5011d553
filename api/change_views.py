"""What the API shows of changes: what one means, what became of it, who is asked."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from api.access import Principal
from api.views import Wish, wish
from domain.changes import ChangeClass
from domain.roles import Role
from policy.impact import Impact
from store.rows import WishRow

_FOR_CUSTOMERS = frozenset({"money", "goods"})


class ChangeImpact(Impact):
    """What a change means; `because` says why it is not possible, if it is not.

    A customer does not see whom the house tells, what it gives back and whose signature falls.
    """

    of: ChangeClass = Field(serialization_alias="class")
    because: str | None = None


class ChangeItem(Wish):
    """A change, a cancellation or a receipt: what it means and what became of it.

    `asked` are the roles that have to answer before it is made.
    """

    of: ChangeClass | None = Field(serialization_alias="class")
    touches: tuple[str, ...] = Field(examples=[["lines.quantity_up"]])
    asked: tuple[Role, ...] = ()
    impact: ChangeImpact | None


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


def change_item(row: WishRow, principal: Principal, asked: tuple[Role, ...] = ()) -> ChangeItem:
    """A change with what it means."""
    stored: Mapping[str, Any] | None = row.impact
    return ChangeItem(
        **dict(wish(row)),
        of=None if row.of is None else ChangeClass(row.of),
        touches=row.touches,
        asked=asked,
        impact=None if stored is None else shown(Impact.model_validate(stored), principal),
    )
