"""What operations read of all open orders at once: where they stand, and what nobody acts on."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, true

from domain.base import Record
from domain.follow_ups import PREFIX
from domain.windows import Mark
from store.engine import Connection
from store.follow_up_tables import follow_ups
from store.outbox import DEAD, PENDING
from store.tables import (
    api_keys,
    changes,
    deliveries,
    marks,
    orders,
    outbox,
    overdue_cases,
    profile_versions,
    tasks,
    windows,
)
from store.webhook_tables import webhook_deliveries, webhook_endpoints

FOLDED = "windows_many"
"""The kind of a notice that stands for several marks."""


class StandingRow(Record):
    """Where an order stands by its record. No personal data."""

    id: str
    number: str | None
    customer: str
    profile: str
    profile_digest: str
    state: str
    reason: str | None
    stage: str | None
    step: str | None
    step_since: datetime | None
    waiting_role: str | None
    blocked: str | None = None
    due_at: datetime | None
    promised_at: datetime
    slack: str
    level: int | None
    held_at: datetime | None
    held_because: str | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.state == "open"


class OpenCaseRow(Record):
    """An overdue case that is open; `has_record` is False when only its breach is there."""

    id: str
    order_id: str
    window: str
    opened_at: datetime
    has_record: bool = True


class FollowUpStanding(Record):
    """A follow-up that is not closed; `has_begun` once its workflow has written it down."""

    id: str
    order_id: str
    kind: str
    requested_at: datetime
    has_begun: bool


class UnheldTask(Record):
    """An open task whose role no key holds."""

    task: str
    order_id: str
    workflow_id: str
    role: str
    opened_at: datetime


class UntoldBreach(Record):
    """A missed window: without a mark, or with a mark of which nobody was told."""

    window: str
    order_id: str
    workflow_id: str
    rule: str
    role: str
    due_at: datetime
    marked: bool
    profile_digest: str


class StandingNotices(Record):
    """Notices of an order that are dead or wait on a channel; no channel while none has them."""

    order_id: str
    channel: str | None
    notices: int
    since: datetime
    error: str | None = None


class ProfileFacts(Record):
    """Of a pinned profile: the stage of each step, and whether anybody is told of a breach.

    `holds_receipt` are the follow-ups without whose end nothing is taken as received by itself.
    """

    stages: dict[str, str]
    tells_breaches: bool
    holds_receipt: frozenset[str] = frozenset()


Orders = Sequence[str] | None
"""Ids of the orders concerned; none for all that are open."""


async def standing_orders(conn: Connection, wanted: Orders) -> list[StandingRow]:
    """All open orders, or the named ones whatever their state."""
    columns = [orders.c[name] for name in StandingRow.model_fields]
    concerned = orders.c.state == "open" if wanted is None else orders.c.id.in_(wanted)
    query = select(*columns).where(concerned).order_by(orders.c.created_at, orders.c.id)
    return [StandingRow(**row) for row in (await conn.execute(query)).mappings()]


async def open_cases(conn: Connection, wanted: Orders) -> list[OpenCaseRow]:
    """Overdue cases that are open, also of closed orders."""
    columns = overdue_cases.c
    query = select(columns.id, columns.order_id, columns.window, columns.opened_at).where(
        columns.state == "open", _of(columns.order_id, wanted)
    )
    return [OpenCaseRow(**row) for row in (await conn.execute(query)).mappings()]


async def open_follow_ups(conn: Connection, wanted: Orders) -> list[FollowUpStanding]:
    """Follow-ups that are wanted or open, also of closed orders."""
    columns = follow_ups.c
    query = select(
        *(columns[name] for name in ("id", "order_id", "kind", "requested_at")),
        (columns.state == "open").label("has_begun"),
    ).where(columns.state != "closed", _of(columns.order_id, wanted))
    return [FollowUpStanding(**row) for row in (await conn.execute(query)).mappings()]


async def breaches_without_case(conn: Connection, wanted: Orders) -> list[OpenCaseRow]:
    """Missed windows of open orders and of running follow-ups without a case; `id` is empty."""
    opened = select(overdue_cases.c.id).where(overdue_cases.c.window == marks.c.window)
    query = (
        select(marks.c.window, windows.c.order_id, marks.c.recorded_at)
        .join(windows, windows.c.key == marks.c.window)
        .join(orders, orders.c.id == windows.c.order_id)
        .where(
            marks.c.mark == Mark.BREACH.value,
            or_(and_(orders.c.state == "open", _of_its_order()), _of_running_follow_up()),
            _of(windows.c.order_id, wanted),
            ~opened.exists(),
        )
    )
    return [
        OpenCaseRow(id="", order_id=order, window=window, opened_at=at, has_record=False)
        for window, order, at in await conn.execute(query)
    ]


async def unheld_tasks(conn: Connection, wanted: Orders) -> list[UnheldTask]:
    """Open tasks whose role no key holds that opens. An order on hold waits for nobody."""
    held = select(func.unnest(api_keys.c.roles)).where(api_keys.c.revoked_at.is_(None))
    columns = tasks.c
    query = (
        select(
            columns.id.label("task"),
            columns.order_id,
            columns.workflow_id,
            columns.role,
            columns.opened_at,
        )
        .join(orders, orders.c.id == columns.order_id)
        .where(
            columns.state == "open",
            columns.role.not_in(held),
            orders.c.held_at.is_(None),
            _of(columns.order_id, wanted),
        )
    )
    return [UnheldTask(**row) for row in (await conn.execute(query)).mappings()]


async def untold_breaches(conn: Connection, wanted: Orders, grace: timedelta) -> list[UntoldBreach]:
    """Windows past their due instant that have no breach mark, and marks without a notice."""
    mark = and_(marks.c.window == windows.c.key, marks.c.mark == Mark.BREACH.value)
    runs = and_(windows.c.stopped_at.is_(None), windows.c.paused_at.is_(None))
    overslept = and_(runs, marks.c.window.is_(None), windows.c.due_at + grace < func.now())
    silent = and_(
        marks.c.window.is_not(None),
        or_(windows.c.stopped_at.is_(None), orders.c.state == "open"),
        ~_told().exists(),
    )
    of_order = literal("order-") + windows.c.order_id
    query = (
        select(
            windows.c.key.label("window"),
            windows.c.order_id,
            case((_of_its_order(), of_order), else_=_case_of_window()).label("workflow_id"),
            windows.c.rule,
            windows.c.role,
            windows.c.due_at,
            marks.c.window.is_not(None).label("marked"),
            orders.c.profile_digest,
        )
        .join(orders, orders.c.id == windows.c.order_id)
        .outerjoin(marks, mark)
        .where(or_(overslept, silent), _of(windows.c.order_id, wanted))
    )
    return [UntoldBreach(**row) for row in (await conn.execute(query)).mappings()]


async def dead_notices(conn: Connection, wanted: Orders) -> list[StandingNotices]:
    """Notices that no channel takes any more, by order and channel."""
    query = (
        _notices(deliveries.c.channel, func.max(deliveries.c.error))
        .join(deliveries, deliveries.c.notice == outbox.c.id)
        .where(deliveries.c.state == DEAD, _of(outbox.c.order_id, wanted))
        .group_by(outbox.c.order_id, deliveries.c.channel)
    )
    return await _standing(conn, query)


async def waiting_notices(
    conn: Connection, wanted: Orders, patience: timedelta
) -> list[StandingNotices]:
    """Notices that wait longer than they should: nobody has routed them, or a channel fails."""
    since = func.greatest(outbox.c.queued_at, outbox.c.retry_at)
    unrouted = (
        _notices(literal(None), literal(None))
        .where(
            outbox.c.state == PENDING,
            since + patience < func.now(),
            _of(outbox.c.order_id, wanted),
        )
        .group_by(outbox.c.order_id)
    )
    unsent = (
        _notices(deliveries.c.channel, func.max(deliveries.c.error))
        .join(deliveries, deliveries.c.notice == outbox.c.id)
        .where(
            deliveries.c.state == PENDING,
            func.greatest(outbox.c.queued_at, deliveries.c.retry_at) + patience < func.now(),
            _of(outbox.c.order_id, wanted),
        )
        .group_by(outbox.c.order_id, deliveries.c.channel)
    )
    return [*await _standing(conn, unrouted), *await _standing(conn, unsent)]


async def unheard_endpoints(conn: Connection) -> tuple[int, int]:
    """How many endpoints of customers are disabled, and how many deliveries are dead."""
    off = select(func.count()).where(webhook_endpoints.c.state == "disabled").scalar_subquery()
    lost = select(func.count()).where(webhook_deliveries.c.state == "dead").scalar_subquery()
    found = (await conn.execute(select(off, lost))).one()
    return found[0], found[1]


async def profile_facts(conn: Connection, digests: Sequence[str]) -> dict[str, ProfileFacts]:
    """What has to be known of these pinned profiles."""
    columns = profile_versions.c
    query = select(columns.digest, columns.body).where(columns.digest.in_(set(digests)))
    return {digest: _facts(body) for digest, body in await conn.execute(query)}


def _facts(body: dict[str, Any]) -> ProfileFacts:
    ladder = body.get("ladder", ())
    return ProfileFacts(
        stages={step["id"]: step["stage"] for step in body["steps"]},
        tells_breaches=any(r["mark"] == Mark.BREACH.value and r["tell"] for r in ladder),
        holds_receipt=frozenset(
            one["id"] for one in body.get("follow_ups", ()) if one.get("blocks_receipt")
        ),
    )


def _of(column: Any, wanted: Orders) -> ColumnElement[bool]:
    return true() if wanted is None else column.in_(wanted)


def _of_its_order() -> ColumnElement[bool]:
    # The order's own keys begin with its id, those of its cases and follow-ups do not.
    return windows.c.key.startswith(windows.c.order_id + "/")


def _of_running_follow_up() -> ColumnElement[bool]:
    return windows.c.key.startswith(PREFIX) & windows.c.stopped_at.is_(None)


def _case_of_window() -> Any:
    return func.split_part(windows.c.key, "/", 1)


def _told() -> Select[Any]:
    """Notices of a window's breach: its own, or one that stands for several at that moment."""
    prefix = windows.c.key + "/" + Mark.BREACH.value + "/"
    own = outbox.c.key.startswith(prefix)
    folded = and_(outbox.c.kind == FOLDED, outbox.c.at == marks.c.recorded_at)
    return (
        select(outbox.c.id)
        .where(outbox.c.order_id == windows.c.order_id, or_(own, folded))
        .correlate(windows, marks)
    )


def _notices(channel: Any, error: Any) -> Select[Any]:
    return select(
        outbox.c.order_id,
        channel.label("channel"),
        func.count().label("notices"),
        func.min(outbox.c.queued_at).label("since"),
        error.label("error"),
    ).where(outbox.c.order_id.is_not(None))


async def _standing(conn: Connection, query: Select[Any]) -> list[StandingNotices]:
    return [StandingNotices(**row) for row in (await conn.execute(query)).mappings()]


class StandingWish(Record):
    """A change, a cancellation or a receipt, without what it says; `fields` are what it touches."""

    id: str
    kind: str
    fields: tuple[str, ...]
    state: str
    requested_at: datetime
    settled_at: datetime | None


async def wishes_of(conn: Connection, order_id: str) -> list[StandingWish]:
    """What customers have wished of an order, as it came."""
    columns = changes.c
    query = (
        select(
            columns.id,
            columns.kind,
            columns.patch,
            columns.state,
            columns.requested_at,
            columns.settled_at,
        )
        .where(columns.order_id == order_id)
        .order_by(columns.requested_at, columns.id)
    )
    rows = (await conn.execute(query)).mappings()
    return [
        StandingWish(
            **{name: value for name, value in row.items() if name != "patch"},
            fields=tuple(sorted(row["patch"])),
        )
        for row in rows
    ]
