"""Cancellations: the terms on which each was asked for, and what became of the money."""

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Index, String, Table

from store.tables import Amount, metadata

Instant = DateTime(timezone=True)

cancellations = Table(
    "cancellations",
    metadata,
    Column("change_id", ForeignKey("changes.id"), primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("accepted_cost", Amount),  # what the customer has agreed to lose; none is nothing
    Column("step", String(40)),  # where the order was when it was judged
    Column("terms", String(16)),  # free, at_cost, refused
    Column("deposit", String(16)),  # refunded, forfeited, by_contract
    Column("cost", Amount),  # what the customer loses by the terms
    Column("kept", Amount),  # what is kept in the end
    Column("given_back", Amount),  # what goes back to the customer
    Column("owed", Amount),  # what is kept and was never paid
    Column("answered_at", Instant),
    CheckConstraint("accepted_cost >= 0", name="accepts_no_gift"),
    Index("ix_cancellations_order", "order_id"),
)
