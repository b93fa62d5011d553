"""The clock: life of windows, versions of calendars, measures, fines, channels, assessment."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

Instant = sa.DateTime(timezone=True)
Amount = sa.Numeric(precision=18, scale=4)


def upgrade() -> None:
    extend_windows()
    create_window_ledger()
    extend_cases()
    create_performance_ledger()
    extend_outbox()
    create_channels()
    create_deliveries()
    create_calendar_versions()
    create_assessments()


def extend_windows() -> None:
    empty = sa.text("'{}'")
    op.add_column(
        "windows", sa.Column("body", postgresql.JSONB(), nullable=False, server_default=empty)
    )
    op.add_column("windows", sa.Column("paused_at", Instant))
    op.add_column(
        "windows",
        sa.Column("paused_for", sa.ARRAY(sa.String(16)), nullable=False, server_default=empty),
    )
    op.create_index(
        "ix_windows_running",
        "windows",
        ["calendar"],
        postgresql_where=sa.text("stopped_at IS NULL"),
    )
    op.create_index("ix_windows_stopped", "windows", ["stopped_at"])


def create_window_ledger() -> None:
    op.create_table(
        "window_ledger",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(240), nullable=False),
        sa.Column("window", sa.String(160), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("by", sa.Text()),
        sa.Column("due_before", Instant),
        sa.Column("due_after", Instant),
        sa.Column("used", sa.Text()),
        sa.Column("calendar", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_window_ledger_order_id"),
        sa.ForeignKeyConstraint(["window"], ["windows.key"], name="fk_window_ledger_window"),
        sa.PrimaryKeyConstraint("id", name="pk_window_ledger"),
        sa.UniqueConstraint("key", name="uq_window_ledger_key"),
    )
    op.create_index("ix_window_ledger_window", "window_ledger", ["window", "id"])


def extend_cases() -> None:
    for column in (
        sa.Column("opened_by", sa.Text()),
        sa.Column("why", sa.Text()),
        sa.Column("analysis", sa.Text()),
        sa.Column("measure", sa.Text()),
        sa.Column("measure_owner", sa.String(32)),
        sa.Column("measure_until", Instant),
        sa.Column("measure_outcome", sa.String(16)),
        sa.Column("decision", sa.String(32)),
        sa.Column("decision_note", sa.Text()),
        sa.Column("new_date", Instant),
    ):
        op.add_column("overdue_cases", column)


def create_performance_ledger() -> None:
    op.create_table(
        "performance_ledger",
        sa.Column("key", sa.String(240), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("case_id", sa.String(160)),
        sa.Column("profile", sa.String(20), nullable=False),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("person", sa.Text()),
        sa.Column("amount", Amount, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_performance_ledger_amount_is_positive")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["overdue_cases.id"], name="fk_performance_ledger_case_id"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_performance_ledger_order_id"),
        sa.PrimaryKeyConstraint("key", name="pk_performance_ledger"),
    )
    op.create_index("ix_performance_ledger_at", "performance_ledger", ["at"])


def extend_outbox() -> None:
    """What was sent keeps its state; how often and when now stands with each channel."""
    op.alter_column("outbox", "order_id", existing_type=sa.String(36), nullable=True)
    op.add_column("outbox", sa.Column("text_zh", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "outbox",
        sa.Column("queued_at", Instant, nullable=False, server_default=sa.text("now()")),
    )
    op.execute("UPDATE outbox SET state = 'routed' WHERE state = 'sent'")


def create_channels() -> None:
    op.create_table(
        "channels",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("rests_until", Instant),
        sa.PrimaryKeyConstraint("name", name="pk_channels"),
    )
    op.execute("INSERT INTO channels (name) VALUES ('log')")


def create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("notice", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False, server_default="pending"),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("retry_at", Instant),
        sa.Column("failing_since", Instant),
        sa.Column("sent_at", Instant),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(["channel"], ["channels.name"], name="fk_deliveries_channel"),
        sa.ForeignKeyConstraint(["notice"], ["outbox.id"], name="fk_deliveries_notice"),
        sa.PrimaryKeyConstraint("notice", "channel", name="pk_deliveries"),
    )
    op.create_index(
        "ix_deliveries_pending",
        "deliveries",
        ["channel", "notice"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_deliveries_dead",
        "deliveries",
        ["notice"],
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.execute(
        "INSERT INTO deliveries (notice, channel, state, attempts, sent_at) "
        "SELECT id, 'log', 'sent', attempts, sent_at FROM outbox WHERE state = 'routed'"
    )
    op.drop_column("outbox", "attempts")
    op.drop_column("outbox", "sent_at")


def create_calendar_versions() -> None:
    op.create_table(
        "calendar_versions",
        sa.Column("calendar", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("published_at", Instant, nullable=False, server_default=sa.text("now()")),
        sa.CheckConstraint("version > 0", name=op.f("ck_calendar_versions_counts_from_one")),
        sa.PrimaryKeyConstraint("calendar", "version", name="pk_calendar_versions"),
    )


def create_assessments() -> None:
    op.create_table(
        "assessments",
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("from_at", Instant, nullable=False),
        sa.Column("to_at", Instant, nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("computed_at", Instant, nullable=False, server_default=sa.text("now()")),
        sa.PrimaryKeyConstraint("period", name="pk_assessments"),
    )
