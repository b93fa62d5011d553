"""Cancellations: terms, cost, and the answer to the customer."""

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    pass
