"""Changes: class, impact and what became of them; prices of products."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    pass
