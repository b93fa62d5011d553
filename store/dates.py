"""The dates of an order on which windows hang: planned, promised to us, agreed."""

from datetime import date, datetime

from sqlalchemy import func, select

from store.engine import Connection
from store.tables import slots, tasks, timeline


async def planned(conn: Connection, order_id: str) -> tuple[datetime, datetime] | None:
    """From when to when the order is planned on its lines."""
    begin, end = func.lower(slots.c.during), func.upper(slots.c.during)
    found = await conn.execute(
        select(func.min(begin), func.max(end)).where(
            slots.c.order_id == order_id, slots.c.state != "released"
        )
    )
    first, last = found.one()
    return None if first is None or last is None else (first, last)


async def answered_date(conn: Connection, order_id: str, name: str) -> date | datetime | None:
    """The date or instant that the last answer gave under `name`; none when it is neither."""
    text: str | None = await conn.scalar(
        select(tasks.c.data[name].as_string())
        .where(tasks.c.order_id == order_id, tasks.c.data.has_key(name))
        .order_by(tasks.c.closed_at.desc())
        .limit(1)
    )
    if text is None:
        return None
    try:
        found = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if isinstance(found, datetime) and found.tzinfo is None else found


async def left_at(conn: Connection, order_id: str, step: str) -> datetime | None:
    """When the order last left a step."""
    found: datetime | None = await conn.scalar(
        select(func.max(timeline.c.at)).where(
            timeline.c.order_id == order_id, timeline.c.step == step, timeline.c.kind == "step_done"
        )
    )
    return found
