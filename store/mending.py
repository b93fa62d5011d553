"""Brings the projection of an order back to what its workflow says. The caller holds its lock."""

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import delete, func, literal, text, update
from sqlalchemy.exc import DBAPIError

from domain.windows import DueWindow, Mark, WindowState
from store import goods, slots, stock
from store.engine import Connection, Engine, database_words
from store.orders import lock_order
from store.reading import database_is_away
from store.tables import effects, overdue_cases, tasks, timeline, window_ledger, windows
from store.tasks import NewTask, open_tasks
from store.windows import (
    Opening,
    change_window,
    record_mark,
    record_windows,
    settle_windows,
)

LOCK_PATIENCE_SECONDS = 5
LOCK_NOT_AVAILABLE = "55P03"


class Refused(Exception):  # noqa: N818  a fact
    """The database does not let it be mended; the message says why, without any row's content."""


@asynccontextmanager
async def mending(engine: Engine, order_id: str, key: str) -> AsyncIterator[Connection]:
    """One transaction under the order's lock. Raises Refused when it cannot be had or committed."""
    try:
        async with engine.begin() as conn:
            await conn.execute(text(f"SET LOCAL lock_timeout = '{LOCK_PATIENCE_SECONDS}s'"))
            await lock_order(conn, order_id, key)
            yield conn
    except DBAPIError as error:
        if database_is_away(error):
            raise
        if getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise Refused("something else keeps the order locked; ask again later") from error
        raise Refused(database_words(error) or "the database refuses it") from error


async def reopen_order(conn: Connection, order_id: str) -> None:
    """Forgets that the order was closed, so that its workflow can close it once more."""
    ended = f"{order_id}/end"
    await conn.execute(delete(effects).where(effects.c.key == ended))
    key = f"{ended}/closed"
    await conn.execute(
        update(timeline)
        .where(timeline.c.key == key)
        .values(key=func.concat(key, "/", timeline.c.id))
    )


async def withdraw_tasks(conn: Connection, ids: Collection[str], at: datetime) -> None:
    """Takes back open tasks that nobody asks for any more."""
    await conn.execute(
        update(tasks)
        .where(tasks.c.id.in_(ids), tasks.c.state == "open")
        .values(state="withdrawn", closed_at=at)
    )


async def open_again(conn: Connection, order_id: str, wanted: Iterable[NewTask]) -> None:
    """Opens tasks that are asked for: those that were closed again, and those that are gone."""
    for task in wanted:
        done = await conn.execute(
            update(tasks)
            .where(tasks.c.id == task.id)
            .values(
                state="open",
                outcome=None,
                note=None,
                data=None,
                decided_by=None,
                closed_at=None,
                due_at=task.due_at,
            )
        )
        if not done.rowcount:
            await open_tasks(conn, order_id, [task])


async def move_task(conn: Connection, task_id: str, due_at: datetime | None) -> None:
    """A task is due at another instant."""
    await conn.execute(update(tasks).where(tasks.c.id == task_id).values(due_at=due_at))


async def bring_window(
    conn: Connection, order_id: str, window: DueWindow, explanation: str, at: datetime
) -> None:
    """Has the window run as it is given, whether it was stopped, is gone, or stands elsewhere."""
    await conn.execute(
        update(windows)
        .where(windows.c.key == window.key, windows.c.stopped_at.is_not(None))
        .values(state=WindowState.OPEN.value, stopped_at=None)
    )
    # When it is stopped once more, its ledger says so once more.
    stopped = f"{window.key}/stopped"
    await conn.execute(
        update(window_ledger)
        .where(window_ledger.c.key == stopped)
        .values(key=func.concat(literal(stopped), "/", window_ledger.c.id))
    )
    if not await change_window(conn, window, explanation):
        await record_windows(conn, order_id, [Opening(window, explanation)], at)
        await change_window(conn, window, explanation)


async def stop_windows(conn: Connection, keys: Collection[str], at: datetime) -> None:
    """Stops windows that their workflow no longer watches."""
    await settle_windows(conn, keys, at, given_up=True)


async def add_marks(
    conn: Connection, window: str, fallen: Iterable[tuple[str, datetime]], now: datetime
) -> None:
    """Writes down marks that have fallen; a breach shows."""
    for name, at in fallen:
        await record_mark(conn, window, name, at, now)


async def show_breach(conn: Connection, window: str, fired: Collection[str]) -> None:
    """A window that runs again and was breached before is breached still."""
    if Mark.BREACH in fired:
        await conn.execute(
            update(windows).where(windows.c.key == window).values(state=WindowState.BREACHED.value)
        )


async def give_back(conn: Connection, order_id: str) -> None:
    """Frees the stock, the slots and the release note of an order that is over."""
    await stock.release(conn, order_id)
    await slots.release(conn, order_id)
    await goods.void_release(conn, order_id)


async def close_case_of_gone(conn: Connection, case_id: str, at: datetime) -> None:
    """Closes a case that nobody works on: its tasks and windows end with it."""
    await conn.execute(
        update(overdue_cases)
        .where(overdue_cases.c.id == case_id, overdue_cases.c.state == "open")
        .values(state="closed", closed_at=at)
    )
    await withdraw_tasks_of(conn, case_id, at)


async def withdraw_tasks_of(conn: Connection, workflow_id: str, at: datetime) -> None:
    """Takes back the open tasks of a workflow that is no more."""
    await conn.execute(
        update(tasks)
        .where(tasks.c.workflow_id == workflow_id, tasks.c.state == "open")
        .values(state="withdrawn", closed_at=at)
    )
