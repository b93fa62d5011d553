"""An order's clocks: each explained as it stands, paused, resumed, reset, and judged at risk."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import uuid4

from fastapi import APIRouter
from pydantic import Field, StrictBool

from api import examples, views
from api.access import Caller
from api.body import Posted, posted
from api.intake import IdempotencyKey
from api.openapi import takes
from api.orders import visible_order
from api.problems import CLOSED, Problem
from api.services import Services, Wired
from api.temporal import WorkflowGone
from domain.base import Code, Line, Record, Text
from domain.errors import InvalidField, NotAllowed
from domain.quiet import quiet_for
from domain.roles import Role
from domain.windows import DueWindow, LedgerKind, PauseReason
from domain.worktime import WorkCalendar
from policy.calendars import SHIPPED, calendar
from policy.explaining import explain_at
from policy.instants import Timepieces
from policy.model import Profile
from store.calendars import read_calendars
from store.profiles import pinned_profile
from store.reading import read_ledger, read_windows
from store.rows import FullOrderRow, WindowRow
from store.story import Message, queue
from store.windows import LedgerLine, add_to_ledger
from workflows.contract import WindowsAdjustment

router = APIRouter(tags=["windows"])

ACTIONS = {
    "pause": LedgerKind.PAUSED,
    "resume": LedgerKind.RESUMED,
    "reset": LedgerKind.RESET,
}


class Adjustment(Record):
    """What is to happen to running windows: all that allow the reason, or those of one rule."""

    action: Literal["pause", "resume", "reset"]
    reason: PauseReason | None = Field(None, description="Whom it waits for; not for a reset")
    rule: Code | None = Field(None, description="One rule's window; a reset names it")
    note: Line | None = None


class Adjusted(Record):
    """The windows that it concerns; their ledgers tell what became of it."""

    action: str
    windows: tuple[str, ...]
    links: dict[str, str]


class RiskAnswer(Record):
    """The owner's answer to a warning (E0): can the window be kept?"""

    rule: Code
    at_risk: StrictBool
    note: Text | None = None


class RiskAnswered(Record):
    """The answer is in the window's ledger."""

    window: str
    at_risk: bool


@router.get("/orders/{order_id}/windows")
async def windows(order_id: str, services: Wired, caller: Caller) -> list[views.Clock]:
    """Explains an order's clocks: when each is due, why, what is used and what remains."""
    await visible_order(services, caller, order_id)
    async with services.reading() as conn:
        rows, fallen = await read_windows(conn, order_id)
        ledger = await read_ledger(conn, order_id)
        calendars = _shipped() | await read_calendars(conn, {row.calendar for row in rows})
    now = datetime.now(UTC)
    return [
        views.clock(
            _explained(row, calendars, now), fallen[row.key], ledger.get(row.key, ()), caller
        )
        for row in rows
        if views.is_for(caller, row)
    ]


def _shipped() -> dict[str, WorkCalendar]:
    """What counts where a calendar was never published."""
    return {calendar(name).label: calendar(name) for name in SHIPPED}


def _explained(row: WindowRow, calendars: Mapping[str, WorkCalendar], now: datetime) -> WindowRow:
    """The row with its sentence as of now; as of its end when it has ended."""
    counted_on = calendars.get(row.calendar)
    if counted_on is None or not row.body:
        return row  # written down by a release that kept less
    window = DueWindow.model_validate(row.body)
    tp = Timepieces(company=counted_on, bank=counted_on, dates={})
    ended = row.stopped_at is not None
    said = explain_at(window, tp, row.stopped_at or now, ended=ended)
    return row.model_copy(update={"explanation": said})


@router.post(
    "/orders/{order_id}/windows/adjustments",
    status_code=202,
    openapi_extra=takes(Adjustment, examples.ADJUSTMENT),
)
async def adjust(
    order_id: str,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[Adjustment], posted(Adjustment)],
    key: IdempotencyKey = None,
) -> Adjusted:
    """Pauses windows while the order waits for somebody outside, lets them go on, or resets one.

    What is used is kept, and the rest is counted again from where it goes on. 422 when no running
    window allows it.
    """
    order = await visible_order(services, caller, order_id)
    wished = body.value
    adjustment = WindowsAdjustment(
        action=ACTIONS[wished.action],
        reason=wished.reason,
        rule=wished.rule,
        note=wished.note,
        roles=caller.roles,
        by=caller.name,
        request_id=_request_id(caller.digest, order.id, key),
    )
    try:
        taken = await services.temporal.adjust_windows(order.id, adjustment)
    except WorkflowGone as error:
        raise Problem(CLOSED, "the order is closed; none of its windows runs") from error
    links = {"windows": f"/orders/{order.id}/windows"}
    return Adjusted(action=wished.action, windows=taken.windows, links=links)


def _request_id(owner: str, order_id: str, key: str | None) -> str:
    if key is None:
        return str(uuid4())
    return hashlib.sha256(f"{owner} {order_id} windows {key}".encode()).hexdigest()


@router.post(
    "/orders/{order_id}/windows/risk", openapi_extra=takes(RiskAnswer, examples.RISK_ANSWER)
)
async def answer_risk(
    order_id: str,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[RiskAnswer], posted(RiskAnswer)],
) -> RiskAnswered:
    """Answers a warning: the window's owner says whether it can be kept (E0).

    At risk, it is told to sales and to the department's head. The same answer is kept once.
    """
    order, answer = await visible_order(services, caller, order_id), body.value
    async with services.reading() as conn:
        rows, _ = await read_windows(conn, order.id)
    running = [row for row in rows if row.rule == answer.rule and row.stopped_at is None]
    if not running:
        rules = ", ".join(sorted({row.rule for row in rows if row.stopped_at is None}))
        raise InvalidField("rule", f"names no running window; running: {rules or 'none'}")
    window = running[-1]
    if Role(window.role) not in caller.roles:
        raise NotAllowed((window.role,))
    await _keep(services, order, window, answer, caller.name)
    return RiskAnswered(window=window.key, at_risk=answer.at_risk)


async def _keep(
    services: Services, order: FullOrderRow, window: WindowRow, answer: RiskAnswer, by: str
) -> None:
    now = datetime.now(UTC)
    kind = LedgerKind.AT_RISK if answer.at_risk else LedgerKind.IN_HAND
    key, name = f"{window.key}/{kind}", order.number or f"order {order.id}"
    line = LedgerLine(
        key=key,
        window=window.key,
        at=now,
        kind=kind,
        reason=answer.note,
        by=by,
        due_before=window.due_at,
        due_after=window.due_at,
        used=None,
        calendar=window.calendar,
    )
    listeners = (Role.SALES, Role.DEPARTMENT_HEAD) if answer.at_risk else ()
    async with services.writing() as conn:
        profile = Profile.model_validate(await pinned_profile(conn, order.profile_digest))
        hours, zone = profile.quiet_hours, calendar(profile.calendar).zone
        held_for = quiet_for(hours, zone, now) if hours else None
        await add_to_ledger(conn, order.id, [line])
        await queue(
            conn,
            order.id,
            [
                Message(
                    key=f"{key}/{role.value}",
                    at=now,
                    kind="window_at_risk",
                    text=f"{name}: {window.rule} cannot be kept, says {window.role}",
                    to_role=role,
                    text_zh=f"{name}：{window.rule} 预计不能按时完成（{Role(window.role).zh}）",
                    held_for=held_for,
                )
                for role in listeners
            ],
        )
