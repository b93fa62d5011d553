"""What an order holds at a moment: what a change or a cancellation gives back or loses."""

from datetime import datetime
from decimal import Decimal

from domain.base import Record
from domain.roles import Role


class HeldStock(Record):
    """Material that a visit of a step has reserved."""

    step: str
    material: str
    quantity: Decimal
    unit: str


class HeldSlot(Record):
    """A stretch of a line's time that a visit of a step has booked."""

    step: str
    line: str
    starts_at: datetime
    ends_at: datetime


class OpenPurchase(Record):
    """Material that purchasing was asked for and that has not arrived."""

    step: str
    material: str
    quantity: Decimal
    unit: str


class Goods(Record):
    """Finished goods of one product: each number counts those of the next one, too."""

    product: str
    made: int
    packed: int
    shipped: int


class Signature(Record):
    """An answer that somebody gave for the order as it stands."""

    step: str
    role: Role
    outcome: str


class Holdings(Record):
    """Everything an order holds. `paid` is what was paid for the goods, in the order's currency.

    `released` says that a release note is out and the goods are still here.
    """

    stock: tuple[HeldStock, ...] = ()
    slots: tuple[HeldSlot, ...] = ()
    purchases: tuple[OpenPurchase, ...] = ()
    goods: tuple[Goods, ...] = ()
    paid: Decimal = Decimal(0)
    signatures: tuple[Signature, ...] = ()
    released: bool = False

    @property
    def gone(self) -> bool:
        """Whether goods have left, and nothing that is packed is still here."""
        return bool(self.shipped) and all(one.packed <= one.shipped for one in self.goods)

    @property
    def shipped(self) -> dict[str, int]:
        """Units that have left, by product."""
        return {goods.product: goods.shipped for goods in self.goods if goods.shipped}
