"""What the gates of money know: deposit, rush fee, whose credit has eased, who says it is paid."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, Text

from store.tables import Amount, Instant, metadata

order_money = Table(
    "order_money",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("deposit", Amount),  # as it was paid; none before
    Column("deposit_state", String(16)),  # domain.deposits.DepositState
    Column("deposit_at", Instant),  # since when it is in that state
    Column("rush_wish", String(36)),  # changes.id
    Column("rush_fee", Amount),
    Column("rush_agreed_at", Instant),
    Column("rush_paid_at", Instant),
    CheckConstraint("deposit >= 0", name="deposit_not_negative"),
    CheckConstraint("rush_fee >= 0", name="rush_fee_not_negative"),
    CheckConstraint("(deposit IS NULL) = (deposit_state IS NULL)", name="deposit_has_a_state"),
)

credit_news = Table(
    "credit_news",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("customer", ForeignKey("customers.code"), nullable=False),  # it may owe more now
    Column("entry", String(240), nullable=False),
)

payment_reports = Table(
    "payment_reports",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("amount", Amount, nullable=False),  # a word: no account has it
    Column("currency", String(3), nullable=False),
    Column("route", String(16)),  # none: the way that the order names
    Column("reference", String(64)),
    Column("reported_by", Text, nullable=False),
    Column("reported_at", Instant, nullable=False),
    Column("settled_at", Instant),  # when the order passed a gate of money; none: outstanding
    CheckConstraint("amount > 0", name="amount_is_positive"),
    Index("ix_payment_reports_order", "order_id", "reported_at"),
)
