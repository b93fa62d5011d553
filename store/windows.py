"""Windows and their marks: when something was due, and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from fractions import Fraction
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Insert,
    String,
    Text,
    any_,
    bindparam,
    case,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from domain.errors import UnknownThing
from domain.roles import Role
from domain.windows import DueWindow, LedgerKind, Mark, Slack, WindowState
from store.engine import Connection, execute_each
from store.tables import Instant, marks, window_ledger, windows


@dataclass(frozen=True)
class Opening:
    """A window that opens, and why it does not begin at the moment in which it is written down."""

    window: DueWindow
    explanation: str
    reason: str | None = None


@dataclass(frozen=True)
class LedgerLine:
    """Something that happened to a window; `used` in the unit of its clock."""

    key: str
    window: str
    at: datetime
    kind: LedgerKind
    reason: str | None
    by: str | None
    due_before: datetime
    due_after: datetime
    used: Fraction | None
    calendar: str


@dataclass(frozen=True)
class WindowRow:
    """What a notice says of a window."""

    rule: str
    step: str
    role: Role
    due_at: datetime


# A window and the first line of its ledger, in one statement; built once, because putting a
# statement together costs more than running it.
_OPENED = (
    insert(windows)
    .values(
        {
            name: bindparam(name, type_=windows.c[name].type)
            for name in (
                "key",
                "order_id",
                "rule",
                "step",
                "role",
                "limit",
                "calendar",
                "provisional",
                "started_at",
                "due_at",
                "explanation",
                "body",
            )
        }
    )
    .returning(windows.c.key, windows.c.order_id, windows.c.due_at, windows.c.calendar)
    .cte("opened")
)
_RECORD = insert(window_ledger).from_select(
    ["key", "window", "order_id", "at", "kind", "reason", "due_after", "calendar"],
    select(
        _OPENED.c.key + "/opened",
        _OPENED.c.key,
        _OPENED.c.order_id,
        bindparam("at", type_=Instant),
        literal(LedgerKind.OPENED.value),
        bindparam("reason", type_=Text),
        _OPENED.c.due_at,
        _OPENED.c.calendar,
    ),
)


async def record_windows(
    conn: Connection, order_id: str, opened: Iterable[Opening], at: datetime
) -> None:
    """Writes down opened windows, each with its explanation; their marks follow when they fall."""
    rows = [
        {**_columns(item.window, item.explanation), "order_id": order_id}
        | {"started_at": item.window.started_at, "at": at, "reason": item.reason}
        for item in opened
    ]
    await execute_each(conn, _RECORD, rows)


def _columns(window: DueWindow, explanation: str) -> dict[str, Any]:
    return {
        "key": window.key,
        "rule": window.rule,
        "step": window.step,
        "role": window.role.value,
        "limit": str(window.limit),
        "calendar": window.calendar,
        "provisional": window.provisional,
        "due_at": window.due_at,
        "explanation": explanation,
        "body": window.model_dump(mode="json"),
    }


async def change_window(conn: Connection, window: DueWindow, explanation: str) -> bool:
    """Brings a running window to where it stands now; False when it has been stopped meanwhile."""
    values = _columns(window, explanation)
    done = await conn.execute(
        update(windows)
        .where(windows.c.key == values.pop("key"), windows.c.stopped_at.is_(None))
        .values(
            **values,
            paused_at=window.paused_at,
            paused_for=[reason.value for reason in window.paused_for],
        )
    )
    return done.rowcount == 1


async def is_in_ledger(conn: Connection, key: str) -> bool:
    """Whether the ledger has a line with this key."""
    found = await conn.scalar(select(window_ledger.c.id).where(window_ledger.c.key == key))
    return found is not None


async def last_standing(conn: Connection, key: str) -> DueWindow | None:
    """A window as it stands, or stood when it was stopped."""
    body = await conn.scalar(select(windows.c.body).where(windows.c.key == key))
    return None if body is None else DueWindow.model_validate(body)


async def add_to_ledger(conn: Connection, order_id: str, lines: Iterable[LedgerLine]) -> None:
    """Writes lines of windows' ledgers; the same key writes its line once."""
    rows = [
        {**line.__dict__, "order_id": order_id, "kind": line.kind.value}
        | {"used": None if line.used is None else str(line.used)}
        for line in lines
    ]
    await execute_each(conn, insert(window_ledger).on_conflict_do_nothing(), rows)


def _stop(which: ColumnElement[bool], verdict: WindowState = WindowState.KEPT) -> Insert:
    """Stops windows and says so in their ledgers."""
    # The breach may be recorded a moment later; being late is decided by the instants. What is
    # paused has stopped before.
    at = bindparam("at", type_=Instant)
    run_until = func.coalesce(windows.c.paused_at, at)
    late = (windows.c.state == WindowState.BREACHED.value) | (windows.c.due_at < run_until)
    state = case((late, WindowState.BREACHED.value), else_=verdict.value)
    stopped = (
        update(windows)
        .where(which, windows.c.stopped_at.is_(None))
        .values(state=state, stopped_at=at)
        .returning(
            windows.c.key,
            windows.c.order_id,
            windows.c.state,
            windows.c.due_at,
            windows.c.calendar,
        )
        .cte("stopped")
    )
    return insert(window_ledger).from_select(
        ["key", "window", "order_id", "at", "kind", "reason", "due_before", "calendar"],
        select(
            stopped.c.key + "/stopped",
            stopped.c.key,
            stopped.c.order_id,
            at,
            literal(LedgerKind.STOPPED.value),
            stopped.c.state,
            stopped.c.due_at,
            stopped.c.calendar,
        ),
    )


_BY_KEY = windows.c.key == any_(bindparam("keys", type_=ARRAY(String)))
_SETTLE, _GIVE_UP = _stop(_BY_KEY), _stop(_BY_KEY, WindowState.STOPPED)


async def settle_windows(
    conn: Connection, keys: Iterable[str], at: datetime, *, given_up: bool = False
) -> None:
    """The steps were left at `at`: each window was kept, or it was not. Does nothing twice.

    A window that is `given_up` was not kept either, unless it had been missed already.
    """
    await conn.execute(_GIVE_UP if given_up else _SETTLE, {"keys": list(keys), "at": at})


async def settle_all(conn: Connection, order_id: str, at: datetime, *, given_up: bool) -> None:
    """Stops every running window of an order; those of its cases and follow-ups run on.

    `given_up` windows were neither kept nor missed: the order was refused or cancelled.
    """
    verdict = WindowState.STOPPED if given_up else WindowState.KEPT
    await conn.execute(_stop(_own(order_id), verdict), {"at": at})


def _own(order_id: str) -> ColumnElement[bool]:
    # The order's own keys begin with its id, those of its cases and follow-ups do not.
    return (windows.c.order_id == order_id) & windows.c.key.startswith(f"{order_id}/")


async def find_window(conn: Connection, key: str) -> WindowRow:
    """The window. Raises UnknownThing."""
    found = await conn.execute(
        select(windows.c.rule, windows.c.step, windows.c.role, windows.c.due_at).where(
            windows.c.key == key
        )
    )
    row = found.one_or_none()
    if row is None:
        raise UnknownThing("window", key)
    return WindowRow(row.rule, row.step, Role(row.role), row.due_at)


class Marked(Enum):
    """What became of a mark: it is new, was written down before, or never fell."""

    NEW = "new"
    BEFORE = "before"
    NEVER_FELL = "never fell"


_FELL = select(
    bindparam("key", type_=String),
    bindparam("name", type_=String),
    bindparam("due_at", type_=Instant),
    bindparam("now", type_=Instant),
).where(
    ~exists().where(
        windows.c.key == bindparam("key", type_=String),
        windows.c.stopped_at < bindparam("due_at", type_=Instant),
    )
)
_MARK = (
    insert(marks)
    .from_select(["window", "mark", "due_at", "recorded_at"], _FELL)
    .on_conflict_do_nothing()
)


async def record_mark(
    conn: Connection, key: str, name: str, due_at: datetime, now: datetime
) -> Marked:
    """Writes down that a mark has fallen, once; none falls after its window was stopped.

    An order that was reset watches windows again that were stopped long ago.
    """
    done = await conn.execute(_MARK, {"key": key, "name": name, "due_at": due_at, "now": now})
    if done.rowcount == 0:
        there = await conn.scalar(
            select(marks.c.mark).where(marks.c.window == key, marks.c.mark == name)
        )
        return Marked.NEVER_FELL if there is None else Marked.BEFORE
    if name == Mark.BREACH:
        await conn.execute(
            update(windows).where(windows.c.key == key).values(state=WindowState.BREACHED.value)
        )
    return Marked.NEW


async def standing(conn: Connection, order_id: str) -> tuple[Slack, int | None]:
    """How the order stands now: the worst of its running windows, and the highest rung."""
    found = await conn.scalars(
        select(func.distinct(marks.c.mark))
        .join(windows, windows.c.key == marks.c.window)
        .where(_own(order_id), windows.c.stopped_at.is_(None))
    )
    level = max((Mark.named(name).level for name in found), default=Mark.REMINDER.level)
    if level == Mark.REMINDER.level:
        return Slack.ON_TIME, None
    return (Slack.WARNED if level == Mark.WARNING.level else Slack.BREACHED), level
