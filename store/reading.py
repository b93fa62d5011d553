"""Everything that is only read. No query here needs a worker or the engine to be alive."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Select, Table, func, select, text, tuple_
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from domain.base import Record
from store.engine import Connection
from store.rows import (
    CaseRow,
    FullOrderRow,
    LedgerRow,
    MarkRow,
    OrderRow,
    TaskRow,
    TimelineRow,
    WindowRow,
    WishRow,
)
from store.tables import (
    changes,
    customers,
    marks,
    orders,
    overdue_cases,
    products,
    tasks,
    timeline,
    window_ledger,
    windows,
)

# Tasks without a due instant come last; PostgreSQL's own infinity does not fit a datetime.
NO_DUE_INSTANT = datetime(9999, 1, 1, tzinfo=UTC)

Place = tuple[datetime, str]
"""Where a page ended: the sorting instant and the id of its last row."""


class OrderFilter(Record):
    """Which orders; what is none does not matter."""

    stage: str | None = None
    role: str | None = None
    state: str | None = None
    slack: str | None = None
    due_before: datetime | None = None
    customer: str | None = None
    profile: str | None = None
    held: bool | None = None
    since_before: datetime | None = None
    priority: str | None = None


class TaskFilter(Record):
    """Which tasks; what is none does not matter."""

    roles: tuple[str, ...] | None = None
    order_id: str | None = None
    workflow_id: str | None = None
    state: str | None = None
    customer: str | None = None
    priority: str | None = None


class CaseFilter(Record):
    """Which overdue cases; what is none does not matter."""

    state: str | None = None
    cause: str | None = None
    role: str | None = None
    order_id: str | None = None


def _columns(table: Table, row: type[Record]) -> list[Column[Any]]:
    # Named one by one, so that a new column breaks no reader.
    return [table.c[name] for name in row.model_fields if name in table.c]


_ORDER_COLUMNS = _columns(orders, OrderRow)


async def list_orders(
    conn: Connection, wanted: OrderFilter, after: Place | None, limit: int
) -> list[OrderRow]:
    """Orders, the newest first."""
    columns = orders.c
    query = select(*_ORDER_COLUMNS)
    equal = {
        columns.stage: wanted.stage,
        columns.waiting_role: wanted.role,
        columns.state: wanted.state,
        columns.slack: wanted.slack,
        columns.customer: wanted.customer,
        columns.profile: wanted.profile,
        columns.priority: wanted.priority,
    }
    query = _where(query, equal)
    if wanted.due_before is not None:
        query = query.where(columns.due_at < wanted.due_before)
    if wanted.held is not None:
        query = query.where(columns.held_at.is_not(None) == wanted.held)
    if wanted.since_before is not None:
        query = query.where(columns.step_since < wanted.since_before)
    if after is not None:
        query = query.where(tuple_(columns.created_at, columns.id) < tuple_(*after))
    query = query.order_by(columns.created_at.desc(), columns.id.desc()).limit(limit)
    return [OrderRow(**row) for row in (await conn.execute(query)).mappings()]


async def read_order(conn: Connection, order_id: str) -> FullOrderRow | None:
    """One order with its body."""
    query = select(*_ORDER_COLUMNS, orders.c.body).where(orders.c.id == order_id)
    row = (await conn.execute(query)).mappings().one_or_none()
    return None if row is None else FullOrderRow(**row)


async def read_timeline(conn: Connection, order_id: str) -> list[TimelineRow]:
    """An order's story from the beginning."""
    columns = timeline.c
    query = (
        select(*_columns(timeline, TimelineRow))
        .where(columns.order_id == order_id)
        .order_by(columns.at, columns.id)
    )
    return [TimelineRow(**row) for row in (await conn.execute(query)).mappings()]


async def read_windows(
    conn: Connection, order_id: str
) -> tuple[list[WindowRow], dict[str, list[MarkRow]]]:
    """An order's clocks in the order they started, and the fallen marks of each by its key."""
    query = (
        select(*_columns(windows, WindowRow))
        .where(windows.c.order_id == order_id)
        .order_by(windows.c.started_at, windows.c.key)
    )
    rows = [WindowRow(**row) for row in (await conn.execute(query)).mappings()]
    fallen = (
        select(*_columns(marks, MarkRow))
        .join(windows, windows.c.key == marks.c.window)
        .where(windows.c.order_id == order_id)
        .order_by(marks.c.due_at, marks.c.recorded_at)
    )
    by_window: dict[str, list[MarkRow]] = {row.key: [] for row in rows}
    for mark in (await conn.execute(fallen)).mappings():
        by_window.setdefault(mark["window"], []).append(MarkRow(**mark))
    return rows, by_window


async def read_ledger(conn: Connection, order_id: str) -> dict[str, list[LedgerRow]]:
    """What happened to the windows of an order, by window, as it came."""
    query = (
        select(*_columns(window_ledger, LedgerRow))
        .where(window_ledger.c.order_id == order_id)
        .order_by(window_ledger.c.id)
    )
    by_window: dict[str, list[LedgerRow]] = {}
    for row in (await conn.execute(query)).mappings():
        by_window.setdefault(row["window"], []).append(LedgerRow(**row))
    return by_window


async def read_wish(conn: Connection, order_id: str, wish_id: str) -> WishRow | None:
    """A change, cancellation or receipt of this order."""
    query = select(*_columns(changes, WishRow)).where(
        changes.c.id == wish_id, changes.c.order_id == order_id
    )
    row = (await conn.execute(query)).mappings().one_or_none()
    return None if row is None else WishRow(**row)


def _tasks() -> Select[Any]:
    return select(
        *_columns(tasks, TaskRow),
        orders.c.number.label("order_number"),
        orders.c.customer.label("customer"),
        orders.c.priority,
    ).join(orders, orders.c.id == tasks.c.order_id)


async def list_tasks(
    conn: Connection, wanted: TaskFilter, after: Place | None, limit: int
) -> list[TaskRow]:
    """Tasks, the most urgent first."""
    due = func.coalesce(tasks.c.due_at, NO_DUE_INSTANT)
    equal = {
        tasks.c.order_id: wanted.order_id,
        tasks.c.workflow_id: wanted.workflow_id,
        tasks.c.state: wanted.state,
        orders.c.customer: wanted.customer,
        orders.c.priority: wanted.priority,
    }
    query = _where(_tasks(), equal)
    if wanted.roles is not None:
        query = query.where(tasks.c.role.in_(wanted.roles))
    if after is not None:
        query = query.where(tuple_(due, tasks.c.id) > tuple_(*after))
    query = query.order_by(due, tasks.c.id).limit(limit)
    return [TaskRow(**row) for row in (await conn.execute(query)).mappings()]


async def read_task(conn: Connection, task_id: str) -> TaskRow | None:
    """One task."""
    query = _tasks().where(tasks.c.id == task_id)
    row = (await conn.execute(query)).mappings().one_or_none()
    return None if row is None else TaskRow(**row)


def _cases() -> Select[Any]:
    return (
        select(
            *_columns(overdue_cases, CaseRow),
            orders.c.number.label("order_number"),
            orders.c.customer,
            windows.c.rule,
            windows.c.step,
            windows.c.due_at,
        )
        .join(orders, orders.c.id == overdue_cases.c.order_id)
        .join(windows, windows.c.key == overdue_cases.c.window)
    )


async def read_case(conn: Connection, case_id: str) -> CaseRow | None:
    """One overdue case."""
    query = _cases().where(overdue_cases.c.id == case_id)
    row = (await conn.execute(query)).mappings().one_or_none()
    return None if row is None else CaseRow(**row)


async def list_cases(
    conn: Connection, wanted: CaseFilter, after: Place | None, limit: int
) -> list[CaseRow]:
    """Overdue cases, the newest first."""
    columns = overdue_cases.c
    equal = {
        columns.state: wanted.state,
        columns.cause: wanted.cause,
        columns.role: wanted.role,
        columns.order_id: wanted.order_id,
    }
    query = _where(_cases(), equal)
    if after is not None:
        query = query.where(tuple_(columns.opened_at, columns.id) < tuple_(*after))
    query = query.order_by(columns.opened_at.desc(), columns.id.desc()).limit(limit)
    return [CaseRow(**row) for row in (await conn.execute(query)).mappings()]


async def customer_exists(conn: Connection, code: str) -> bool:
    """Whether the master data know this customer."""
    return await conn.scalar(select(customers.c.code).where(customers.c.code == code)) is not None


async def unknown_products(conn: Connection, codes: Iterable[str]) -> set[str]:
    """Those of `codes` that the master data do not know."""
    wanted = set(codes)
    found = await conn.scalars(select(products.c.code).where(products.c.code.in_(wanted)))
    return wanted - set(found)


async def answers(conn: Connection) -> None:
    """Asks the database for a sign of life. Raises what `database_is_away` recognises."""
    await conn.execute(text("SELECT 1"))


def database_is_away(error: BaseException) -> bool:
    """Whether this error means that PostgreSQL cannot be reached now, and may be later."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, OSError | OperationalError | InterfaceError | PoolTimeoutError)


def _where(query: Select[Any], equal: Mapping[Any, str | None]) -> Select[Any]:
    for column, value in equal.items():
        if value is not None:
            query = query.where(column == value)
    return query
