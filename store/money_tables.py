"""The tables of money: every entry moves an amount from one account to another, so it balances."""

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Index, String, Table, Text

from store.tables import NOW, Amount, metadata

Instant = DateTime(timezone=True)

ledger = Table(
    "ledger",
    metadata,
    Column("key", String(240), primary_key=True),  # each move commits once
    Column("order_id", ForeignKey("orders.id")),  # none: the money of an unmatched payment
    Column("customer", ForeignKey("customers.code")),
    Column("payment", String(36)),
    Column("currency", String(3), nullable=False),
    Column("amount", Amount, nullable=False),
    Column("source_holder", String(36), nullable=False),
    Column("source", String(16), nullable=False),  # domain.money.Account
    Column("target_holder", String(36), nullable=False),
    Column("target", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False, server_default=NOW),
    CheckConstraint("amount > 0", name="amount_is_positive"),
    CheckConstraint("source <> target OR source_holder <> target_holder", name="moves_somewhere"),
    Index("ix_ledger_order", "order_id", "at"),
    Index("ix_ledger_customer", "customer", "at"),
    Index("ix_ledger_source", "source_holder"),
    Index("ix_ledger_target", "target_holder"),
)

money_news = Table(
    "money_news",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),  # it has not heard of it yet
    Column("entry", String(240), nullable=False),
    Column("created_at", Instant, nullable=False, server_default=NOW),
)

balances = Table(
    "balances",
    metadata,
    Column("holder", String(36), primary_key=True),  # an order, or an unmatched payment
    Column("currency", String(3), primary_key=True),
    Column("account", String(16), primary_key=True),
    Column("amount", Amount, nullable=False),
    CheckConstraint("amount >= 0", name="never_below_zero"),
)
