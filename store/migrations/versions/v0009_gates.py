"""Credit limits, blocked customers, the priority of orders, rush fees and the deposit's state."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

Instant = sa.DateTime(timezone=True)
Amount = sa.Numeric(18, 4)


def upgrade() -> None:
    op.add_column("customers", sa.Column("credit_limit", Amount))
    op.add_column("customers", sa.Column("blocked_at", Instant))
    op.add_column("customers", sa.Column("blocked_because", sa.Text()))
    op.create_check_constraint(
        op.f("ck_customers_credit_not_negative"), "customers", "credit_limit >= 0"
    )
    op.create_check_constraint(
        op.f("ck_customers_blocked_for_a_reason"),
        "customers",
        "(blocked_at IS NULL) = (blocked_because IS NULL)",
    )
    op.add_column(
        "orders", sa.Column("priority", sa.String(8), server_default="normal", nullable=False)
    )
    op.execute("UPDATE orders SET priority = 'urgent' WHERE rush")
    op.create_table(
        "order_money",
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("deposit", Amount),
        sa.Column("deposit_state", sa.String(16)),
        sa.Column("deposit_at", Instant),
        sa.Column("rush_wish", sa.String(36)),
        sa.Column("rush_fee", Amount),
        sa.Column("rush_agreed_at", Instant),
        sa.Column("rush_paid_at", Instant),
        sa.CheckConstraint("deposit >= 0", name=op.f("ck_order_money_deposit_not_negative")),
        sa.CheckConstraint("rush_fee >= 0", name=op.f("ck_order_money_rush_fee_not_negative")),
        sa.CheckConstraint(
            "(deposit IS NULL) = (deposit_state IS NULL)",
            name=op.f("ck_order_money_deposit_has_a_state"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_money_order_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_money")),
    )
