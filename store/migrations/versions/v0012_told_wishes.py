"""Whether a wish was told to its order, and which version of the order an applied change made."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    # What was received and has no verdict yet is told once more: hearing twice is safe.
    op.add_column("changes", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_changes_untold",
        "changes",
        ["requested_at"],
        postgresql_where=sa.text("state = 'received' AND told_at IS NULL"),
    )
    op.add_column("changes", sa.Column("applied_version", sa.Integer(), nullable=True))
    # Nearer than nothing: a change made some version behind the one that it was against.
    op.execute(
        "UPDATE changes SET applied_version = against_version + 1 "
        "WHERE kind = 'change' AND state = 'applied'"
    )
