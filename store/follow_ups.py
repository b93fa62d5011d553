"""Follow-ups: wanted in the transaction that needs them; their starter does the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy.dialects.postgresql import insert

from store.engine import Connection
from store.follow_up_tables import follow_ups


@dataclass(frozen=True)
class Wanted:
    """A follow-up that somebody or something wants. `key` says what about: it is wanted once.

    `facts` stand in its tasks and hold no personal data; `text` stays in the database.
    """

    key: str
    kind: str
    order_id: str
    requested_by: str
    requested_at: datetime
    subject: str | None = None
    text: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its id; the same for the same key."""
        return str(uuid5(NAMESPACE_URL, f"dueline:follow-up:{self.key}"))


async def want(conn: Connection, wanted: Wanted) -> str:
    """Stores a follow-up that is to begin, once for its key; returns its id. Starts nothing."""
    row = {**wanted.__dict__, "facts": dict(wanted.facts), "id": wanted.id}
    await conn.execute(insert(follow_ups).values(row).on_conflict_do_nothing())
    return wanted.id
