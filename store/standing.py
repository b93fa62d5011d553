"""How an order stands, for those who repair it: its state and the clocks that run."""

from datetime import datetime

from sqlalchemy import select

from domain.base import Record
from domain.errors import UnknownThing
from domain.orders import OrderState
from store.engine import Connection
from store.tables import orders, windows


class Clock(Record):
    """A window that runs, and when it is due."""

    key: str
    rule: str
    due_at: datetime
    paused: bool


class Standing(Record):
    """An order's record as the database has it."""

    state: OrderState
    step: str | None
    clocks: tuple[Clock, ...]


async def standing_of(conn: Connection, order_id: str) -> Standing:
    """How an order stands. Raises UnknownThing."""
    query = select(orders.c.state, orders.c.step).where(orders.c.id == order_id)
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        raise UnknownThing("order", order_id)
    found = await conn.execute(
        select(windows.c.key, windows.c.rule, windows.c.due_at, windows.c.paused_at)
        .where(
            windows.c.order_id == order_id,
            windows.c.stopped_at.is_(None),
            windows.c.key.startswith(f"{order_id}/"),
        )
        .order_by(windows.c.due_at, windows.c.key)
    )
    return Standing(
        state=OrderState(row.state),
        step=row.step,
        clocks=tuple(
            Clock(key=w.key, rule=w.rule, due_at=w.due_at, paused=w.paused_at is not None)
            for w in found
        ),
    )
