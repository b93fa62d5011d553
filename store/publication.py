"""Who still counts on an older version of a calendar, and who has moved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, func, literal, select

from domain.follow_ups import PREFIX
from domain.windows import LedgerKind
from store.engine import Connection
from store.tables import calendar_versions, orders, window_ledger, windows

CASE_PREFIX = "case-"
"""How the id of an overdue case's workflow begins; its windows' keys begin with that id."""


@dataclass(frozen=True)
class Standing:
    """How far a publication is: windows that were counted anew, and those that were not yet."""

    moved: int
    left_count: int
    left: tuple[str, ...]


async def workflows_behind(
    conn: Connection, calendar: str, version: int, *, after: str, limit: int
) -> list[str]:
    """Ids of workflows with a running window on an older version, sorted, behind `after`."""
    workflow_id = case(
        (_beside(), func.split_part(windows.c.key, "/", 1)),
        else_=literal("order-").concat(windows.c.order_id),
    )
    found = await conn.scalars(
        select(workflow_id)
        .where(_behind(calendar, version), workflow_id > bindparam("after", after))
        .distinct()
        .order_by(workflow_id)
        .limit(limit)
    )
    return list(found)


def _beside() -> ColumnElement[bool]:
    """Windows of a workflow beside the order, whose id their keys begin with."""
    return windows.c.key.startswith(CASE_PREFIX) | windows.c.key.startswith(PREFIX)


async def standing(conn: Connection, calendar: str, version: int, shown_max: int) -> Standing:
    """How far the publication of this version is; names at most `shown_max` of those left."""
    moved = await conn.scalar(
        select(func.count(window_ledger.c.window.distinct())).where(
            window_ledger.c.kind == LedgerKind.RECALCULATED.value,
            window_ledger.c.calendar == f"{calendar}@{version}",
        )
    )
    behind = _behind(calendar, version)
    left_count = await conn.scalar(select(func.count()).where(behind))
    left = await conn.scalars(
        select(windows.c.key).where(behind).order_by(windows.c.key).limit(shown_max)
    )
    return Standing(moved or 0, left_count or 0, tuple(left))


def running_on(calendar: str) -> ColumnElement[bool]:
    """Running windows that count on any version of the calendar."""
    return windows.c.stopped_at.is_(None) & windows.c.calendar.startswith(
        f"{calendar}@", autoescape=True
    )


def _behind(calendar: str, version: int) -> ColumnElement[Any]:
    # Not by comparing numbers: a release before this one named `cn@2026.1`.
    label = calendar_versions.c.calendar.concat("@").concat(calendar_versions.c.version)
    up_to_date = select(label).where(
        calendar_versions.c.calendar == calendar, calendar_versions.c.version >= version
    )
    return running_on(calendar) & windows.c.calendar.not_in(up_to_date)


@dataclass(frozen=True)
class RunningWindow:
    """A running window with what a preview needs of its order. `body` is empty in old rows."""

    order_id: str
    order_number: str | None
    profile_digest: str
    promised_at: datetime
    calendar: str
    body: Mapping[str, Any]


async def running_windows(conn: Connection, calendar: str, limit: int) -> list[RunningWindow]:
    """Running windows on any version of the calendar, those that are due first."""
    found = await conn.execute(
        select(
            windows.c.order_id,
            orders.c.number.label("order_number"),
            orders.c.profile_digest,
            orders.c.promised_at,
            windows.c.calendar,
            windows.c.body,
        )
        .join(orders, orders.c.id == windows.c.order_id)
        .where(running_on(calendar))
        .order_by(windows.c.due_at, windows.c.key)
        .limit(limit)
    )
    return [RunningWindow(**row._mapping) for row in found]


async def count_running(conn: Connection, calendar: str) -> int:
    """How many windows run on any version of the calendar."""
    return await conn.scalar(select(func.count()).where(running_on(calendar))) or 0
