"""Customers' wishes: what was asked, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import case, select, update

from domain.changes import ChangeState
from domain.errors import UnknownThing
from store.engine import Connection
from store.tables import changes


@dataclass(frozen=True)
class ChangeRow:
    """A recorded wish of kind change, cancellation, receipt or rush; it came at `requested_at`.

    `registered_at` is when the workflow took it up to have it decided, and `prices` are what new
    products cost then, as text; both are none for what is settled at once.
    """

    id: str
    kind: str
    against_version: int | None
    patch: Mapping[str, Any]
    evidence: Mapping[str, Any] | None
    prices: Mapping[str, str] | None
    registered_at: datetime | None
    state: ChangeState
    requested_at: datetime
    requested_by: str = ""
    reason: str | None = None


_COLUMNS = tuple(changes.c[field.name] for field in fields(ChangeRow))


async def find_change(conn: Connection, order_id: str, change_id: str) -> ChangeRow:
    """The wish; the order's row is locked already. Raises UnknownThing."""
    found = await conn.execute(
        select(*_COLUMNS).where(changes.c.id == change_id, changes.c.order_id == order_id)
    )
    row = found.mappings().one_or_none()
    if row is None:
        raise UnknownThing("change", change_id)
    return _row(row)


async def changed_since(conn: Connection, order_id: str, version: int) -> list[str]:
    """Fields touched by changes that made a version after `version`, by name."""
    found = await conn.scalars(
        select(changes.c.patch).where(
            changes.c.order_id == order_id,
            changes.c.kind == "change",
            changes.c.state == ChangeState.APPLIED.value,
            changes.c.applied_version > version,
        )
    )
    return sorted({field for patch in found for field in patch})


async def register(conn: Connection, change_id: str, at: datetime, **found: Any) -> None:
    """The change is taken up; `found` is what it means as the order stands, by column."""
    await conn.execute(
        update(changes).where(changes.c.id == change_id).values(registered_at=at, **found)
    )


async def being_decided(conn: Connection, order_id: str) -> dict[str, Any] | None:
    """The change that was taken up and has no verdict yet: its id, its class, what it means."""
    found = await conn.execute(
        select(changes.c.id, changes.c.of, changes.c.impact)
        .where(
            changes.c.order_id == order_id,
            changes.c.state == ChangeState.RECEIVED.value,
            changes.c.registered_at.is_not(None),
        )
        .order_by(changes.c.registered_at.desc())
        .limit(1)
    )
    row = found.mappings().one_or_none()
    return dict(row) if row is not None else None


async def settle(
    conn: Connection,
    change_id: str,
    state: ChangeState,
    reason: str | None,
    at: datetime,
    *,
    version: int | None = None,
) -> None:
    """Writes what became of a wish; the first verdict stays.

    `reason` takes the place of the one that came with the wish; none leaves that alone. `version`
    is the one of the order that an applied change has made.
    """
    told: dict[str, Any] = {} if reason is None else {"reason": reason}
    await conn.execute(
        update(changes)
        .where(changes.c.id == change_id, changes.c.state == ChangeState.RECEIVED.value)
        .values(state=state.value, settled_at=at, applied_version=version, **told)
    )


async def settle_rest(
    conn: Connection, order_id: str, applied_id: str | None, reason: str, at: datetime
) -> list[ChangeRow]:
    """The order ends: the wish that ended it is applied, all others are refused with `reason`.

    Returns those that were refused, as they came.
    """
    ended = changes.c.id == applied_id
    found = await conn.execute(
        update(changes)
        .where(changes.c.order_id == order_id, changes.c.state == ChangeState.RECEIVED.value)
        .values(
            state=case((ended, ChangeState.APPLIED.value), else_=ChangeState.REFUSED.value),
            reason=case((ended, changes.c.reason), else_=reason),
            settled_at=at,
        )
        .returning(*_COLUMNS)
    )
    settled = sorted(found.mappings(), key=lambda row: (row["requested_at"], row["id"]))
    return [_row(row) for row in settled if row["state"] == ChangeState.REFUSED.value]


def _row(columns: Mapping[Any, Any]) -> ChangeRow:
    by_name = {column.name: columns[column.name] for column in _COLUMNS}
    return ChangeRow(**{**by_name, "state": ChangeState(columns["state"])})
