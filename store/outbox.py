"""The outbox from the relay's side: which channel gets a notice, and what became of it there.

All instants here are real time. A channel's row is its lock: whoever takes it has it until
`rests_until`, so that relays side by side never send a notice twice, and a crash costs that wait.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.roles import Role
from store.engine import Connection, execute_each
from store.tables import channels, deliveries, orders, outbox

PENDING, SENT, DEAD = "pending", "sent", "dead"

Wanting = Callable[[Role, str], Iterable[tuple[str, timedelta | None]]]
"""The channels that want a kind of notice for a role, and how long each collects them."""


@dataclass(frozen=True)
class Notice:
    """A queued notice. `at` is the order's own time; `key` lets a receiver drop a repetition."""

    id: int
    key: str
    order_id: str | None
    order_number: str | None
    to_role: Role
    kind: str
    text: str
    text_zh: str
    at: datetime
    attempts: int


@dataclass(frozen=True)
class Claim:
    """What one relay may send on a channel now.

    `spare` is another waiting notice: when it goes through where the first one failed, the
    channel works. `failures` counts those of the channel in a row.
    """

    due: Sequence[Notice]
    spare: Notice | None
    failures: int


async def route(conn: Connection, limit: int, wanting: Wanting) -> int:
    """Hands the oldest queued notices to their channels; returns how many. Sends nothing."""
    found = await conn.execute(
        select(outbox.c.id, outbox.c.to_role, outbox.c.kind)
        .where(outbox.c.state == PENDING, _is_past(outbox.c.retry_at))
        .order_by(outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    notices = found.all()
    wanted = [
        (notice_id, name, collects)
        for notice_id, role, kind in notices
        for name, collects in wanting(Role(role), kind)
    ]
    # In the order of their names, or two relays would wait for each other.
    names = sorted({name for _, name, _ in wanted})
    await execute_each(
        conn, insert(channels).on_conflict_do_nothing(), [{"name": name} for name in names]
    )
    for collects in {collects for _, _, collects in wanted}:
        rows = [{"notice": n, "channel": c} for n, c, wait in wanted if wait == collects]
        retry_at = None if collects is None else func.now() + collects
        await execute_each(
            conn, insert(deliveries).values(retry_at=retry_at).on_conflict_do_nothing(), rows
        )
    await conn.execute(
        update(outbox).where(outbox.c.id.in_([row.id for row in notices])).values(state="routed")
    )
    return len(notices)


async def strays(conn: Connection, known: Collection[str]) -> list[str]:
    """Channels outside `known` for which notices wait."""
    waiting = select(deliveries.c.notice).where(_waits_for(channels.c.name)).exists()
    found = await conn.scalars(
        select(channels.c.name).where(channels.c.name.not_in(known), waiting)
    )
    return list(found)


async def claim(
    conn: Connection, channel: str, *, limit: int, lease: timedelta, collects: bool = False
) -> Claim | None:
    """Takes the channel and its oldest due notices; none while it rests or nothing is due.

    A channel that `collects` gives all that wait as soon as one of them is due. After failures it
    gives fewer and fewer, down to one with a spare: a single notice may be what is at fault.
    """
    due = and_(_waits_for(channel), _is_past(deliveries.c.retry_at))
    taken = await conn.execute(
        update(channels)
        .where(
            channels.c.name == channel,
            _is_past(channels.c.rests_until),
            select(deliveries.c.notice).where(due).exists(),
        )
        .values(rests_until=func.now() + lease)
        .returning(channels.c.failures)
    )
    failures = taken.scalar_one_or_none()
    if failures is None:
        return None
    if collects:
        due = and_(_waits_for(channel), or_(due, deliveries.c.attempts == 0))
    limit = max(1, limit >> failures)
    notices = await _read(conn, _notices().where(due).order_by(outbox.c.id).limit(limit))
    if limit > 1:
        return Claim(notices, None, failures)
    others = _notices().where(due, outbox.c.id.not_in([notice.id for notice in notices]))
    spare = await _read(conn, others.order_by(deliveries.c.attempts, outbox.c.id).limit(1))
    return Claim(notices, next(iter(spare), None), failures)


async def mark_sent(conn: Connection, channel: str, ids: Sequence[int]) -> None:
    """They have been sent: the channel works, and is free again."""
    await conn.execute(
        update(deliveries)
        .where(deliveries.c.channel == channel, deliveries.c.notice.in_(ids))
        .values(
            state=SENT,
            sent_at=func.now(),
            attempts=deliveries.c.attempts + 1,
            retry_at=None,
            failing_since=None,
            error=None,
        )
    )
    await conn.execute(
        update(channels).where(channels.c.name == channel).values(failures=0, rests_until=None)
    )


async def hurry(conn: Connection, channel: str, ids: Sequence[int]) -> None:
    """What did not fit into the message just sent goes with the next one."""
    await conn.execute(
        update(deliveries)
        .where(deliveries.c.channel == channel, deliveries.c.notice.in_(ids))
        .values(retry_at=None)
    )


async def put_back(
    conn: Connection,
    channel: str,
    notice_id: int,
    *,
    error: str,
    retry_in: timedelta,
    give_up_after: timedelta,
) -> bool:
    """One notice failed on a channel that works; returns whether it was given up."""
    state: str | None = await conn.scalar(
        update(deliveries)
        .where(_waits_for(channel), deliveries.c.notice == notice_id)
        .values(
            attempts=deliveries.c.attempts + 1,
            retry_at=func.now() + retry_in,
            **_failed(error, give_up_after),
        )
        .returning(deliveries.c.state)
    )
    return state == DEAD


async def let_rest(
    conn: Connection,
    channel: str,
    tried: Sequence[int],
    *,
    error: str,
    rest: timedelta,
    give_up_after: timedelta,
) -> int:
    """The channel itself failed: it is left alone, and all that waits for it counts as failing.

    Returns how many notices were given up: those that have been failing for `give_up_after`.
    """
    await conn.execute(
        update(channels)
        .where(channels.c.name == channel)
        .values(failures=channels.c.failures + 1, rests_until=func.now() + rest)
    )
    touched = or_(
        deliveries.c.notice.in_(tried),
        deliveries.c.failing_since.is_(None),
        deliveries.c.failing_since <= func.now() - give_up_after,
    )
    given_up = await conn.scalars(
        update(deliveries)
        .where(_waits_for(channel), touched)
        .values(
            attempts=deliveries.c.attempts + case((deliveries.c.notice.in_(tried), 1), else_=0),
            **_failed(error, give_up_after),
        )
        .returning(deliveries.c.state)
    )
    return sum(state == DEAD for state in given_up)


def _failed(error: str, give_up_after: timedelta) -> dict[str, Any]:
    too_long = deliveries.c.failing_since <= func.now() - give_up_after
    return {
        "failing_since": func.coalesce(deliveries.c.failing_since, func.now()),
        "error": error,
        "state": case((too_long, DEAD), else_=PENDING),
    }


def _notices() -> Select[Any]:
    return (
        select(
            outbox.c.id,
            outbox.c.key,
            outbox.c.order_id,
            orders.c.number.label("order_number"),
            outbox.c.to_role,
            outbox.c.kind,
            outbox.c.text,
            outbox.c.text_zh,
            outbox.c.at,
            deliveries.c.attempts,
        )
        .join(outbox, outbox.c.id == deliveries.c.notice)
        .join(orders, orders.c.id == outbox.c.order_id, isouter=True)
    )


async def _read(conn: Connection, query: Select[Any]) -> list[Notice]:
    found = (await conn.execute(query)).mappings()
    return [Notice(**{**row, "to_role": Role(row["to_role"])}) for row in found]


def _waits_for(channel: Any) -> ColumnElement[bool]:
    return and_(deliveries.c.channel == channel, deliveries.c.state == PENDING)


def _is_past(instant: Any) -> ColumnElement[bool]:
    return or_(instant.is_(None), instant <= func.now())
