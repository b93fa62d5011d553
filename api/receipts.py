"""What a customer says of the goods: complete, damaged, incomplete, or not there (L31, L35)."""

from typing import Annotated, Any

from pydantic import Field

from domain.base import Code, Record, Text
from domain.changes import ReceiptCondition
from domain.errors import InvalidField
from domain.orders import LINES_MAX, Quantity
from store.engine import Connection
from store.shipments import list_goods


class ReceivedItem(Record):
    """A product of which so many units are damaged or missing."""

    product: Code
    quantity: Quantity


class ReceiptReport(Record):
    """A receipt; may be left out where everything has arrived, and so may the body."""

    condition: ReceiptCondition = ReceiptCondition.COMPLETE
    note: Text | None = Field(None, description="What is wrong; needed unless it is complete")
    items: Annotated[tuple[ReceivedItem, ...], Field(max_length=LINES_MAX)] = Field(
        (), description="What is damaged or missing, where it is known"
    )

    @property
    def stored(self) -> dict[str, Any]:
        """How the wish keeps it."""
        return self.model_dump(mode="json", include={"condition", "items"})


async def check_receipt(conn: Connection, report: ReceiptReport, order_id: str) -> None:
    """Raises InvalidField: nothing said of what is wrong, or items that were never shipped."""
    complete = report.condition is ReceiptCondition.COMPLETE
    if not complete and not (report.note or "").strip():
        raise InvalidField("note", "is missing; say what is wrong with the goods")
    if not report.items:
        return
    if report.condition not in {ReceiptCondition.DAMAGED, ReceiptCondition.INCOMPLETE}:
        said = report.condition.value.replace("_", " ")
        raise InvalidField("items", f"are for damaged or incomplete goods, not for {said}")
    shipped = {row.product: row.shipped for row in await list_goods(conn, order_id)}
    seen: set[str] = set()
    for index, item in enumerate(report.items):
        left = shipped.get(item.product, 0)
        if not left:
            known = ", ".join(sorted(product for product, n in shipped.items() if n)) or "nothing"
            what = f"{item.product} was not shipped; choose from: {known}"
            raise InvalidField(f"items[{index}].product", what)
        if item.product in seen:
            raise InvalidField(f"items[{index}].product", "stands twice; name each product once")
        if item.quantity > left:
            what = f"{item.quantity} are more than the {left} that were shipped"
            raise InvalidField(f"items[{index}].quantity", what)
        seen.add(item.product)
