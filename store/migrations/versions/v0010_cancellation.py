"""Cancellations: terms, cost, and the answer to the customer."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "cancellations",
        sa.Column("change_id", sa.String(36), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("accepted_cost", sa.Numeric(18, 4)),
        sa.Column("step", sa.String(40)),
        sa.Column("terms", sa.String(16)),
        sa.Column("deposit", sa.String(16)),
        sa.Column("cost", sa.Numeric(18, 4)),
        sa.Column("kept", sa.Numeric(18, 4)),
        sa.Column("given_back", sa.Numeric(18, 4)),
        sa.Column("owed", sa.Numeric(18, 4)),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("accepted_cost >= 0", name="accepts_no_gift"),
        sa.ForeignKeyConstraint(["change_id"], ["changes.id"], name="fk_cancellations_change_id"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_cancellations_order_id"),
        sa.PrimaryKeyConstraint("change_id", name="pk_cancellations"),
    )
    op.create_index("ix_cancellations_order", "cancellations", ["order_id"])
