"""Payments as they were reported, refunds, invoices, and differences that no order has."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Sequence,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from store.tables import NOW, Amount, metadata

Instant = DateTime(timezone=True)
COUNTS = text("state <> 'refused'")

invoice_numbers = Sequence("invoice_numbers", metadata=metadata)

payments = Table(
    "payments",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("source", String(40), nullable=False),  # finance, or who signed the notice
    Column("reference", String(64)),  # none: a refused notice that could not be read
    Column("notice", String(200)),  # the id under which it was signed
    Column("digest", String(64), nullable=False),  # of what was said
    Column("named_order", String(64)),
    Column("order_id", ForeignKey("orders.id")),  # none: it fits no order
    Column("customer", ForeignKey("customers.code")),
    Column("amount", Amount),
    Column("currency", String(3)),
    Column("route", String(16)),
    Column("purpose", String(16)),
    Column("state", String(16), nullable=False),  # domain.payments.PaymentState
    Column("why", Text),  # why it fits no order, or was refused
    Column("outcome", JSONB, nullable=False),  # the first answer
    Column("reported_by", Text, nullable=False),
    Column("arrived_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False, server_default=NOW),
    Column("stated_on", Date),  # the day under which a statement of its customer has it
    CheckConstraint(
        "state = 'refused' OR (amount > 0 AND num_nulls(amount, currency, reference) = 0)",
        name="counts_something",
    ),
    CheckConstraint("(state = 'matched') = (order_id IS NOT NULL)", name="matched_to_an_order"),
    # Each transfer counts once; a refused notice may bear the reference of one that counts.
    Index("uq_payments_reference", "source", "reference", unique=True, postgresql_where=COUNTS),
    Index("ix_payments_notice", "source", "notice"),
    Index("ix_payments_again", "reference"),
    Index("ix_payments_order", "order_id"),
    Index("ix_payments_customer", "customer"),
    Index("ix_payments_listing", "created_at", "id"),
    Index("ix_payments_unmatched", "created_at", postgresql_where=text("state = 'unmatched'")),
)

refunds = Table(
    "refunds",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("key", String(200), nullable=False, unique=True),  # what it is about: proposed once
    Column("holder", String(36), nullable=False),  # where the money lies: an order, or a payment
    Column("order_id", ForeignKey("orders.id")),  # whose follow-up decides; none: nobody's
    Column("payment", ForeignKey("payments.id")),
    Column("customer", ForeignKey("customers.code")),
    Column("amount", Amount, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("from_goods", Amount, nullable=False, server_default="0"),  # was applied before
    Column("state", String(16), nullable=False, server_default="proposed"),
    Column("reason", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", Instant, nullable=False),
    Column("approved_by", Text),
    Column("approved_at", Instant),
    Column("rejected_by", Text),
    Column("rejected_at", Instant),
    Column("rejected_because", Text),
    Column("paid_by", Text),
    Column("paid_at", Instant),
    Column("paid_reference", String(64)),
    Column("follow_up", String(36)),
    CheckConstraint("amount > 0", name="amount_is_positive"),
    CheckConstraint("approved_by <> proposed_by", name="four_eyes"),
    CheckConstraint(
        "state NOT IN ('approved', 'paid') OR approved_by IS NOT NULL", name="paid_when_approved"
    ),
    CheckConstraint("(state = 'paid') = (paid_reference IS NOT NULL)", name="paid_has_a_reference"),
    Index("ix_refunds_order", "order_id"),
    Index("ix_refunds_holder", "holder"),
)

invoices = Table(
    "invoices",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("number", String(32), nullable=False, unique=True),
    Column("amount", Amount, nullable=False),  # all it came to: goods, rush fee and cost
    Column("currency", String(3), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("lines", JSONB, nullable=False),  # as they were when the number was given
    Column("rush_fee", Amount, nullable=False),
    Column("cost", Amount, nullable=False),
)

differences = Table(
    "differences",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("key", String(200), nullable=False, unique=True),  # what it is about: kept once
    Column("kind", String(16), nullable=False),
    Column("reference", String(64)),
    Column("customer", ForeignKey("customers.code")),
    Column("payment", ForeignKey("payments.id")),
    Column("text", Text, nullable=False),
    Column("state", String(8), nullable=False, server_default="open"),
    Column("found_by", Text, nullable=False),
    Column("found_at", Instant, nullable=False),
    Column("settled_by", Text),
    Column("settled_at", Instant),
    Column("settled_because", Text),
    CheckConstraint(
        "(state = 'open') = (num_nonnulls(settled_by, settled_at, settled_because) = 0)",
        name="settled_by_somebody",
    ),
    Index("ix_differences_listing", "found_at", "id"),
    Index("ix_differences_open", "found_at", postgresql_where=text("state = 'open'")),
    Index("ix_differences_customer", "customer", "reference"),
)
