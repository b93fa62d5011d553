"""The ledger of fines and rewards: one entry for each event, paid by nobody here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from domain.base import Record
from domain.roles import Role
from store.engine import Connection, execute_each
from store.tables import performance_ledger, shipments, tasks


@dataclass(frozen=True)
class LedgerEntry:
    """A fine or a reward; `key` names the event. `person` is a key's name, if one is known."""

    key: str
    case_id: str | None
    profile: str
    rule: str
    kind: str
    role: Role
    person: str | None
    amount: Decimal
    currency: str
    reason: str
    at: datetime


class EntryRow(Record):
    """An entry as it is read."""

    key: str
    rule: str
    kind: str
    role: str
    person: str | None
    amount: Decimal
    currency: str
    reason: str
    at: datetime


async def add_entries(conn: Connection, order_id: str, entries: Iterable[LedgerEntry]) -> None:
    """Adds entries; the same key adds its entry once."""
    rows = [{**entry.__dict__, "order_id": order_id} for entry in entries]
    await execute_each(conn, insert(performance_ledger).on_conflict_do_nothing(), rows)


async def entries_of_case(conn: Connection, case_id: str) -> list[EntryRow]:
    """What a case has cost, by key."""
    columns = performance_ledger.c
    rows = await conn.execute(
        select(*(columns[name] for name in EntryRow.model_fields))
        .where(columns.case_id == case_id)
        .order_by(columns.key)
    )
    return [EntryRow(**row) for row in rows.mappings()]


async def who_answered(
    conn: Connection, order_id: str, workflow_id: str, step: str, visit: int, role: Role
) -> str | None:
    """Who of this role answered in a visit of a step, by the name of the key."""
    found: str | None = await conn.scalar(
        select(tasks.c.decided_by).where(
            tasks.c.order_id == order_id,
            tasks.c.workflow_id == workflow_id,
            tasks.c.step == step,
            tasks.c.visit == visit,
            tasks.c.role == role.value,
            tasks.c.state == "done",
        )
    )
    return found


async def shipped_at(conn: Connection, order_id: str) -> datetime | None:
    """When the last of the order's goods left, if they did."""
    found: datetime | None = await conn.scalar(
        select(func.max(shipments.c.shipped_at)).where(
            shipments.c.order_id == order_id, shipments.c.state == "shipped"
        )
    )
    return found
