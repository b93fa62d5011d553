"""Follow-ups: wanted in the transaction that needs them; their starter does the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Select, false, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from domain.base import Record
from domain.errors import UnknownThing
from store.engine import Connection
from store.follow_up_tables import follow_ups
from store.tables import api_keys, orders, tasks

ID_LENGTH = 16
"""Hexadecimal digits: with the id of its order before it, a case's task still finds room."""

WANTED, OPEN, CLOSED = "wanted", "open", "closed"

GIVEN_UP = "given_up"
"""How one ends on which nobody works any more."""

Place = tuple[datetime, str]


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
        return uuid5(NAMESPACE_URL, f"dueline:follow-up:{self.key}").hex[:ID_LENGTH]


class WaitingStart(Record):
    """A wanted follow-up with what its workflow needs to know of its order."""

    id: str
    kind: str
    order_id: str
    customer: str
    profile: str
    profile_digest: str
    requested_by: str
    requested_at: datetime


class FollowUpRow(Record):
    """A follow-up with its order. `text` may hold personal data.

    `by_customer` says that a key of the order's customer asked for it, so its words are the
    customer's own.
    """

    id: str
    kind: str
    order_id: str
    order_number: str | None
    customer: str
    profile_digest: str
    subject: str | None
    state: str
    step: str | None
    outcome: str | None
    text: str | None
    facts: Mapping[str, Any]
    requested_by: str
    requested_at: datetime
    closed_at: datetime | None
    by_customer: bool = False


class FollowUpFilter(Record):
    """Which follow-ups; what is none does not matter."""

    state: str | None = None
    kind: str | None = None
    order_id: str | None = None
    customer: str | None = None


async def want(conn: Connection, wanted: Wanted) -> str:
    """Stores a follow-up that is to begin, once for its key; returns its id. Starts nothing."""
    row = {**wanted.__dict__, "facts": dict(wanted.facts), "id": wanted.id}
    await conn.execute(insert(follow_ups).values(row).on_conflict_do_nothing())
    return wanted.id


async def waiting(conn: Connection, after: Place | None, limit: int) -> list[WaitingStart]:
    """Those that are wanted and have not begun, the oldest first, behind `after`."""
    columns = follow_ups.c
    query = (
        select(
            *(columns[n] for n in ("id", "kind", "order_id", "requested_by", "requested_at")),
            orders.c.customer,
            orders.c.profile,
            orders.c.profile_digest,
        )
        .join(orders, orders.c.id == columns.order_id)
        .where(columns.state == WANTED)
        .order_by(columns.requested_at, columns.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(columns.requested_at, columns.id) > tuple_(*after))
    return [WaitingStart(**row) for row in (await conn.execute(query)).mappings()]


async def begin(conn: Connection, follow_up: str) -> None:
    """Its workflow works. One that is closed stays closed."""
    await conn.execute(
        update(follow_ups)
        .where(follow_ups.c.id == follow_up, follow_ups.c.state == WANTED)
        .values(state=OPEN)
    )


async def show_step(conn: Connection, follow_up: str, step: str) -> None:
    """It waits for this step now."""
    await conn.execute(update(follow_ups).where(follow_ups.c.id == follow_up).values(step=step))


async def close(conn: Connection, follow_up: str, outcome: str, at: datetime) -> None:
    """It is over."""
    await conn.execute(
        update(follow_ups)
        .where(follow_ups.c.id == follow_up, follow_ups.c.state != CLOSED)
        .values(state=CLOSED, step=None, outcome=outcome, closed_at=at)
    )


async def subject_of(conn: Connection, follow_up: str) -> str:
    """The refund or the payment that it is about. Raises UnknownThing."""
    found: str | None = await conn.scalar(
        select(follow_ups.c.subject).where(follow_ups.c.id == follow_up)
    )
    if found is None:
        raise UnknownThing("payment or refund behind follow-up", follow_up)
    return found


async def facts_of(conn: Connection, follow_up: str) -> dict[str, Any]:
    """What was known when it was wanted."""
    found: dict[str, Any] | None = await conn.scalar(
        select(follow_ups.c.facts).where(follow_ups.c.id == follow_up)
    )
    return found or {}


async def answered_data(
    conn: Connection, order_id: str, workflow_id: str, *, but: str | None = None
) -> dict[str, Any]:
    """What its answers have named so far, `but` for those of one step; the last word counts."""
    found = await conn.scalars(
        select(tasks.c.data)
        .where(
            tasks.c.order_id == order_id,
            tasks.c.workflow_id == workflow_id,
            tasks.c.state == "done",
            tasks.c.step != (but or ""),
        )
        .order_by(tasks.c.closed_at, tasks.c.opened_at)
    )
    return {name: text for data in found if data for name, text in data.items()}


# Somebody inside whose key has the same name makes the words nobody's for certain.
_BY_CUSTOMER = (
    select(
        func.coalesce(
            func.bool_and(api_keys.c.customer.is_not_distinct_from(orders.c.customer)), false()
        )
    )
    .where(api_keys.c.name == follow_ups.c.requested_by)
    .correlate(orders, follow_ups)
    .scalar_subquery()
    .label("by_customer")
)


def _rows() -> Select[Any]:
    own = [name for name in FollowUpRow.model_fields if name in follow_ups.c]
    return select(
        *(follow_ups.c[name] for name in own),
        orders.c.number.label("order_number"),
        orders.c.customer,
        orders.c.profile_digest,
        _BY_CUSTOMER,
    ).join(orders, orders.c.id == follow_ups.c.order_id)


async def read_follow_up(conn: Connection, follow_up: str) -> FollowUpRow | None:
    """One follow-up; none when there is none."""
    found = await conn.execute(_rows().where(follow_ups.c.id == follow_up))
    row = found.mappings().one_or_none()
    return None if row is None else FollowUpRow(**row)


async def list_follow_ups(
    conn: Connection, wanted: FollowUpFilter, after: Place | None, limit: int
) -> list[FollowUpRow]:
    """Follow-ups, the newest first."""
    columns = follow_ups.c
    query = _rows()
    equal = {
        columns.state: wanted.state,
        columns.kind: wanted.kind,
        columns.order_id: wanted.order_id,
        orders.c.customer: wanted.customer,
    }
    for column, value in equal.items():
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(tuple_(columns.requested_at, columns.id) < tuple_(*after))
    query = query.order_by(columns.requested_at.desc(), columns.id.desc()).limit(limit)
    return [FollowUpRow(**row) for row in (await conn.execute(query)).mappings()]
