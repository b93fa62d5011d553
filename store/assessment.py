"""What happened in a period: the facts that an assessment is computed from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    ScalarSelect,
    String,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)

from domain.assessment import (
    Facts,
    InspectionFact,
    OrderFact,
    SanctionFact,
    ShipmentFact,
    WindowFact,
)
from domain.follow_ups import PREFIX
from domain.orders import OrderState
from domain.roles import Role
from domain.stages import Stage
from domain.windows import DueWindow, LedgerKind, Mark, WindowState
from store.calendars import read_calendars
from store.engine import Connection
from store.tables import (
    inspections,
    marks,
    orders,
    overdue_cases,
    performance_ledger,
    profile_versions,
    shipments,
    tasks,
    window_ledger,
    windows,
)

CASE_PREFIX = "case-"
"""Keys of the windows of overdue cases begin with it; those of an order begin with its id."""

CASE_STAGE = Stage.ASSESSMENT
"""Overdue cases belong to no step of a profile: they are the beginning of the assessment."""

PROMISED = "promised"


@dataclass(frozen=True)
class _Profile:
    """What a report needs of a pinned profile: the stage of each step, and that of each window of a
    follow-up.
    """

    title: tuple[str, str]
    stages: Mapping[str, Stage]
    following: Mapping[str, Stage]


async def read_facts(conn: Connection, from_at: datetime, until: datetime) -> Facts:
    """What was decided, finished, shipped, inspected and charged from `from_at` to `until`."""
    found = (await conn.execute(_windows(from_at, until))).all()
    charged = (await conn.execute(_sanctions(from_at, until))).all()
    profiles = await _profiles(conn, {row.profile_digest for row in (*found, *charged)})
    decided = [_window_fact(row, profiles) for row in found]
    return Facts(
        windows=decided,
        orders=await _orders(conn, from_at, until),
        shipments=await _shipments(conn, from_at, until),
        inspections=await _inspections(conn, from_at, until),
        sanctions=[_sanction_fact(row, profiles) for row in charged],
        calendars=await read_calendars(conn, {fact.calendar for fact in decided if fact.calendar}),
        titles={row.profile: profiles[row.profile_digest].title for row in (*found, *charged)},
    )


def _windows(from_at: datetime, until: datetime) -> Any:
    """Windows that were decided in the period, and those that stood overdue in it."""
    columns = windows.c
    # A window that is over and not recorded yet is missed all the same: the workers may be down.
    over = and_(
        columns.state == WindowState.OPEN.value,
        columns.stopped_at.is_(None),
        columns.paused_at.is_(None),
        columns.due_at < until,
    )
    breached = or_(columns.state == WindowState.BREACHED.value, over)
    stopped_in = and_(columns.stopped_at >= from_at, columns.stopped_at < until)
    touches = or_(
        and_(~breached, stopped_in),
        and_(
            breached,
            or_(columns.due_at < until, columns.stopped_at < until),
            or_(columns.stopped_at.is_(None), columns.stopped_at >= from_at),
        ),
    )
    return (
        select(
            columns.key,
            columns.rule,
            columns.step,
            columns.role,
            case((breached, WindowState.BREACHED.value), else_=columns.state).label("state"),
            columns.started_at,
            columns.due_at,
            columns.stopped_at,
            columns.body,
            orders.c.profile,
            orders.c.profile_digest,
            overdue_cases.c.cause,
            _person().label("person"),
            exists()
            .where(marks.c.window == columns.key, marks.c.mark == Mark.WARNING.value)
            .label("warned"),
        )
        .join(orders, orders.c.id == columns.order_id)
        .outerjoin(overdue_cases, overdue_cases.c.window == columns.key)
        .where(touches)
        .order_by(columns.due_at, columns.key)
    )


def _person() -> ScalarSelect[Any]:
    """Who gave the last answer in the window's visit; the one of its own role, if there is one."""
    first, visit = (func.split_part(windows.c.key, "/", place) for place in (1, 3))
    beside = windows.c.key.startswith(CASE_PREFIX) | windows.c.key.startswith(PREFIX)
    of_order = literal("order-").concat(windows.c.order_id)
    same_workflow: ColumnElement[bool] = tasks.c.workflow_id == case(
        (beside, first), else_=of_order
    )
    return (
        select(tasks.c.decided_by)
        .where(
            tasks.c.order_id == windows.c.order_id,
            tasks.c.step == windows.c.step,
            cast(tasks.c.visit, String) == func.coalesce(func.nullif(visit, ""), "1"),
            same_workflow,
            tasks.c.decided_by.is_not(None),
        )
        .order_by((tasks.c.role == windows.c.role).desc(), tasks.c.closed_at.desc())
        .limit(1)
        .scalar_subquery()
    )


def _window_fact(row: Row[Any], profiles: Mapping[str, _Profile]) -> WindowFact:
    return WindowFact(
        role=Role(row.role),
        person=row.person,
        profile=row.profile,
        stage=_stage(row, profiles),
        cause=row.cause,
        state=WindowState(row.state),
        started_at=row.started_at,
        due_at=row.due_at,
        stopped_at=row.stopped_at,
        warned=row.warned,
        window=DueWindow.model_validate(row.body) if row.body else None,
    )


def _stage(row: Row[Any], profiles: Mapping[str, _Profile]) -> Stage:
    if row.key.startswith(CASE_PREFIX):
        return CASE_STAGE
    of_profile = profiles[row.profile_digest]
    if row.key.startswith(PREFIX):
        return of_profile.following.get(row.rule, Stage.AFTER_SALES)
    return of_profile.stages[row.step]


async def _profiles(conn: Connection, digests: Iterable[str]) -> dict[str, _Profile]:
    found = await conn.execute(
        select(profile_versions.c.digest, profile_versions.c.body).where(
            profile_versions.c.digest.in_(digests)
        )
    )
    return {
        digest: _Profile(
            (body["title"], body["title_zh"]),
            {step["id"]: Stage(step["stage"]) for step in body["steps"]},
            {
                step["window"]["id"]: Stage(step["stage"])
                for kind in body.get("follow_ups", ())
                for step in kind["steps"]
            },
        )
        for digest, body in found.all()
    }


async def _orders(conn: Connection, from_at: datetime, until: datetime) -> list[OrderFact]:
    columns = orders.c
    found = await conn.execute(
        select(columns.state, columns.promised_at, columns.closed_at).where(
            columns.received_at < until,
            or_(columns.closed_at.is_(None), columns.closed_at >= from_at),
        )
    )
    return [
        OrderFact(OrderState(state), promised_at, closed_at)
        for state, promised_at, closed_at in found.all()
    ]


async def _shipments(conn: Connection, from_at: datetime, until: datetime) -> list[ShipmentFact]:
    # A promise that moves opens a new window: the first one still knows the first promise.
    first_promised_at = (
        select(window_ledger.c.due_after)
        .join(windows, windows.c.key == window_ledger.c.window)
        .where(
            window_ledger.c.order_id == shipments.c.order_id,
            window_ledger.c.kind == LedgerKind.OPENED.value,
            windows.c.limit == PROMISED,
        )
        .order_by(window_ledger.c.id)
        .limit(1)
        .scalar_subquery()
    )
    found = await conn.execute(
        select(
            shipments.c.shipped_at,
            orders.c.promised_at,
            func.coalesce(first_promised_at, orders.c.promised_at),
        )
        .join(orders, orders.c.id == shipments.c.order_id)
        .where(shipments.c.shipped_at >= from_at, shipments.c.shipped_at < until)
    )
    return [ShipmentFact(*row) for row in found.all()]


async def _inspections(
    conn: Connection, from_at: datetime, until: datetime
) -> list[InspectionFact]:
    earlier = inspections.alias()
    found = await conn.execute(
        select(
            inspections.c.passed,
            ~exists().where(
                earlier.c.order_id == inspections.c.order_id,
                earlier.c.inspected_at < inspections.c.inspected_at,
            ),
        ).where(inspections.c.inspected_at >= from_at, inspections.c.inspected_at < until)
    )
    return [InspectionFact(*row) for row in found.all()]


def _sanctions(from_at: datetime, until: datetime) -> Any:
    columns = performance_ledger.c
    return (
        select(
            columns.kind,
            columns.role,
            columns.person,
            columns.profile,
            columns.amount,
            columns.currency,
            orders.c.profile_digest,
            overdue_cases.c.cause,
            windows.c.key,
            windows.c.rule,
            windows.c.step,
        )
        .join(orders, orders.c.id == columns.order_id)
        .outerjoin(overdue_cases, overdue_cases.c.id == columns.case_id)
        .outerjoin(windows, windows.c.key == overdue_cases.c.window)
        .where(columns.at >= from_at, columns.at < until)
        .order_by(columns.at, columns.key)
    )


def _sanction_fact(row: Row[Any], profiles: Mapping[str, _Profile]) -> SanctionFact:
    return SanctionFact(
        kind=row.kind,
        role=Role(row.role),
        person=row.person,
        profile=row.profile,
        stage=None if row.key is None else _stage(row, profiles),
        cause=row.cause,
        amount=row.amount,
        currency=row.currency,
    )
