"""Money: a ledger that balances by construction, and what lies on each account."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

Instant = sa.DateTime(timezone=True)
Amount = sa.Numeric(18, 4)


def upgrade() -> None:
    create_ledger()
    op.create_table(
        "balances",
        sa.Column("holder", sa.String(36), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("account", sa.String(16), nullable=False),
        sa.Column("amount", Amount, nullable=False),
        sa.CheckConstraint("amount >= 0", name="never_below_zero"),
        sa.PrimaryKeyConstraint("holder", "currency", "account", name="pk_balances"),
    )


def create_ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("key", sa.String(240), nullable=False),
        sa.Column("order_id", sa.String(36)),
        sa.Column("customer", sa.String(64)),
        sa.Column("payment", sa.String(36)),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", Amount, nullable=False),
        sa.Column("source_holder", sa.String(36), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("target_holder", sa.String(36), nullable=False),
        sa.Column("target", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("created_at", Instant, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount > 0", name="amount_is_positive"),
        sa.CheckConstraint(
            "source <> target OR source_holder <> target_holder", name="moves_somewhere"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_ledger_order_id"),
        sa.ForeignKeyConstraint(["customer"], ["customers.code"], name="fk_ledger_customer"),
        sa.PrimaryKeyConstraint("key", name="pk_ledger"),
    )
    op.create_index("ix_ledger_order", "ledger", ["order_id", "at"])
    op.create_index("ix_ledger_customer", "ledger", ["customer", "at"])
    op.create_index("ix_ledger_source", "ledger", ["source_holder"])
    op.create_index("ix_ledger_target", "ledger", ["target_holder"])
