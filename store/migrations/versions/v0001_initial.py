"""Everything: the first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    # The exclusion constraint on slots compares a text with `=` inside a gist index.
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.execute(sa.schema.CreateSequence(sa.Sequence("order_numbers")))
    create_master_data()
    create_access()
    create_orders()
    create_wishes()
    create_tasks()
    create_windows()
    create_story()
    create_notices()
    create_stock()
    create_slots()
    create_goods()


def create_master_data() -> None:
    op.create_table(
        "customers",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_customers")),
    )
    op.create_table(
        "lines",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("shifts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_lines")),
    )
    op.create_table(
        "materials",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("unit", sa.String(length=16), nullable=False),
        sa.Column("on_hand", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column(
            "reserved", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False
        ),
        sa.CheckConstraint(
            "on_hand >= reserved", name=op.f("ck_materials_stock_covers_reservations")
        ),
        sa.CheckConstraint("reserved >= 0", name=op.f("ck_materials_reserved_not_negative")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_materials")),
    )
    op.create_table(
        "products",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("unit", sa.String(length=16), nullable=False),
        sa.Column("line", sa.String(length=64), nullable=False),
        sa.Column("minutes_per_unit", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("finished", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("finished >= 0", name=op.f("ck_products_finished_not_negative")),
        sa.CheckConstraint("minutes_per_unit > 0", name=op.f("ck_products_takes_time")),
        sa.ForeignKeyConstraint(["line"], ["lines.code"], name=op.f("fk_products_line")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_products")),
    )
    op.create_table(
        "bill_of_materials",
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("material", sa.String(length=64), nullable=False),
        sa.Column("per_unit", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.CheckConstraint("per_unit > 0", name=op.f("ck_bill_of_materials_needs_something")),
        sa.ForeignKeyConstraint(
            ["material"], ["materials.code"], name=op.f("fk_bill_of_materials_material")
        ),
        sa.ForeignKeyConstraint(
            ["product"],
            ["products.code"],
            name=op.f("fk_bill_of_materials_product"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("product", "material", name=op.f("pk_bill_of_materials")),
    )


def create_access() -> None:
    op.create_table(
        "api_keys",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.String(length=32)), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "('customer' = ANY(roles)) = (customer IS NOT NULL)",
            name=op.f("ck_api_keys_customer_keys_name_theirs"),
        ),
        sa.ForeignKeyConstraint(
            ["customer"], ["customers.code"], name=op.f("fk_api_keys_customer")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_api_keys")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("resource", sa.String(length=120), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_idempotency_keys")),
    )


def create_orders() -> None:
    op.create_table(
        "profile_versions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("profile", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_profile_versions")),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=True),
        sa.Column("profile_digest", sa.String(length=64), nullable=False),
        sa.Column("profile", sa.String(length=20), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("promised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rush", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="open", nullable=False),
        sa.Column("stage", sa.String(length=3), nullable=True),
        sa.Column("step", sa.String(length=40), nullable=True),
        sa.Column("waiting_role", sa.String(length=32), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("slack", sa.String(length=16), server_default="on_time", nullable=False),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(state = 'open') = (closed_at IS NULL)", name=op.f("ck_orders_closed_has_an_instant")
        ),
        sa.ForeignKeyConstraint(["customer"], ["customers.code"], name=op.f("fk_orders_customer")),
        sa.ForeignKeyConstraint(
            ["profile_digest"], ["profile_versions.digest"], name=op.f("fk_orders_profile_digest")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("number", name=op.f("uq_orders_number")),
    )
    op.create_index("ix_orders_customer", "orders", ["customer", "created_at"], unique=False)
    op.create_index("ix_orders_listing", "orders", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_orders_open",
        "orders",
        ["stage", "due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )


def create_wishes() -> None:
    op.create_table(
        "changes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("against_version", sa.Integer(), nullable=True),
        sa.Column("patch", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="received", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_changes_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
    )
    op.create_index("ix_changes_order", "changes", ["order_id", "requested_at"], unique=False)


def create_tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("workflow_id", sa.String(length=160), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("outcomes", postgresql.ARRAY(sa.String(length=64)), nullable=False),
        sa.Column("requires", postgresql.ARRAY(sa.String(length=64)), nullable=False),
        sa.Column(
            "facts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("state", sa.String(length=16), server_default="open", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=64), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_tasks_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
    )
    op.create_index(
        "ix_tasks_inbox",
        "tasks",
        ["role", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_tasks_order", "tasks", ["order_id"], unique=False)
    op.create_index(
        "uq_tasks_one_open",
        "tasks",
        ["workflow_id", "step", "role"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )


def create_windows() -> None:
    op.create_table(
        "windows",
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("limit", sa.String(length=16), nullable=False),
        sa.Column("calendar", sa.String(length=64), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="open", nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_windows_order_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_windows")),
    )
    op.create_index("ix_windows_order", "windows", ["order_id"], unique=False)
    op.create_table(
        "marks",
        sa.Column("window", sa.String(length=160), nullable=False),
        sa.Column("mark", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["window"], ["windows.key"], name=op.f("fk_marks_window")),
        sa.PrimaryKeyConstraint("window", "mark", name=op.f("pk_marks")),
    )
    op.create_table(
        "overdue_cases",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("window", sa.String(length=160), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="open", nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=True),
        sa.Column("cause_note", sa.Text(), nullable=True),
        sa.Column("responsible", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_overdue_cases_order_id")
        ),
        sa.ForeignKeyConstraint(["window"], ["windows.key"], name=op.f("fk_overdue_cases_window")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_overdue_cases")),
        sa.UniqueConstraint("window", name=op.f("uq_overdue_cases_window")),
    )
    op.create_index("ix_overdue_cases_listing", "overdue_cases", ["opened_at", "id"], unique=False)


def create_story() -> None:
    op.create_table(
        "timeline",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "data", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_timeline_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timeline")),
        sa.UniqueConstraint("key", name=op.f("uq_timeline_key")),
    )
    op.create_index("ix_timeline_order", "timeline", ["order_id", "at", "id"], unique=False)
    op.create_table(
        "effects",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("activity", sa.String(length=40), nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_effects_order_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_effects")),
    )
    op.create_index("ix_effects_order", "effects", ["order_id"], unique=False)


def create_notices() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=240), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("to_role", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_outbox_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index("ix_outbox_order", "outbox", ["order_id"], unique=False)
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )


def create_stock() -> None:
    op.create_table(
        "reservations",
        sa.Column("step_key", sa.String(length=120), nullable=False),
        sa.Column("material", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="held", nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_reservations_holds_something")),
        sa.ForeignKeyConstraint(
            ["material"], ["materials.code"], name=op.f("fk_reservations_material")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_reservations_order_id")),
        sa.PrimaryKeyConstraint("step_key", "material", name=op.f("pk_reservations")),
    )
    op.create_index("ix_reservations_order", "reservations", ["order_id"], unique=False)
    op.create_table(
        "stock_moves",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("material", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=True),
        sa.Column("on_hand_change", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["material"], ["materials.code"], name=op.f("fk_stock_moves_material")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_stock_moves_order_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_stock_moves")),
    )


def create_slots() -> None:
    op.create_table(
        "slots",
        sa.Column("step_key", sa.String(length=120), nullable=False),
        sa.Column("line", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("minutes", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="held", nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("line"), "="),
            (sa.column("during"), "&&"),
            where=sa.text("state <> 'released'"),
            using="gist",
            name="ex_slots_no_double_booking",
        ),
        sa.ForeignKeyConstraint(["line"], ["lines.code"], name=op.f("fk_slots_line")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_slots_order_id")),
        sa.PrimaryKeyConstraint("step_key", "line", name=op.f("pk_slots")),
    )
    op.create_index("ix_slots_order", "slots", ["order_id"], unique=False)


def create_goods() -> None:
    op.create_table(
        "goods",
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("made", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("packed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("shipped", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "0 <= shipped AND shipped <= packed AND packed <= made",
            name=op.f("ck_goods_flows_forward"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_goods_order_id")),
        sa.ForeignKeyConstraint(["product"], ["products.code"], name=op.f("fk_goods_product")),
        sa.PrimaryKeyConstraint("order_id", "product", name=op.f("pk_goods")),
    )
    op.create_table(
        "inspections",
        sa.Column("step_key", sa.String(length=120), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("inspected_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_inspections_order_id")),
        sa.PrimaryKeyConstraint("step_key", name=op.f("pk_inspections")),
    )
    op.create_index("ix_inspections_order", "inspections", ["order_id"], unique=False)
    op.create_table(
        "shipments",
        sa.Column("step_key", sa.String(length=120), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("tracking", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_shipments_order_id")),
        sa.PrimaryKeyConstraint("step_key", name=op.f("pk_shipments")),
    )
    op.create_index(
        "uq_shipments_one_live",
        "shipments",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'void'"),
    )
