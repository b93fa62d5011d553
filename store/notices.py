"""Notices as people read them: who was told what, and what became of it on each channel."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from domain.base import Record
from store.engine import Connection
from store.outbox import DEAD, PENDING, SENT
from store.tables import Instant, channels, deliveries, orders, outbox


class NoticeFilter(Record):
    """Which notices; what is none does not matter. `roles` and `customer` are whose they are."""

    roles: tuple[str, ...] | None = None
    customer: str | None = None
    order_id: str | None = None
    state: str | None = None
    channel: str | None = None


class DeliveryRow(Record):
    """What became of a notice on one channel; `next_at` is its next try."""

    channel: str
    state: str
    attempts: int
    next_at: datetime | None
    sent_at: datetime | None
    error: str | None


class NoticeRow(Record):
    """A notice. `at` is the order's time; it is dead when it is on any channel."""

    id: int
    at: datetime
    to_role: str
    kind: str
    text: str
    text_zh: str
    order_id: str | None
    order_number: str | None
    state: str
    held_until: datetime | None


async def list_notices(
    conn: Connection, wanted: NoticeFilter, before: int | None, limit: int
) -> list[NoticeRow]:
    """Notices, the newest first; `before` is the id at which the page before ended."""
    query = _notices(wanted.channel)
    for column, value in {
        outbox.c.order_id: wanted.order_id,
        orders.c.customer: wanted.customer,
    }.items():
        if value is not None:
            query = query.where(column == value)
    if wanted.roles is not None:
        query = query.where(outbox.c.to_role.in_(wanted.roles))
    if wanted.channel is not None:
        query = query.where(_has(wanted.channel))
    if wanted.state is not None:
        query = query.where(_state(wanted.channel) == wanted.state)
    if wanted.state == DEAD:
        # Few are: their own index finds them.
        dead = select(deliveries.c.notice).where(deliveries.c.state == DEAD)
        query = query.where(outbox.c.id.in_(dead))
    if before is not None:
        query = query.where(outbox.c.id < before)
    found = await conn.execute(query.order_by(outbox.c.id.desc()).limit(limit))
    return [NoticeRow(**row) for row in found.mappings()]


async def read_deliveries(
    conn: Connection, notice_ids: list[int]
) -> Mapping[int, list[DeliveryRow]]:
    """What became of each of these notices, by its id, in order of the channels' names."""
    waits = deliveries.c.state == PENDING
    next_at = func.greatest(deliveries.c.retry_at, channels.c.rests_until)
    found = await conn.execute(
        select(
            deliveries.c.notice,
            deliveries.c.channel,
            deliveries.c.state,
            deliveries.c.attempts,
            case((waits, next_at), else_=None).label("next_at"),
            deliveries.c.sent_at,
            deliveries.c.error,
        )
        .join(channels, channels.c.name == deliveries.c.channel)
        .where(deliveries.c.notice.in_(notice_ids))
        .order_by(deliveries.c.channel)
    )
    by_notice: dict[int, list[DeliveryRow]] = {notice_id: [] for notice_id in notice_ids}
    for row in found.mappings():
        values = dict(row)
        by_notice[values.pop("notice")].append(DeliveryRow(**values))
    return by_notice


async def read_notice(conn: Connection, notice_id: int) -> NoticeRow | None:
    """One notice."""
    found = await conn.execute(_notices(None).where(outbox.c.id == notice_id))
    row = found.mappings().one_or_none()
    return None if row is None else NoticeRow(**row)


def _written(state: str) -> ColumnElement[str]:
    """A state of ours as part of the statement: a plan for any state knows no partial index."""
    return literal_column(f"'{state}'", String)


async def count_notices(conn: Connection) -> Mapping[str, Any]:
    """How many notices and deliveries wait or are dead, and for how long the oldest has waited.

    What quiet hours hold does not wait yet. In real seconds; 0 when nothing waits.
    """
    # Each state by itself: an index knows those of one, and none knows what is not sent.
    of = {
        state: await conn.scalar(
            select(func.count(deliveries.c.notice)).where(deliveries.c.state == _written(state))
        )
        for state in (PENDING, DEAD)
    }
    since = func.min(func.greatest(outbox.c.queued_at, outbox.c.retry_at))
    queued = select(func.count(), since).where(outbox.c.state == _written(PENDING))
    pending, queued_since = (await conn.execute(queued)).one()
    waiting = deliveries.join(outbox, outbox.c.id == deliveries.c.notice)
    waits_since = await conn.scalar(
        select(since).select_from(waiting).where(deliveries.c.state == _written(PENDING))
    )
    oldest = func.least(literal(queued_since, Instant), literal(waits_since, Instant))
    seconds = await conn.scalar(select(func.extract("epoch", func.now() - oldest)))
    return {
        "outbox_pending": pending,
        "deliveries_pending": of[PENDING],
        "deliveries_dead": of[DEAD],
        "oldest_notice_seconds": max(0.0, float(seconds or 0)),
    }


async def resend(conn: Connection, notice_id: int) -> int:
    """Dead deliveries of a notice start anew; returns how many there were. Sends nothing."""
    revived = await conn.execute(
        update(deliveries)
        .where(deliveries.c.notice == notice_id, deliveries.c.state == DEAD)
        .values(state=PENDING, attempts=0, retry_at=None, failing_since=None, error=None)
    )
    return revived.rowcount


def _notices(channel: str | None) -> Select[Any]:
    return select(
        outbox.c.id,
        outbox.c.at,
        outbox.c.to_role,
        outbox.c.kind,
        outbox.c.text,
        outbox.c.text_zh,
        outbox.c.order_id,
        orders.c.number.label("order_number"),
        _state(channel).label("state"),
        case((outbox.c.state == PENDING, outbox.c.retry_at), else_=None).label("held_until"),
    ).join(orders, orders.c.id == outbox.c.order_id, isouter=True)


def _state(channel: str | None) -> Any:
    """Dead before pending before sent: what needs somebody comes first."""
    waits = or_(outbox.c.state == PENDING, _has(channel, PENDING))
    return case((_has(channel, DEAD), DEAD), (waits, PENDING), else_=literal(SENT))


def _has(channel: str | None, state: str | None = None) -> Any:
    matches = [deliveries.c.notice == outbox.c.id]
    if channel is not None:
        matches.append(deliveries.c.channel == channel)
    if state is not None:
        matches.append(deliveries.c.state == state)
    return select(deliveries.c.notice).where(and_(*matches)).exists()
