"""Follow-ups: what an order leads to as a matter of its own."""

from sqlalchemy import Column, DateTime, ForeignKey, Index, String, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from store.tables import metadata

Instant = DateTime(timezone=True)

follow_ups = Table(
    "follow_ups",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("key", String(200), nullable=False, unique=True),  # what it is about: wanted once
    Column("kind", String(40), nullable=False),  # a follow-up of the order's profile
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("subject", String(36)),  # the refund or payment that it is about
    Column("state", String(16), nullable=False, server_default="wanted"),  # open, closed
    Column("step", String(40)),
    Column("outcome", String(64)),
    Column("text", Text),  # what was said; personal data may be in it
    Column("facts", JSONB, nullable=False, server_default="{}"),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Index("ix_follow_ups_order", "order_id", "requested_at"),
    Index("ix_follow_ups_running", "kind", "order_id", postgresql_where=text("state <> 'closed'")),
    Index("ix_follow_ups_wanted", "requested_at", postgresql_where=text("state = 'wanted'")),
)
