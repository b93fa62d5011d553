"""Notices: who was told what, what became of it on each channel, and sending it again."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from api.access import Caller, Principal
from api.paging import Page, Paged, page, place_after
from api.problems import NOT_DEAD, Problem
from api.services import Wired
from domain.base import Code, Record
from domain.errors import InvalidField, UnknownThing
from domain.roles import Role
from store.notices import (
    DeliveryRow,
    NoticeFilter,
    NoticeRow,
    list_notices,
    read_deliveries,
    read_notice,
    resend,
)

router = APIRouter(tags=["notices"])

ID_MAX = 2**63 - 1
SEES_ALL = frozenset({Role.OPERATIONS, Role.LEADERSHIP, Role.CONTROL})


class NoticeState(StrEnum):
    """What became of a notice: dead when it is on any channel, sent when it is on all."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"


class NoticeQuery(Paged):
    """Which notices to list; with a channel, `state` is what became of them there."""

    role: Role | None = None
    order: Code | None = None
    state: NoticeState | None = None
    channel: Code | None = None


class Delivery(Record):
    """What became of a notice on one channel. Where the channel leads is told to nobody."""

    channel: str
    state: NoticeState
    attempts: int
    next_at: datetime | None = Field(description="Not before this it is tried; none: at once")
    sent_at: datetime | None
    error: str | None = Field(examples=["the service cannot be reached"])


class NoticeItem(Record):
    """A notice. `at` is the order's time; `deliveries` are for staff."""

    id: int
    at: datetime
    to_role: str
    kind: str = Field(examples=["window_breach"])
    text: str
    text_zh: str
    order_id: str | None
    order_number: str | None
    state: NoticeState
    held_until: datetime | None = Field(description="The end of the quiet hours that hold it")
    deliveries: tuple[Delivery, ...] | None


class Resent(Record):
    """How many deliveries start anew; each waits for its channel if that is down."""

    id: int
    deliveries: int


@router.get("/notices")
async def list_all(
    services: Wired, caller: Caller, query: Annotated[NoticeQuery, Query()]
) -> Page[NoticeItem]:
    """Lists notices, the newest first.

    Operations, leadership and control see all, other staff what their roles were told, a customer
    what was told about its own orders.
    """
    before = _id_before(query.cursor)
    async with services.reading() as conn:
        rows = await list_notices(conn, _wanted(caller, query), before, query.limit + 1)
        by_notice = await read_deliveries(conn, [row.id for row in rows])
    return page(
        rows,
        query.limit,
        lambda row: (row.at, str(row.id)),
        lambda row: _item(row, by_notice[row.id] if caller.is_staff else None),
    )


@router.post("/notices/{notice_id}/resend")
async def send_again(
    notice_id: Annotated[int, Path(ge=1, le=ID_MAX)], services: Wired, _: Caller
) -> Resent:
    """Sends a dead notice again, on the channels where it is dead; 409 when it is on none."""
    async with services.writing() as conn:
        revived = await resend(conn, notice_id)
        known = revived > 0 or await read_notice(conn, notice_id) is not None
    if not known:
        raise UnknownThing("notice", str(notice_id))
    if not revived:
        raise Problem(NOT_DEAD, f"notice {notice_id} is dead on no channel")
    return Resent(id=notice_id, deliveries=revived)


def _wanted(caller: Principal, query: NoticeQuery) -> NoticeFilter:
    roles: tuple[Role, ...] | None = caller.roles
    if not SEES_ALL.isdisjoint(caller.roles):
        roles = None if query.role is None else (query.role,)
    elif query.role is not None:
        roles = tuple(role for role in caller.roles if role == query.role)
    return NoticeFilter(
        roles=roles,
        customer=caller.customer,
        order_id=query.order,
        state=query.state,
        # Which channels there are is the house's business.
        channel=query.channel if caller.is_staff else None,
    )


def _id_before(cursor: str | None) -> int | None:
    after = place_after(cursor)
    if after is None:
        return None
    number = after[1]
    if not (number.isascii() and number.isdigit() and int(number[:20]) <= ID_MAX):
        raise InvalidField(
            "cursor", "is not one of this list; send `next` of the page before, or leave it out"
        )
    return int(number)


def _item(row: NoticeRow, found: list[DeliveryRow] | None) -> NoticeItem:
    shown = None if found is None else tuple(Delivery(**one.model_dump()) for one in found)
    return NoticeItem(**row.model_dump(), deliveries=shown)
