"""What `/metrics` says of orders, windows, tasks, cases and notices: one statement a noun.

Each reads an index of what is open and nothing else, so that a million closed orders cost nothing.
"""

from collections import Counter
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, func, literal_column, select

from store.engine import Connection
from store.follow_up_tables import follow_ups
from store.notices import count_notices
from store.payment_tables import payments
from store.rows import Counts
from store.tables import orders, overdue_cases, tasks, windows
from store.webhooks import count_webhooks

QUIET_AFTER = timedelta(hours=24)
UNNOTICED_AFTER = timedelta(minutes=5)
A_DAY = timedelta(days=1)

NO_STAGE, NO_LEVEL = "none", "none"

# Written out: a plan for any value of a parameter could not use an index of the open ones.
_OPEN = literal_column("'open'", String)
_CLOSED = literal_column("'closed'", String)
_UNMATCHED = literal_column("'unmatched'", String)
_PAUSED = literal_column("'paused'", String)


async def count(conn: Connection) -> Counts:
    """How many stand where, now; in real time, whatever the orders' own clocks say."""
    return Counts(
        **await _orders(conn),
        **await _windows(conn),
        **await _tasks(conn),
        overdue_cases_by_state=await _by(conn, overdue_cases.c.state),
        follow_ups_by_kind=await _by(conn, follow_ups.c.kind, follow_ups.c.state != _CLOSED),
        **await count_notices(conn),
        **await count_webhooks(conn),
        unmatched_payments=await _unmatched(conn),
    )


async def _unmatched(conn: Connection) -> int:
    query = select(func.count()).where(payments.c.state == _UNMATCHED)
    return await conn.scalar(query) or 0


async def _orders(conn: Connection) -> dict[str, Any]:
    quiet = and_(orders.c.updated_at < func.now() - QUIET_AFTER, orders.c.due_at < func.now())
    found = await conn.execute(
        select(orders.c.stage, orders.c.level, func.count(), func.count().filter(quiet))
        .where(orders.c.state == _OPEN)
        .group_by(orders.c.stage, orders.c.level)
    )
    stages, levels, quiet_orders = Counter[str](), Counter[str](), 0
    for stage, level, number, still in found:
        stages[stage or NO_STAGE] += number
        levels[NO_LEVEL if level is None else str(level)] += number
        quiet_orders += still
    return {
        "open_orders_by_stage": stages,
        "open_orders_by_level": levels,
        "quiet_orders": quiet_orders,
    }


async def _windows(conn: Connection) -> dict[str, Any]:
    """Those that run by state, how many of them are late, and those that ended within a day."""
    columns = windows.c
    runs, goes_on = columns.stopped_at.is_(None), columns.paused_at.is_(None)
    state = case((columns.paused_at.is_not(None), _PAUSED), else_=columns.state)
    late = and_(goes_on, columns.due_at < func.now())
    running = await conn.execute(
        select(state, func.count(), func.count().filter(late)).where(runs).group_by(state)
    )
    found = running.all()
    # The breach's mark and this state are written in one transaction.
    unnoticed = select(func.count()).where(
        runs,
        goes_on,
        columns.state == _OPEN,
        columns.due_at < func.now() - UNNOTICED_AFTER,
    )
    return {
        "windows_by_state": {name: number for name, number, _ in found},
        "late_open_windows": sum(number for _, _, number in found),
        "unnoticed_breaches": await conn.scalar(unnoticed),
        "windows_ended_by_state": await _by(
            conn, columns.state, columns.stopped_at > func.now() - A_DAY
        ),
    }


async def _tasks(conn: Connection) -> dict[str, Any]:
    since = func.extract("epoch", func.now() - func.min(tasks.c.opened_at))
    found = await conn.execute(
        select(tasks.c.role, func.count(), since)
        .where(tasks.c.state == _OPEN)
        .group_by(tasks.c.role)
    )
    rows = found.all()
    return {
        "open_tasks_by_role": {role: number for role, number, _ in rows},
        # An order whose clock was moved on has tasks of tomorrow.
        "oldest_task_seconds_by_role": {role: max(0.0, float(age)) for role, _, age in rows},
    }


async def _by(
    conn: Connection, column: ColumnElement[str], *where: ColumnElement[bool]
) -> dict[str, int]:
    found = await conn.execute(select(column, func.count()).where(*where).group_by(column))
    return {row[0]: row[1] for row in found}
