"""What an invoice said when its number was given."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0011"

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
