"""What becomes of a deposit (S26, catalogue 5.3)."""

from enum import StrEnum


class DepositState(StrEnum):
    """Held until the goods are picked up; suspended when that is late.

    `offset` counts towards the price, `kept_in_part` less what the lateness cost, and `forfeited`
    went when nobody came at all.
    """

    HELD = "held"
    SUSPENDED = "suspended"
    OFFSET = "offset"
    KEPT_IN_PART = "kept_in_part"
    FORFEITED = "forfeited"
