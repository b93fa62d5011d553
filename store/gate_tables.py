"""What the gates of money know: an order's deposit and rush fee, and whose credit has eased."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, String, Table

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
