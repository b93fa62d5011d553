"""The audit trail: what operations did to which order, why, and what came of it."""

from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy import insert, select

from domain.base import Record
from store.engine import Connection
from store.tables import ops_actions


class OpsAction(Record):
    """Something that operations did; `target` is an order's id, or what else it concerned."""

    action: str
    target: str
    reason: str = ""
    outcome: str = ""
    detail: dict[str, Any] = Field(default_factory=dict)


class OpsActionRow(OpsAction):
    """A line of the trail."""

    id: int
    at: datetime
    by: str


async def add_action(conn: Connection, by: str, action: OpsAction) -> None:
    """Adds a line; lines are never changed."""
    await conn.execute(insert(ops_actions).values(by=by, **action.model_dump()))


async def read_actions(
    conn: Connection, *, target: str | None = None, before: int | None = None, limit: int = 50
) -> list[OpsActionRow]:
    """The newest lines first; of one target, or older than the line `before`."""
    query = select(ops_actions).order_by(ops_actions.c.id.desc()).limit(limit)
    if target is not None:
        query = query.where(ops_actions.c.target == target)
    if before is not None:
        query = query.where(ops_actions.c.id < before)
    return [OpsActionRow(**row) for row in (await conn.execute(query)).mappings()]
