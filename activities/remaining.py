"""What an order still has to have made: all of it, or what a change has left to do."""

from collections.abc import Mapping

from activities.order_file import OrderFile
from store import goods


async def to_make(file: OrderFile) -> Mapping[str, int]:
    """Units by product that are ordered and not made yet."""
    ordered = file.quantities
    if file.row.version == 1:
        return ordered  # nothing was changed: material and lines are asked for the whole order
    made = await goods.made(file.conn, file.id)
    left = {product: units - made.get(product, 0) for product, units in ordered.items()}
    return {product: units for product, units in left.items() if units > 0}
