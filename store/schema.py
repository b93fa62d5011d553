"""Every table, for whoever needs the whole schema: migrations and their test."""

from store import (
    cancellation_tables,
    follow_up_tables,
    gate_tables,
    money_tables,
    payment_tables,
    webhook_tables,
)
from store.tables import metadata

__all__ = [
    "cancellation_tables",
    "follow_up_tables",
    "gate_tables",
    "metadata",
    "money_tables",
    "payment_tables",
    "webhook_tables",
]
