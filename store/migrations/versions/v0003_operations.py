"""Operations: since when an order waits and why, holds, and what operations have done."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("orders", sa.Column("step_since", Instant))
    op.add_column("orders", sa.Column("held_at", Instant))
    op.add_column("orders", sa.Column("held_because", sa.Text()))
    op.add_column("orders", sa.Column("blocked", sa.Text()))
    op.create_index(
        "ix_orders_held", "orders", ["held_at"], postgresql_where=sa.text("held_at IS NOT NULL")
    )
    # For orders that run: the last thing that happened to them is the best that is known.
    op.execute(
        "UPDATE orders SET step_since = updated_at WHERE state = 'open' AND step IS NOT NULL"
    )
    create_ops_actions()
    let_scrapes_read_indexes_alone()


def create_ops_actions() -> None:
    op.create_table(
        "ops_actions",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("at", Instant, server_default=sa.text("now()"), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("detail", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ops_actions"),
    )
    op.create_index("ix_ops_actions_target", "ops_actions", ["target", "id"])


def let_scrapes_read_indexes_alone() -> None:
    is_open, runs = sa.text("state = 'open'"), sa.text("stopped_at IS NULL")
    for name, table in (
        ("ix_orders_open", "orders"),
        ("ix_tasks_inbox", "tasks"),
        ("ix_windows_stopped", "windows"),
    ):
        op.drop_index(name, table)
    op.create_index(
        "ix_orders_open",
        "orders",
        ["stage", "due_at"],
        postgresql_include=["level", "updated_at"],
        postgresql_where=is_open,
    )
    op.create_index(
        "ix_tasks_inbox",
        "tasks",
        ["role", "due_at", "id"],
        postgresql_include=["opened_at"],
        postgresql_where=is_open,
    )
    op.create_index(
        "ix_windows_standing",
        "windows",
        ["state", "due_at"],
        postgresql_include=["paused_at"],
        postgresql_where=runs,
    )
    op.create_index("ix_windows_stopped", "windows", ["stopped_at"], postgresql_include=["state"])
    op.create_index("ix_overdue_cases_state", "overdue_cases", ["state"])
