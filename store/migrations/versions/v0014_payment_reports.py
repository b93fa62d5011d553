"""Reports of payments: somebody's word that the money is under way; it books none."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "payment_reports",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("amount", sa.Numeric(18, 4), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("route", sa.String(16)),
        sa.Column("reference", sa.String(64)),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.Column("reported_at", Instant, nullable=False),
        sa.Column("settled_at", Instant),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_reports_amount_is_positive")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_payment_reports_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_reports")),
    )
    op.create_index("ix_payment_reports_order", "payment_reports", ["order_id", "reported_at"])
