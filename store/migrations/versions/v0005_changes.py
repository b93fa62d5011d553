"""Changes: class, impact and what became of them; prices of products."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("products", _prices())
    op.add_column("changes", sa.Column("of", sa.String(16)))
    op.add_column("changes", _touches())
    op.add_column("changes", sa.Column("impact", postgresql.JSONB()))
    op.add_column("changes", sa.Column("evidence", postgresql.JSONB()))
    op.add_column("changes", sa.Column("identity", sa.Text()))
    op.add_column("changes", sa.Column("prices", postgresql.JSONB()))
    op.add_column("changes", sa.Column("registered_at", sa.DateTime(timezone=True)))


def _prices() -> sa.Column[dict[str, str]]:
    # Products of before have no list price: nothing new is added to an order unpriced.
    return sa.Column("prices", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False)


def _touches() -> sa.Column[list[str]]:
    touches = postgresql.ARRAY(sa.String(32))
    return sa.Column("touches", touches, server_default=sa.text("'{}'"), nullable=False)
