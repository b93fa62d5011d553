"""The tables. Constraints do the guarding: what must never happen cannot be stored."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    Sequence,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE, ExcludeConstraint

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Instant = DateTime(timezone=True)
Amount = Numeric(18, 4)
NOW = text("now()")

order_numbers = Sequence("order_numbers", metadata=metadata)

# --- master data ---------------------------------------------------------------------------

customers = Table(
    "customers",
    metadata,
    Column("code", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("contact", Text),
    Column("phone", Text),
    Column("email", Text),
    Column("address", Text),
    Column("currency", String(3), nullable=False),
    Column("credit_limit", Amount),  # in the customer's currency; none: pays in advance
    Column("blocked_at", Instant),
    Column("blocked_because", Text),
    CheckConstraint("credit_limit >= 0", name="credit_not_negative"),
    CheckConstraint(
        "(blocked_at IS NULL) = (blocked_because IS NULL)", name="blocked_for_a_reason"
    ),
)

materials = Table(
    "materials",
    metadata,
    Column("code", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("unit", String(16), nullable=False),
    Column("on_hand", Amount, nullable=False),
    Column("reserved", Amount, nullable=False, server_default="0"),
    CheckConstraint("reserved >= 0", name="reserved_not_negative"),
    CheckConstraint("on_hand >= reserved", name="stock_covers_reservations"),
)

lines = Table(
    "lines",
    metadata,
    Column("code", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("shifts", JSONB, nullable=False),
)

products = Table(
    "products",
    metadata,
    Column("code", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("unit", String(16), nullable=False),
    Column("line", ForeignKey("lines.code"), nullable=False),
    Column("minutes_per_unit", Amount, nullable=False),
    Column("finished", BigInteger, nullable=False, server_default="0"),
    Column("prices", JSONB, nullable=False, server_default="{}"),  # currency: list price as text
    CheckConstraint("minutes_per_unit > 0", name="takes_time"),
    CheckConstraint("finished >= 0", name="finished_not_negative"),
)

bill_of_materials = Table(
    "bill_of_materials",
    metadata,
    Column("product", ForeignKey("products.code", ondelete="CASCADE"), primary_key=True),
    Column("material", ForeignKey("materials.code"), primary_key=True),
    Column("per_unit", Amount, nullable=False),
    CheckConstraint("per_unit > 0", name="needs_something"),
)

# --- access --------------------------------------------------------------------------------

api_keys = Table(
    "api_keys",
    metadata,
    Column("digest", String(64), primary_key=True),  # SHA-256; the key itself is never stored
    Column("name", Text, nullable=False),
    Column("roles", ARRAY(String(32)), nullable=False),
    Column("customer", ForeignKey("customers.code")),
    Column("revoked_at", Instant),
    CheckConstraint(
        "('customer' = ANY(roles)) = (customer IS NOT NULL)", name="customer_keys_name_theirs"
    ),
)

# --- orders --------------------------------------------------------------------------------

profile_versions = Table(
    "profile_versions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("profile", String(20), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSON, nullable=False),  # not JSONB: answers keep the order of the file
)

orders = Table(
    "orders",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("number", String(32), unique=True),
    Column("profile_digest", ForeignKey("profile_versions.digest"), nullable=False),
    Column("profile", String(20), nullable=False),
    Column("customer", ForeignKey("customers.code"), nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("body", JSONB, nullable=False),  # the OrderRequest as it stands at `version`
    Column("amount", Amount, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("promised_at", Instant, nullable=False),
    Column("rush", Boolean, nullable=False),
    Column("priority", String(8), nullable=False, server_default="normal"),
    Column("state", String(16), nullable=False, server_default="open"),
    Column("stage", String(3)),
    Column("step", String(40)),
    Column("waiting_role", String(32)),
    Column("due_at", Instant),
    Column("slack", String(16), nullable=False, server_default="on_time"),
    Column("level", Integer),
    Column("reason", Text),
    Column("step_since", Instant),
    Column("held_at", Instant),
    Column("held_because", Text),
    Column("blocked", Text),  # why a resource or a gate could not
    Column("received_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("created_at", Instant, nullable=False, server_default=NOW),
    CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_has_an_instant"),
    Index("ix_orders_listing", "created_at", "id"),
    Index("ix_orders_customer", "customer", "created_at"),
    # What is included lets a scrape count without reading the rows.
    Index(
        "ix_orders_open",
        "stage",
        "due_at",
        postgresql_include=["level", "updated_at"],
        postgresql_where=text("state = 'open'"),
    ),
    Index("ix_orders_held", "held_at", postgresql_where=text("held_at IS NOT NULL")),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("resource", String(120), nullable=False),
    Column("created_at", Instant, nullable=False, server_default=NOW),
)

changes = Table(
    "changes",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("kind", String(16), nullable=False),  # change, cancellation, receipt, rush
    Column("against_version", Integer),
    Column("patch", JSONB, nullable=False),
    Column("of", String(16)),  # domain.changes.ChangeClass; none for what is no change
    Column("touches", ARRAY(String(32)), nullable=False, server_default="{}"),
    Column("impact", JSONB),  # what it meant when it was asked for, or as the workflow found it
    Column("evidence", JSONB),  # the customer's written text, by reference
    Column("identity", Text),  # how sales made sure who asks
    Column("prices", JSONB),  # what new products cost when it was taken up, as text
    Column("told_at", Instant),  # when the engine took it for the order's workflow, in real time
    Column("registered_at", Instant),  # when it was taken up to be decided
    Column("applied_version", Integer),  # of the order, which this change made
    Column("state", String(16), nullable=False, server_default="received"),
    Column("reason", Text),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Index("ix_changes_order", "order_id", "requested_at"),
    Index(
        "ix_changes_untold",
        "requested_at",
        postgresql_where=text("state = 'received' AND told_at IS NULL"),
    ),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("workflow_id", String(160), nullable=False),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("step", String(40), nullable=False),
    Column("visit", Integer, nullable=False),
    Column("role", String(32), nullable=False),
    Column("title", Text, nullable=False),
    Column("title_zh", Text, nullable=False),
    Column("outcomes", ARRAY(String(64)), nullable=False),
    Column("requires", ARRAY(String(64)), nullable=False),
    Column("facts", JSONB, nullable=False, server_default="{}"),  # what to know when doing it
    Column("state", String(16), nullable=False, server_default="open"),  # open, done, withdrawn
    Column("opened_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("outcome", String(64)),
    Column("note", Text),
    Column("data", JSONB),
    Column("decided_by", Text),
    Column("version", Integer),  # of the order, when it was answered
    Column("closed_at", Instant),
    Index(
        "uq_tasks_one_open",
        "workflow_id",
        "step",
        "role",
        unique=True,
        postgresql_where=text("state = 'open'"),
    ),
    Index(
        "ix_tasks_inbox",
        "role",
        "due_at",
        "id",
        postgresql_include=["opened_at"],
        postgresql_where=text("state = 'open'"),
    ),
    Index("ix_tasks_order", "order_id"),
)

windows = Table(
    "windows",
    metadata,
    Column("key", String(160), primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("step", String(40), nullable=False),
    Column("role", String(32), nullable=False),
    Column("limit", String(64), nullable=False),
    Column("calendar", String(64), nullable=False),
    Column("provisional", Boolean, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("body", JSONB, nullable=False, server_default="{}"),  # the DueWindow as it stands
    Column("state", String(16), nullable=False, server_default="open"),
    Column("paused_at", Instant),
    Column("paused_for", ARRAY(String(16)), nullable=False, server_default="{}"),
    Column("stopped_at", Instant),
    Index("ix_windows_order", "order_id"),
    Index("ix_windows_running", "calendar", postgresql_where=text("stopped_at IS NULL")),
    Index(
        "ix_windows_standing",
        "state",
        "due_at",
        postgresql_include=["paused_at"],
        postgresql_where=text("stopped_at IS NULL"),
    ),
    Index("ix_windows_stopped", "stopped_at", postgresql_include=["state"]),
)

window_ledger = Table(
    "window_ledger",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("key", String(240), nullable=False, unique=True),
    Column("window", ForeignKey("windows.key"), nullable=False),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", String(16), nullable=False),  # domain.windows.LedgerKind
    Column("reason", Text),
    Column("by", Text),  # the key that did it; none for the platform
    Column("due_before", Instant),
    Column("due_after", Instant),
    Column("used", Text),  # a fraction, in seconds or days of the window's own clock
    Column("calendar", String(64), nullable=False),
    Index("ix_window_ledger_window", "window", "id"),
)

marks = Table(
    "marks",
    metadata,
    Column("window", ForeignKey("windows.key"), primary_key=True),
    Column("mark", String(16), primary_key=True),  # each mark is recorded once
    Column("due_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
)

overdue_cases = Table(
    "overdue_cases",
    metadata,
    Column("id", String(160), primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("window", ForeignKey("windows.key"), nullable=False, unique=True),
    Column("role", String(32), nullable=False),
    Column("state", String(16), nullable=False, server_default="open"),
    Column("cause", String(32)),
    Column("cause_note", Text),
    Column("opened_by", Text),  # the key of whoever opened it by hand; none for a breach
    Column("why", Text),
    Column("analysis", Text),
    Column("measure", Text),
    Column("measure_owner", String(32)),
    Column("measure_until", Instant),
    Column("measure_outcome", String(16)),
    Column("decision", String(32)),
    Column("decision_note", Text),
    Column("new_date", Instant),
    Column("responsible", Text),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Index("ix_overdue_cases_listing", "opened_at", "id"),
    Index("ix_overdue_cases_state", "state"),
)

performance_ledger = Table(
    "performance_ledger",
    metadata,
    Column("key", String(240), primary_key=True),  # one fine or reward for each event
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("case_id", ForeignKey("overdue_cases.id")),
    Column("profile", String(20), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("kind", String(16), nullable=False),  # fine, reward
    Column("role", String(32), nullable=False),
    Column("person", Text),
    Column("amount", Amount, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    CheckConstraint("amount > 0", name="amount_is_positive"),
    Index("ix_performance_ledger_at", "at"),
)

timeline = Table(
    "timeline",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False, unique=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("step", String(40)),
    Column("text", Text, nullable=False),
    Column("data", JSONB, nullable=False, server_default="{}"),
    Index("ix_timeline_order", "order_id", "at", "id"),
)

effects = Table(
    "effects",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("activity", String(40), nullable=False),
    Column("result", JSONB, nullable=False),
    Column("created_at", Instant, nullable=False, server_default=NOW),
    Index("ix_effects_order", "order_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("key", String(240), nullable=False, unique=True),  # one notice per mark and listener
    Column("order_id", ForeignKey("orders.id")),  # none: it concerns no single order
    Column("to_role", String(32), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("text_zh", Text, nullable=False, server_default=""),
    Column("at", Instant, nullable=False),
    Column("state", String(16), nullable=False, server_default="pending"),  # pending, routed
    Column("queued_at", Instant, nullable=False, server_default=NOW),  # real time, unlike `at`
    Column("retry_at", Instant),  # real time: not before this
    Index("ix_outbox_pending", "id", postgresql_where=text("state = 'pending'")),
    Index("ix_outbox_order", "order_id"),
)

channels = Table(
    "channels",
    metadata,
    Column("name", String(64), primary_key=True),  # where it leads is in no table
    Column("failures", Integer, nullable=False, server_default="0"),  # since it last worked
    Column("rests_until", Instant),  # a relay uses it, or it is left alone after a failure
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("notice", ForeignKey("outbox.id"), primary_key=True),
    Column("channel", ForeignKey("channels.name"), primary_key=True),  # gets a notice once
    Column("state", String(16), nullable=False, server_default="pending"),  # pending, sent, dead
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("retry_at", Instant),
    Column("failing_since", Instant),  # its own failure, or the channel's while it waits
    Column("sent_at", Instant),
    Column("error", Text),
    Index("ix_deliveries_pending", "channel", "notice", postgresql_where=text("state = 'pending'")),
    Index("ix_deliveries_dead", "notice", postgresql_where=text("state = 'dead'")),
)

# --- operations ------------------------------------------------------------------------------

ops_actions = Table(
    "ops_actions",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False, server_default=NOW),
    Column("by", Text, nullable=False),  # the key's name
    Column("action", String(32), nullable=False),
    Column("target", Text, nullable=False),  # an order, a workflow, an activity type, a version
    Column("reason", Text, nullable=False, server_default=""),
    Column("outcome", Text, nullable=False, server_default=""),
    Column("detail", JSONB, nullable=False, server_default="{}"),
    Index("ix_ops_actions_target", "target", "id"),
)

# --- rules that change while orders run ------------------------------------------------------

calendar_versions = Table(
    "calendar_versions",
    metadata,
    Column("calendar", String(32), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("body", JSON, nullable=False),  # the CalendarSpec with all its dates written out
    Column("digest", String(64), nullable=False),
    Column("published_by", Text, nullable=False),
    Column("published_at", Instant, nullable=False, server_default=NOW),
    CheckConstraint("version > 0", name="counts_from_one"),
)

assessments = Table(
    "assessments",
    metadata,
    Column("period", String(16), primary_key=True),  # 2026-11, 2026-Q4
    Column("from_at", Instant, nullable=False),
    Column("to_at", Instant, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("computed_at", Instant, nullable=False, server_default=NOW),
)

# --- resources -----------------------------------------------------------------------------

reservations = Table(
    "reservations",
    metadata,
    Column("step_key", String(120), primary_key=True),
    Column("material", ForeignKey("materials.code"), primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("quantity", Amount, nullable=False),
    Column("state", String(16), nullable=False, server_default="held"),  # held, released, consumed
    CheckConstraint("quantity > 0", name="holds_something"),
    Index("ix_reservations_order", "order_id"),
)

stock_moves = Table(
    "stock_moves",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("material", ForeignKey("materials.code"), nullable=False),
    Column("order_id", ForeignKey("orders.id")),
    Column("on_hand_change", Amount, nullable=False),
    Column("at", Instant, nullable=False),
)

slots = Table(
    "slots",
    metadata,
    Column("step_key", String(120), primary_key=True),
    Column("line", ForeignKey("lines.code"), primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("during", TSTZRANGE, nullable=False),
    Column("minutes", Amount, nullable=False),
    Column("state", String(16), nullable=False, server_default="held"),  # held, released, done
    ExcludeConstraint(
        ("line", "="),
        ("during", "&&"),
        where=text("state <> 'released'"),
        using="gist",
        name="ex_slots_no_double_booking",
    ),
    Index("ix_slots_order", "order_id"),
)

inspections = Table(
    "inspections",
    metadata,
    Column("step_key", String(120), primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("note", Text),
    Column("inspected_at", Instant, nullable=False),
    Index("ix_inspections_order", "order_id"),
)

goods = Table(
    "goods",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("product", ForeignKey("products.code"), primary_key=True),
    Column("made", BigInteger, nullable=False, server_default="0"),
    Column("packed", BigInteger, nullable=False, server_default="0"),
    Column("shipped", BigInteger, nullable=False, server_default="0"),
    Column("returned", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("0 <= returned AND returned <= shipped", name="comes_back_once"),
    CheckConstraint("0 <= shipped AND shipped <= packed AND packed <= made", name="flows_forward"),
)

shipments = Table(
    "shipments",
    metadata,
    Column("step_key", String(120), primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("state", String(16), nullable=False),  # released, shipped, failed, void
    Column("released_at", Instant),
    Column("shipped_at", Instant),
    Column("failed_at", Instant),
    Column("carrier", Text),
    Column("tracking", Text),  # one waybill may carry several orders
    Column("quantities", JSONB, nullable=False, server_default="{}"),  # units by product
    Column("details", JSONB, nullable=False, server_default="{}"),  # consent, parts, why it failed
    Index(
        "uq_shipments_one_released",
        "order_id",
        unique=True,
        postgresql_where=text("state = 'released'"),
    ),
    Index("ix_shipments_order", "order_id"),
)
