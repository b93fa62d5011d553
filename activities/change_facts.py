"""What whoever has to agree needs to know of a change."""

from typing import Any

from activities.order_file import OrderFile
from store.changes import being_decided

SHOWN = (
    "touches",
    "currency",
    "price_before",
    "price_after",
    "price_difference",
    "promised_before",
    "promised_after",
    "back_to",
    "given_back",
    "lost",
    "voided",
)


async def change_facts(file: OrderFile) -> dict[str, Any]:
    """Which change it is, of which class, and what it means for the order as it stands."""
    found = await being_decided(file.conn, file.id)
    if found is None:
        return {}
    impact = found["impact"] or {}
    return {
        "change": found["id"],
        "class": found["of"],
        **{name: impact[name] for name in SHOWN if impact.get(name) not in (None, [])},
    }
