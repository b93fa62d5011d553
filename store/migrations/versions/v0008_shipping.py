"""Several shipments of one order; signatures that name the version they were given for."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    pass
