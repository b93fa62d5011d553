"""Production slots: a line makes one order at a time; an exclusion constraint has the last word."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import Range

from store.engine import Connection, execute_each
from store.tables import lines, products, slots


@dataclass(frozen=True)
class Slot:
    """A line's time for one order; from `starts_at` up to, not including, `ends_at`."""

    line: str
    minutes: Decimal
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class LineRow:
    """A production line and its shifts, each a pair such as `["08:30", "12:00"]`."""

    code: str
    name: str
    shifts: Sequence[Sequence[str]]


async def load_minutes(conn: Connection, quantities: Mapping[str, int]) -> dict[str, Decimal]:
    """Working minutes that so many of each product ask of each line, in order of code."""
    found = await conn.execute(
        select(products.c.code, products.c.line, products.c.minutes_per_unit).where(
            products.c.code.in_(quantities)
        )
    )
    minutes: dict[str, Decimal] = {}
    for row in found:
        asked = quantities[row.code] * row.minutes_per_unit
        minutes[row.line] = minutes.get(row.line, Decimal(0)) + asked
    return dict(sorted(minutes.items()))


async def lock_lines(conn: Connection, codes: Iterable[str]) -> list[LineRow]:
    """The lines in order of code; nobody else books on them until the transaction ends."""
    found = await conn.execute(
        select(lines.c.code, lines.c.name, lines.c.shifts)
        .where(lines.c.code.in_(list(codes)))
        .order_by(lines.c.code)
        .with_for_update()
    )
    return [LineRow(row.code, row.name, row.shifts) for row in found]


async def taken(conn: Connection, line: str, since: datetime) -> list[tuple[datetime, datetime]]:
    """What is booked on the line after `since`, earliest first."""
    begin, end = func.lower(slots.c.during), func.upper(slots.c.during)
    # The end of an empty range is NULL, so slots that were never worked fall out by themselves.
    found = await conn.execute(
        select(begin, end)
        .where(slots.c.line == line, slots.c.state != "released", end > since)
        .order_by(begin)
    )
    return [(row[0], row[1]) for row in found]


async def shifts_of(conn: Connection, codes: Iterable[str]) -> dict[str, Sequence[Sequence[str]]]:
    """The shifts of lines, by code. Locks nothing."""
    found = await conn.execute(
        select(lines.c.code, lines.c.shifts).where(lines.c.code.in_(list(codes)))
    )
    return {row.code: row.shifts for row in found}


async def taken_by_others(
    conn: Connection, codes: Iterable[str], order_id: str, since: datetime
) -> dict[str, list[tuple[datetime, datetime]]]:
    """What other orders have booked on each line after `since`, earliest first. Locks nothing."""
    begin, end = func.lower(slots.c.during), func.upper(slots.c.during)
    found = await conn.execute(
        select(slots.c.line, begin, end)
        .where(
            slots.c.line.in_(list(codes)),
            slots.c.order_id != order_id,
            slots.c.state != "released",
            end > since,
        )
        .order_by(begin)
    )
    booked: dict[str, list[tuple[datetime, datetime]]] = {}
    for line, begins, ends in found:
        booked.setdefault(line, []).append((begins, ends))
    return booked


async def book(conn: Connection, order_id: str, step_key: str, booked: Iterable[Slot]) -> None:
    """Books the slots. An overlap raises IntegrityError, whatever the caller has computed."""
    rows = [
        {
            "step_key": step_key,
            "line": slot.line,
            "order_id": order_id,
            "during": Range(slot.starts_at, slot.ends_at),
            "minutes": slot.minutes,
        }
        for slot in booked
    ]
    await execute_each(conn, insert(slots), rows)


async def release(conn: Connection, order_id: str, step_keys: Iterable[str] | None = None) -> int:
    """Gives back what is booked, all of it or what these visits took; returns how many slots."""
    of_order: list[Any] = [slots.c.order_id == order_id, slots.c.state == "held"]
    if step_keys is not None:
        of_order.append(slots.c.step_key.in_(list(step_keys)))
    done = await conn.execute(update(slots).where(*of_order).values(state="released"))
    return done.rowcount


async def finish(conn: Connection, order_id: str, now: datetime) -> None:
    """The goods are made: what lies after `now` is free again.

    A slot that had not begun becomes empty: the line has given it no time, and an empty range
    overlaps nothing.
    """
    begin, end = func.lower(slots.c.during), func.upper(slots.c.during)
    worked = func.tstzrange(begin, func.greatest(begin, func.least(end, now)))
    await conn.execute(
        update(slots)
        .where(slots.c.order_id == order_id, slots.c.state == "held")
        .values(state="done", during=worked)
    )


async def was_booked(conn: Connection, order_id: str) -> bool:
    """Whether a line was ever booked for the order, even if it is free again."""
    found = await conn.scalar(select(slots.c.line).where(slots.c.order_id == order_id).limit(1))
    return found is not None


async def holds_slots(conn: Connection, order_id: str) -> bool:
    """Whether a line is still booked for the order."""
    found = await conn.scalar(
        select(slots.c.line).where(slots.c.order_id == order_id, slots.c.state == "held").limit(1)
    )
    return found is not None
