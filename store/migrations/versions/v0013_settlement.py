"""Invoices as they were issued, differences that no order has, goods that came back."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"

Instant = sa.DateTime(timezone=True)
Amount = sa.Numeric(18, 4)

# Those that were issued before keep their numbers; their lines have not changed since.
AS_ISSUED = """
UPDATE invoices SET
  lines = (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
      'line', of.place, 'product', of.line->>'product',
      'quantity', of.line->'quantity', 'unit_price', of.line->>'unit_price'
    ) ORDER BY of.place), '[]')
    FROM jsonb_array_elements(o.body->'lines') WITH ORDINALITY AS of(line, place)
  ),
  rush_fee = had.fee,
  cost = had.cost,
  amount = had.fee + had.cost + CASE WHEN o.state = 'completed' THEN o.amount ELSE 0 END
FROM orders o, LATERAL (
  SELECT
    CASE WHEN o.state = 'completed' THEN coalesce(
      (SELECT m.rush_fee FROM order_money m WHERE m.order_id = o.id), 0
    ) ELSE 0 END AS fee,
    (SELECT coalesce(sum(b.amount), 0) FROM balances b
      WHERE b.holder = o.id AND b.account IN ('cost', 'forfeited')) AS cost
) had
WHERE o.id = invoices.order_id
"""


def upgrade() -> None:
    op.add_column("invoices", sa.Column("lines", postgresql.JSONB()))
    op.add_column("invoices", sa.Column("rush_fee", Amount))
    op.add_column("invoices", sa.Column("cost", Amount))
    op.execute(AS_ISSUED)
    for name in ("lines", "rush_fee", "cost"):
        op.alter_column("invoices", name, nullable=False)
    op.add_column("payments", sa.Column("stated_on", sa.Date()))
    op.create_table(
        "differences",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reference", sa.String(64)),
        sa.Column("customer", sa.String(64)),
        sa.Column("payment", sa.String(36)),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(8), server_default="open", nullable=False),
        sa.Column("found_by", sa.Text(), nullable=False),
        sa.Column("found_at", Instant, nullable=False),
        sa.Column("settled_by", sa.Text()),
        sa.Column("settled_at", Instant),
        sa.Column("settled_because", sa.Text()),
        sa.CheckConstraint(
            "(state = 'open') = (num_nonnulls(settled_by, settled_at, settled_because) = 0)",
            name=op.f("ck_differences_settled_by_somebody"),
        ),
        sa.ForeignKeyConstraint(
            ["customer"], ["customers.code"], name=op.f("fk_differences_customer")
        ),
        sa.ForeignKeyConstraint(["payment"], ["payments.id"], name=op.f("fk_differences_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_differences")),
        sa.UniqueConstraint("key", name=op.f("uq_differences_key")),
    )
    op.create_index("ix_differences_listing", "differences", ["found_at", "id"])
    op.create_index(
        "ix_differences_open",
        "differences",
        ["found_at"],
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_differences_customer", "differences", ["customer", "reference"])
    returned = sa.Column("returned", sa.BigInteger(), server_default="0", nullable=False)
    op.add_column("goods", returned)
    op.create_check_constraint(
        op.f("ck_goods_comes_back_once"), "goods", "0 <= returned AND returned <= shipped"
    )
