"""Which goods that are made an order still wants as they are. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping

from domain.orders import OrderLine, OrderRequest

Ordered = Mapping[str | None, int]
"""Ordered units of one product by specification; none is the product as it is."""


def still_wanted(
    before: OrderRequest, after: OrderRequest, made: Mapping[str, int]
) -> dict[str, int]:
    """Units by product that were made for `before` and that `after` takes as they are.

    `made` are units by product. Where only a part is made and nobody can say of which
    specification, only what is certain counts: rather one made anew than one shipped in the wrong
    colour.
    """
    return {
        product: min(units, _certain(_of(before.lines, product), _of(after.lines, product), units))
        for product, units in made.items()
    }


def _of(lines: Iterable[OrderLine], product: str) -> Counter[str | None]:
    ordered: Counter[str | None] = Counter()
    for line in lines:
        if line.product == product:
            ordered[line.specification] += line.quantity
    return ordered


def _certain(before: Ordered, after: Ordered, made: int) -> int:
    if all(after.get(how, 0) >= units for how, units in before.items()):
        return sum(after.values())
    ordered = sum(before.values())
    return sum(
        min(after.get(how, 0), max(0, made - (ordered - units))) for how, units in before.items()
    )
