"""Outbound webhooks: endpoints, events in order, deliveries."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

Instant = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    create_endpoints()
    create_events()
    create_deliveries()


def create_endpoints() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("customer", sa.String(64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("state", sa.String(16), server_default="enabled", nullable=False),
        sa.Column("disabled_because", sa.Text()),
        sa.Column("generation", sa.Integer(), server_default="1", nullable=False),
        sa.Column("rotated_at", Instant),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", Instant, server_default=NOW, nullable=False),
        sa.Column("ping_state", sa.String(16)),
        sa.Column("ping_said", sa.Text()),
        sa.ForeignKeyConstraint(
            ["customer"], ["customers.code"], name="fk_webhook_endpoints_customer"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_endpoints"),
        sa.UniqueConstraint("customer", "url", name="uq_webhook_endpoints_customer"),
    )
    op.create_index(
        "ix_webhook_endpoints_ping",
        "webhook_endpoints",
        ["id"],
        postgresql_where=sa.text("ping_state = 'wanted'"),
    )


def create_events() -> None:
    op.create_table(
        "webhook_feeds",
        sa.Column("customer", sa.String(64), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer"], ["customers.code"], name="fk_webhook_feeds_customer"),
        sa.PrimaryKeyConstraint("customer", name="pk_webhook_feeds"),
    )
    op.create_table(
        "webhook_sequences",
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_webhook_sequences_order_id"),
        sa.PrimaryKeyConstraint("order_id", name="pk_webhook_sequences"),
    )
    op.create_table(
        "webhook_events",
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("customer", sa.String(64), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_webhook_events_order_id"),
        sa.ForeignKeyConstraint(
            ["customer"], ["customers.code"], name="fk_webhook_events_customer"
        ),
        sa.PrimaryKeyConstraint("order_id", "sequence", name="pk_webhook_events"),
        sa.UniqueConstraint("customer", "position", name="uq_webhook_events_customer"),
    )


def create_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("endpoint", sa.String(36), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retry_at", Instant, server_default=NOW, nullable=False),
        sa.Column("failing_since", Instant),
        sa.Column("sent_at", Instant),
        sa.Column("status", sa.Integer()),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(
            ["endpoint"],
            ["webhook_endpoints.id"],
            name="fk_webhook_deliveries_endpoint",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "sequence"],
            ["webhook_events.order_id", "webhook_events.sequence"],
            name="fk_webhook_deliveries_order_id",
        ),
        sa.PrimaryKeyConstraint("endpoint", "order_id", "sequence", name="pk_webhook_deliveries"),
    )
    op.create_index(
        "ix_webhook_deliveries_pending",
        "webhook_deliveries",
        ["endpoint", "retry_at"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_webhook_deliveries_dead",
        "webhook_deliveries",
        ["endpoint"],
        postgresql_where=sa.text("state = 'dead'"),
    )
