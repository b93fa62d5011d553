"""Operations: since when an order waits and why, holds, and what operations have done."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("orders", sa.Column("step_since", Instant))
    op.add_column("orders", sa.Column("held_at", Instant))
    op.add_column("orders", sa.Column("held_because", sa.Text()))
    op.add_column("orders", sa.Column("blocked", sa.Text()))
    op.create_index(
        "ix_orders_held", "orders", ["held_at"], postgresql_where=sa.text("held_at IS NOT NULL")
    )
    # For orders that run: the last thing that happened to them is the best that is known.
    op.execute(
        "UPDATE orders SET step_since = updated_at WHERE state = 'open' AND step IS NOT NULL"
    )
    create_ops_actions()


def create_ops_actions() -> None:
    op.create_table(
        "ops_actions",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("at", Instant, server_default=sa.text("now()"), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("detail", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ops_actions"),
    )
    op.create_index("ix_ops_actions_target", "ops_actions", ["target", "id"])
