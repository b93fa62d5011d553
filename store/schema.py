"""Every table, for whoever needs the whole schema: migrations and their test."""

from store import follow_up_tables, money_tables, webhook_tables
from store.tables import metadata

__all__ = ["follow_up_tables", "metadata", "money_tables", "webhook_tables"]
