"""Outbound webhooks: where customers' systems listen, what they are told, what came of it."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from store.tables import NOW, metadata

Instant = DateTime(timezone=True)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("customer", ForeignKey("customers.code"), nullable=False),
    Column("url", Text, nullable=False),
    Column("events", JSONB, nullable=False, server_default="[]"),  # none named: all of them
    Column("state", String(16), nullable=False, server_default="enabled"),  # enabled, disabled
    Column("disabled_because", Text),
    Column("generation", Integer, nullable=False, server_default="1"),  # of its secret
    Column("rotated_at", Instant),  # until a day later the secret before signs, too
    Column("created_by", Text, nullable=False),  # the key's name
    Column("created_at", Instant, nullable=False, server_default=NOW),
    Column("ping_state", String(16)),  # wanted, sending, sent, failed
    Column("ping_said", Text),
    UniqueConstraint("customer", "url"),
    Index("ix_webhook_endpoints_ping", "id", postgresql_where=text("ping_state = 'wanted'")),
)

# Counters are rows: whoever counts on holds the row until it commits, so that nothing that is
# numbered later can be seen earlier.
webhook_feeds = Table(
    "webhook_feeds",
    metadata,
    Column("customer", ForeignKey("customers.code"), primary_key=True),
    Column("last", BigInteger, nullable=False),
)

webhook_sequences = Table(
    "webhook_sequences",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("last", Integer, nullable=False),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("customer", ForeignKey("customers.code"), nullable=False),
    Column("position", BigInteger, nullable=False),  # among all events of the customer
    Column("type", String(64), nullable=False),
    Column("body", JSONB, nullable=False),  # as it is sent
    UniqueConstraint("customer", "position"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("endpoint", ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), primary_key=True),
    Column("order_id", String(36), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False, server_default="pending"),  # pending, sent, dead
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("retry_at", Instant, nullable=False, server_default=NOW),  # a relay has it till then
    Column("failing_since", Instant),  # its own failure, or that of one before it
    Column("sent_at", Instant),
    Column("status", Integer),  # the last answer's
    Column("error", Text),
    ForeignKeyConstraint(
        ["order_id", "sequence"], ["webhook_events.order_id", "webhook_events.sequence"]
    ),
    Index(
        "ix_webhook_deliveries_pending",
        "endpoint",
        "retry_at",
        postgresql_where=text("state = 'pending'"),
    ),
    Index("ix_webhook_deliveries_dead", "endpoint", postgresql_where=text("state = 'dead'")),
)
