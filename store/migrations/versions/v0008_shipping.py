"""Several shipments of one order; signatures that name the version they were given for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    # "next 10:00, 13:45, 16:00" (S07.W18) is longer than the limits of before.
    op.alter_column("windows", "limit", type_=sa.String(64))
    op.add_column("tasks", sa.Column("version", sa.Integer()))
    nothing = sa.text("'{}'")
    for name in ("quantities", "details"):
        column = sa.Column(name, postgresql.JSONB(), server_default=nothing, nullable=False)
        op.add_column("shipments", column)
    op.add_column("shipments", sa.Column("failed_at", Instant))
    op.alter_column("shipments", "released_at", nullable=True)
    op.drop_index("uq_shipments_one_live", "shipments")
    op.create_index(
        "uq_shipments_one_released",
        "shipments",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("state = 'released'"),
    )
    op.create_index("ix_shipments_order", "shipments", ["order_id"])
    # What left before there were partial shipments left as a whole.
    op.execute(
        "UPDATE shipments SET quantities = coalesce((SELECT jsonb_object_agg(product, shipped)"
        " FROM goods WHERE goods.order_id = shipments.order_id AND shipped > 0), '{}')"
        " WHERE state = 'shipped'"
    )
