"""Differences that no order has: found once, worked off by finance, and kept with their end.

What an order is known for is a follow-up of that order instead, with a window and the ladder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Select, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from domain.base import Record
from domain.errors import UnknownThing
from domain.roles import Role
from store.engine import Connection
from store.payment_tables import differences
from store.story import Message, queue

Place = tuple[datetime, str]

OPEN, SETTLED = "open", "settled"

REFUSED_NOTICE = "refused_notice"
"""A signed notice that could not be taken; the other kinds are those of a statement."""


@dataclass(frozen=True)
class Found:
    """A difference of money that finance has to settle. `key` says what about: it is kept once.

    `text` and `text_zh` are what finance is told.
    """

    key: str
    kind: str
    text: str
    text_zh: str
    by: str
    at: datetime
    notice: str
    reference: str | None = None
    customer: str | None = None
    payment: str | None = None

    @property
    def id(self) -> str:
        """The same for the same key."""
        return str(uuid5(NAMESPACE_URL, f"dueline:difference:{self.key}"))


class DifferenceRow(Record):
    """A difference as it stands."""

    id: str
    kind: str
    reference: str | None
    customer: str | None
    payment: str | None
    text: str
    state: str
    found_by: str
    found_at: datetime
    settled_by: str | None
    settled_at: datetime | None
    settled_because: str | None


class DifferenceFilter(Record):
    """Which differences; what is none does not matter."""

    state: str | None = None
    customer: str | None = None


async def keep(conn: Connection, found: Found) -> str:
    """Keeps a difference as open and tells finance, both once for its key; returns its id."""
    row = {
        "id": found.id,
        "key": found.key,
        "kind": found.kind,
        "reference": found.reference,
        "customer": found.customer,
        "payment": found.payment,
        "text": found.text,
        "found_by": found.by,
        "found_at": found.at,
    }
    await conn.execute(insert(differences).values(row).on_conflict_do_nothing())
    told = Message(
        key=found.key,
        at=found.at,
        kind=found.notice,
        text=found.text,
        text_zh=found.text_zh,
        to_role=Role.FINANCE,
    )
    await queue(conn, None, [told])
    return found.id


async def settle_difference(
    conn: Connection, difference: str, *, by: str, at: datetime, because: str
) -> DifferenceRow:
    """Closes a difference with what became of it. The first word counts. Raises UnknownThing."""
    await _settle(conn, by, at, because, differences.c.id == difference)
    found = await conn.execute(_rows().where(differences.c.id == difference))
    row = found.mappings().one_or_none()
    if row is None:
        raise UnknownThing("difference", difference)
    return DifferenceRow(**row)


async def settle_agreed(
    conn: Connection, customer: str, references: Sequence[str], *, by: str, at: datetime
) -> None:
    """A later statement agrees with the books under these references."""
    where = differences.c.customer == customer, differences.c.reference.in_(references)
    await _settle(conn, by, at, "a later statement agrees with our books", *where)


async def _settle(conn: Connection, by: str, at: datetime, because: str, *where: Any) -> None:
    settled = {"state": SETTLED, "settled_by": by, "settled_at": at, "settled_because": because}
    query = update(differences).where(differences.c.state == OPEN, *where)
    await conn.execute(query.values(settled))


async def list_differences(
    conn: Connection, wanted: DifferenceFilter, after: Place | None, limit: int
) -> list[DifferenceRow]:
    """Differences, the newest first."""
    columns = differences.c
    query = _rows()
    for column, value in ((columns.state, wanted.state), (columns.customer, wanted.customer)):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(tuple_(columns.found_at, columns.id) < tuple_(*after))
    query = query.order_by(columns.found_at.desc(), columns.id.desc()).limit(limit)
    return [DifferenceRow(**row) for row in (await conn.execute(query)).mappings()]


def _rows() -> Select[Any]:
    return select(*(differences.c[name] for name in DifferenceRow.model_fields))
