"""What the database says of an order, read at once, to be compared with its workflow."""

from collections import defaultdict
from datetime import datetime

from sqlalchemy import ColumnElement, exists, false, func, or_, select

from domain.base import Record
from domain.follow_ups import follow_up_workflow_id
from store.agreeing import Within, read_within
from store.changes import being_decided
from store.engine import Connection
from store.follow_up_tables import follow_ups
from store.tables import (
    marks,
    orders,
    outbox,
    overdue_cases,
    reservations,
    shipments,
    slots,
    tasks,
    windows,
)


class StoredOrder(Record):
    """An order's row, without what was ordered."""

    id: str
    number: str | None
    customer: str
    profile_digest: str
    version: int
    promised_at: datetime
    rush: bool
    special: bool
    received_at: datetime
    state: str
    stage: str | None
    step: str | None
    waiting_role: str | None
    due_at: datetime | None
    slack: str
    level: int | None
    step_since: datetime | None
    held_at: datetime | None
    held_because: str | None
    blocked: str | None
    closed_at: datetime | None
    created_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether the database takes it for open."""
        return self.state == "open"


class StoredTask(Record):
    """An open task."""

    id: str
    workflow_id: str
    step: str
    visit: int
    role: str
    due_at: datetime | None


class StoredWindow(Record):
    """A running window with the names of its recorded marks."""

    key: str
    step: str
    due_at: datetime
    paused_at: datetime | None
    calendar: str
    marks: tuple[str, ...] = ()


class StoredFollowUp(Record):
    """A follow-up that is not closed, by the id of its workflow."""

    workflow_id: str
    id: str
    kind: str
    state: str
    requested_by: str
    requested_at: datetime


class Stored(Record):
    """All of it. `reserved` says in words what stock, slots and notes the order still holds.

    `deciding` is the change that was taken up and has no verdict yet.
    """

    order: StoredOrder
    tasks: tuple[StoredTask, ...]
    windows: tuple[StoredWindow, ...]
    cases: tuple[str, ...]
    follow_ups: tuple[StoredFollowUp, ...]
    reserved: tuple[str, ...]
    deciding: str | None = None
    within: Within = Within()


# An order of before there were special ones says nothing of it.
_SPECIAL = func.coalesce(orders.c.body["special"].as_boolean(), false())


async def read_stored(conn: Connection, order_id: str) -> Stored | None:
    """One order as the database knows it; none when it does not."""
    found = await conn.execute(
        select(
            *(orders.c[name] for name in StoredOrder.model_fields if name in orders.c),
            _SPECIAL.label("special"),
        ).where(orders.c.id == order_id)
    )
    row = found.mappings().one_or_none()
    if row is None:
        return None
    deciding = await being_decided(conn, order_id)
    return Stored(
        order=StoredOrder(**row),
        tasks=await _tasks(conn, order_id),
        windows=await _windows(conn, order_id),
        cases=await _cases(conn, order_id),
        follow_ups=await _follow_ups(conn, order_id),
        reserved=await _reserved(conn, order_id),
        deciding=deciding["id"] if deciding else None,
        within=await read_within(conn, order_id),
    )


async def _tasks(conn: Connection, order_id: str) -> tuple[StoredTask, ...]:
    found = await conn.execute(
        select(*(tasks.c[name] for name in StoredTask.model_fields))
        .where(tasks.c.order_id == order_id, tasks.c.state == "open")
        .order_by(tasks.c.id)
    )
    return tuple(StoredTask(**row) for row in found.mappings())


async def _windows(conn: Connection, order_id: str) -> tuple[StoredWindow, ...]:
    running = windows.c.order_id == order_id, windows.c.stopped_at.is_(None)
    fallen: dict[str, list[str]] = defaultdict(list)
    for window, mark in await conn.execute(
        select(marks.c.window, marks.c.mark)
        .join(windows, windows.c.key == marks.c.window)
        .where(*running)
        .order_by(marks.c.due_at, marks.c.mark)
    ):
        fallen[window].append(mark)
    names = [name for name in StoredWindow.model_fields if name != "marks"]
    found = await conn.execute(
        select(*(windows.c[name] for name in names)).where(*running).order_by(windows.c.key)
    )
    return tuple(StoredWindow(**row, marks=tuple(fallen[row["key"]])) for row in found.mappings())


async def _cases(conn: Connection, order_id: str) -> tuple[str, ...]:
    columns = overdue_cases.c
    found = await conn.scalars(
        select(columns.id)
        .where(columns.order_id == order_id, columns.state == "open")
        .order_by(columns.opened_at, columns.id)
    )
    return tuple(found)


async def _follow_ups(conn: Connection, order_id: str) -> tuple[StoredFollowUp, ...]:
    names = [name for name in StoredFollowUp.model_fields if name != "workflow_id"]
    found = await conn.execute(
        select(*(follow_ups.c[name] for name in names))
        .where(follow_ups.c.order_id == order_id, follow_ups.c.state != "closed")
        .order_by(follow_ups.c.requested_at, follow_ups.c.id)
    )
    return tuple(
        StoredFollowUp(**row, workflow_id=follow_up_workflow_id(order_id, row["id"]))
        for row in found.mappings()
    )


async def _reserved(conn: Connection, order_id: str) -> tuple[str, ...]:
    counts = {
        "materials": select(func.count()).where(
            reservations.c.order_id == order_id, reservations.c.state == "held"
        ),
        "slots": select(func.count()).where(slots.c.order_id == order_id, slots.c.state == "held"),
        "release note": select(func.count()).where(
            shipments.c.order_id == order_id, shipments.c.state == "released"
        ),
    }
    found = {what: await conn.scalar(count) or 0 for what, count in counts.items()}
    return tuple(f"{count} {what}" for what, count in found.items() if count)


async def orders_to_compare(
    conn: Connection, closed_after: datetime, after: str, limit: int
) -> list[str]:
    """Ids of orders that are open, closed lately, or are followed up; in order of id."""
    columns = orders.c
    found = await conn.scalars(
        select(columns.id)
        .where(_to_compare(closed_after), columns.id > after)
        .order_by(columns.id)
        .limit(limit)
    )
    return list(found)


async def count_to_compare(conn: Connection, closed_after: datetime) -> int:
    """How many orders that are."""
    query = select(func.count()).select_from(orders).where(_to_compare(closed_after))
    return await conn.scalar(query) or 0


def _to_compare(closed_after: datetime) -> ColumnElement[bool]:
    columns = orders.c
    followed = select(follow_ups.c.order_id).where(follow_ups.c.state != "closed")
    lately = columns.closed_at >= closed_after
    return or_(columns.state == "open", lately, columns.id.in_(followed))


async def case_is_open(conn: Connection, case_id: str) -> bool:
    """Whether the database has the overdue case and takes it for open."""
    columns = overdue_cases.c
    found = exists().where(columns.id == case_id, columns.state == "open")
    return bool(await conn.scalar(select(found)))


async def follow_up_is_open(conn: Connection, workflow_id: str) -> bool:
    """Whether the database has the follow-up and does not take it for closed."""
    columns = follow_ups.c
    own = columns.id == workflow_id.rpartition(".")[2]
    return bool(await conn.scalar(select(exists().where(own, columns.state != "closed"))))


async def waiting_notices(conn: Connection, queued_before: datetime) -> int:
    """How many notices should have gone out long ago and wait for nothing."""
    columns = outbox.c
    due = or_(columns.retry_at.is_(None), columns.retry_at < queued_before)
    query = select(func.count()).select_from(outbox)
    query = query.where(columns.state == "pending", columns.queued_at < queued_before, due)
    return await conn.scalar(query) or 0
