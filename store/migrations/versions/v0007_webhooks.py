"""Outbound webhooks: endpoints, events in order, deliveries."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    pass
