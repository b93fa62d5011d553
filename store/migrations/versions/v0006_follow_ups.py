"""Follow-ups: surveys, complaints, service, returns, refunds and tasks of finance."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "follow_ups",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("subject", sa.String(36)),
        sa.Column("state", sa.String(16), server_default="wanted", nullable=False),
        sa.Column("step", sa.String(40)),
        sa.Column("outcome", sa.String(64)),
        sa.Column("text", sa.Text()),
        sa.Column("facts", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", Instant, nullable=False),
        sa.Column("closed_at", Instant),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_follow_ups_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_follow_ups"),
        sa.UniqueConstraint("key", name="uq_follow_ups_key"),
    )
    op.create_index("ix_follow_ups_order", "follow_ups", ["order_id", "requested_at"])
    op.create_index(
        "ix_follow_ups_running",
        "follow_ups",
        ["kind", "order_id"],
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.create_index(
        "ix_follow_ups_wanted",
        "follow_ups",
        ["requested_at"],
        postgresql_where=sa.text("state = 'wanted'"),
    )
