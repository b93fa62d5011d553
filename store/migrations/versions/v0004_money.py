"""Money: a ledger that balances by construction, and what lies on each account."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

Instant = sa.DateTime(timezone=True)
Amount = sa.Numeric(18, 4)


def upgrade() -> None:
    create_ledger()
    op.create_table(
        "money_news",
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("entry", sa.String(240), nullable=False),
        sa.Column("created_at", Instant, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_money_news_order_id"),
        sa.PrimaryKeyConstraint("order_id", name="pk_money_news"),
    )
    op.create_table(
        "balances",
        sa.Column("holder", sa.String(36), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("account", sa.String(16), nullable=False),
        sa.Column("amount", Amount, nullable=False),
        sa.CheckConstraint("amount >= 0", name="never_below_zero"),
        sa.PrimaryKeyConstraint("holder", "currency", "account", name="pk_balances"),
    )
    create_payments()
    create_refunds()
    create_invoices()


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


def create_payments() -> None:
    op.create_table(
        "payments",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("reference", sa.String(64)),
        sa.Column("notice", sa.String(200)),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("named_order", sa.String(64)),
        sa.Column("order_id", sa.String(36)),
        sa.Column("customer", sa.String(64)),
        sa.Column("amount", Amount),
        sa.Column("currency", sa.String(3)),
        sa.Column("route", sa.String(16)),
        sa.Column("purpose", sa.String(16)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("why", sa.Text()),
        sa.Column("outcome", postgresql.JSONB(), nullable=False),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.Column("arrived_at", Instant, nullable=False),
        sa.Column("created_at", Instant, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state = 'refused' OR (amount > 0 AND num_nulls(amount, currency, reference) = 0)",
            name="counts_something",
        ),
        sa.CheckConstraint(
            "(state = 'matched') = (order_id IS NOT NULL)", name="matched_to_an_order"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_payments_order_id"),
        sa.ForeignKeyConstraint(["customer"], ["customers.code"], name="fk_payments_customer"),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
    )
    op.create_index(
        "uq_payments_reference",
        "payments",
        ["source", "reference"],
        unique=True,
        postgresql_where=sa.text("state <> 'refused'"),
    )
    op.create_index("ix_payments_notice", "payments", ["source", "notice"])
    op.create_index("ix_payments_again", "payments", ["reference"])
    op.create_index("ix_payments_order", "payments", ["order_id"])
    op.create_index("ix_payments_customer", "payments", ["customer"])
    op.create_index("ix_payments_listing", "payments", ["created_at", "id"])
    op.create_index(
        "ix_payments_unmatched",
        "payments",
        ["created_at"],
        postgresql_where=sa.text("state = 'unmatched'"),
    )


def create_refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("holder", sa.String(36), nullable=False),
        sa.Column("order_id", sa.String(36)),
        sa.Column("payment", sa.String(36)),
        sa.Column("customer", sa.String(64)),
        sa.Column("amount", Amount, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("from_goods", Amount, server_default="0", nullable=False),
        sa.Column("state", sa.String(16), server_default="proposed", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", Instant, nullable=False),
        sa.Column("approved_by", sa.Text()),
        sa.Column("approved_at", Instant),
        sa.Column("rejected_by", sa.Text()),
        sa.Column("rejected_at", Instant),
        sa.Column("rejected_because", sa.Text()),
        sa.Column("paid_by", sa.Text()),
        sa.Column("paid_at", Instant),
        sa.Column("paid_reference", sa.String(64)),
        sa.Column("follow_up", sa.String(36)),
        sa.CheckConstraint("amount > 0", name="amount_is_positive"),
        sa.CheckConstraint("approved_by <> proposed_by", name="four_eyes"),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'paid') OR approved_by IS NOT NULL",
            name="paid_when_approved",
        ),
        sa.CheckConstraint(
            "(state = 'paid') = (paid_reference IS NOT NULL)", name="paid_has_a_reference"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_refunds_order_id"),
        sa.ForeignKeyConstraint(["payment"], ["payments.id"], name="fk_refunds_payment"),
        sa.ForeignKeyConstraint(["customer"], ["customers.code"], name="fk_refunds_customer"),
        sa.PrimaryKeyConstraint("id", name="pk_refunds"),
        sa.UniqueConstraint("key", name="uq_refunds_key"),
    )
    op.create_index("ix_refunds_order", "refunds", ["order_id"])
    op.create_index("ix_refunds_holder", "refunds", ["holder"])


def create_invoices() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("invoice_numbers")))
    op.create_table(
        "invoices",
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("amount", Amount, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("issued_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_invoices_order_id"),
        sa.PrimaryKeyConstraint("order_id", name="pk_invoices"),
        sa.UniqueConstraint("number", name="uq_invoices_number"),
    )
