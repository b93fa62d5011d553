"""Finds the order that somebody names: by number, id, beginning of the id, or workflow id."""

from domain.base import Record
from domain.errors import InvalidField, UnknownThing
from domain.follow_ups import PREFIX
from ops.repair.site import Site
from store.finding import orders_named
from workflows.contract import order_workflow_id

BEGINNING_LENGTH_MIN = 4
"""A shorter beginning of an id is a slip of the pen rather than a name."""
SHOWN_MAX = 5


class FoundOrder(Record):
    """An order and the workflow that lives it."""

    id: str
    number: str | None
    workflow_id: str

    @property
    def name(self) -> str:
        """How people call it: its number, or its id before it has one."""
        return self.number or self.id


async def find_order(site: Site, wanted: str) -> FoundOrder:
    """The one order that `wanted` names; the id of a workflow of it names it, too.

    Raises UnknownThing when there is none, and InvalidField when there are several.
    """
    name = order_named_by(wanted.strip())
    if len(name) < BEGINNING_LENGTH_MIN:
        raise InvalidField("order", f"{wanted!r} is too short; write its number or more of its id")
    async with site.database.connect() as conn:
        found = await orders_named(conn, name, SHOWN_MAX + 1)
    if not found:
        raise UnknownThing("order", wanted)
    if len(found) > 1:
        some = ", ".join(order.number or order.id for order in found[:SHOWN_MAX])
        more = " and more" if len(found) > SHOWN_MAX else ""
        raise InvalidField(
            "order", f"several begin with {wanted!r}: {some}{more}; write more of it"
        )
    order = found[0]
    return FoundOrder(id=order.id, number=order.number, workflow_id=order_workflow_id(order.id))


def order_named_by(wanted: str) -> str:
    """What `order-<id>`, `case-<id>.step.1` and `followup-<id>.<its own>` name; else as it is."""
    if wanted.startswith("order-"):
        return wanted.removeprefix("order-")
    beside = wanted.removeprefix("case-")
    if wanted.startswith(("case-", PREFIX)):
        return beside.removeprefix(PREFIX).partition(".")[0]
    return wanted
