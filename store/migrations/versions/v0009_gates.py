"""Credit limits, payment routes, rush fees and the deposit's state."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    pass
