"""Dispatch (L28): how a shipment comes out, and how its quantities are written."""

import re
from collections.abc import Mapping

FAILED = "failed"
"""The goods could not leave (S35.W21): they stay packed, and the step is entered again."""

PARTIAL = "partial"
"""Some of the packed goods have left; the rest follows."""

MISSING_PARTS = "missing_parts"
"""The goods have left without some parts, with the customer's consent (S35, G22, 缺件发货)."""

IN_PARTS = frozenset({PARTIAL, MISSING_PARTS})
"""After these the order waits for the rest, and the answer says what has left."""

_ENTRY = re.compile(r"^([^\s=,]+)=([1-9][0-9]{0,6})$")
_EXAMPLE = "write product=units, such as EL-A4=10,DRV-12=5"


def read_quantities(text: str) -> dict[str, int]:
    """Units by product of `EL-A4=10,DRV-12=5`. Raises ValueError with the cure."""
    found: dict[str, int] = {}
    for part in text.split(","):
        entry = _ENTRY.match(part.strip())
        if entry is None:
            raise ValueError(f"{part.strip()!r} is no quantity; {_EXAMPLE}")
        product, units = entry[1], int(entry[2])
        if product in found:
            raise ValueError(f"{product} stands twice; write each product once")
        found[product] = units
    return found


def fault_of_shipment(text: str, outcome: str, there: Mapping[str, int]) -> str | None:
    """What is wrong with the quantities that are said to have left; `there` are packed and still
    here. None when they may stand.
    """
    try:
        quantities = read_quantities(text)
    except ValueError as wrong:
        return str(wrong)
    for product, units in quantities.items():
        if product not in there:
            waiting = ", ".join(sorted(there)) or "nothing any more"
            return f"{product} does not wait to be shipped; {waiting} does"
        if units > there[product]:
            return f"{product}: {units} are more than the {there[product]} that are packed"
    if outcome == PARTIAL and quantities == dict(there):
        return "that is all there is; answer `done` instead"
    return None
