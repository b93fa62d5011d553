"""Customers who may owe more than before, so that their waiting orders look again."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "credit_news",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("customer", sa.String(64), nullable=False),
        sa.Column("entry", sa.String(240), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer"], ["customers.code"], name=op.f("fk_credit_news_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_news")),
    )
