"""Overdue cases: every breached window has one until its cause is known and it is closed."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api import case_views, examples, views
from api.access import Caller, Principal
from api.body import Posted, posted
from api.intake import IdempotencyKey, claim
from api.openapi import takes
from api.orders import REPLAYED, visible_order
from api.paging import Page, Paged, page, place_after
from api.problems import CASE_EXISTS, Problem
from api.services import Services, Wired, plausible
from domain.base import Code, Line, Record
from domain.causes import Cause
from domain.errors import InvalidField, UnknownThing
from domain.roles import Role
from domain.windows import DueWindow, WindowState
from store.cases import case_of
from store.intake import claim_key
from store.performance import entries_of_case
from store.reading import (
    CaseFilter,
    TaskFilter,
    list_cases,
    list_tasks,
    read_case,
    read_windows,
)
from store.rows import FullOrderRow, WindowRow
from workflows.contract import CaseByHand

router = APIRouter(tags=["overdue"])

TASKS_MAX = 50  # a case has five


class CaseState(StrEnum):
    """Whether a case still runs."""

    OPEN = "open"
    CLOSED = "closed"


class CaseQuery(Paged):
    """Which cases to list."""

    state: CaseState | None = None
    cause: Cause | None = None
    role: Role | None = None
    order: Code | None = None


class CaseRequest(Record):
    """A case that somebody opens before the clock does."""

    order: Code = Field(description="The order's id")
    window: Line = Field(description="The `key` of one of its windows")
    why: Line


@router.get("/overdue")
async def list_all(
    services: Wired, _: Caller, query: Annotated[CaseQuery, Query()]
) -> Page[views.CaseItem]:
    """Lists overdue cases, the newest first: which window, which cause, who answers for it."""
    after = place_after(query.cursor)
    wanted = CaseFilter(state=query.state, cause=query.cause, role=query.role, order_id=query.order)
    async with services.reading() as conn:
        rows = await list_cases(conn, wanted, after, query.limit + 1)
    return page(rows, query.limit, lambda row: (row.opened_at, row.id), views.case_item)


@router.get("/overdue/{case_id}")
async def show(case_id: str, services: Wired, caller: Caller) -> case_views.CaseDetail:
    """Shows one case with all that was asked and answered, and what it costs whom."""
    key = plausible("overdue case", case_id)
    async with services.reading() as conn:
        row = await read_case(conn, key)
        if row is None:
            raise UnknownThing("overdue case", key)
        _, marks = await read_windows(conn, row.order_id)
        tasks = await list_tasks(conn, TaskFilter(workflow_id=row.id), None, TASKS_MAX)
        entries = await entries_of_case(conn, row.id)
    return case_views.case_detail(row, marks[row.window], tasks, entries, caller)


@router.post("/overdue", status_code=202, openapi_extra=takes(CaseRequest, examples.CASE))
async def open_by_hand(
    request: Request,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[CaseRequest], posted(CaseRequest)],
    key: IdempotencyKey = None,
) -> case_views.CaseOpened:
    """Opens a case for a window that runs or was missed; 409 when it has one already.

    A breach that comes later finds this case and opens no other.
    """
    wanted = body.value
    order = await visible_order(services, caller, wanted.order)
    window = await _late_window(services, order, wanted.window)
    if await _claimed_before(request, services, caller, key, body.digest, window.key):
        response.headers.update(REPLAYED)
    else:
        await _refuse_second(services, window.key)
    case_id = await services.temporal.open_case(
        CaseByHand(
            order_id=order.id,
            customer=order.customer,
            profile=order.profile,
            window=DueWindow.model_validate(window.body),
            opened_at=datetime.now(UTC),
            by=caller.name,
            why=wanted.why,
            step_left=window.stopped_at is not None,
        )
    )
    opened = case_views.case_opened(case_id, order.id)
    response.headers["Location"] = opened.links["self"]
    return opened


async def _refuse_second(services: Services, window: str) -> None:
    """A window has one case. Raises Problem 409, which leads to it."""
    async with services.reading() as conn:
        existing = await case_of(conn, window)
    if existing is not None:
        here = views.case_link(existing)
        told = f"the window {window} has the case {existing} already; see {here}"
        raise Problem(CASE_EXISTS, told, headers={"Location": here})


async def _late_window(services: Services, order: FullOrderRow, key: str) -> WindowRow:
    """The order's window that is running or was missed. Raises InvalidField."""
    async with services.reading() as conn:
        rows, _ = await read_windows(conn, order.id)
    # The windows of a case open no case, and a window of the release before has no body.
    found = {row.key: row for row in rows if row.key.startswith(f"{order.id}/") and row.body}
    late = (WindowState.OPEN, WindowState.BREACHED)
    open_to_it = [row.key for row in found.values() if row.state in late]
    if key in open_to_it:
        return found[key]
    cure = f"write one of {', '.join(open_to_it)}" if open_to_it else "none runs or was missed"
    if key in found:
        raise InvalidField("window", f"was {found[key].state}, not missed; {cure}")
    raise InvalidField("window", f"is no window of this order; {cure}")


async def _claimed_before(
    request: Request,
    services: Services,
    caller: Principal,
    key: str | None,
    digest: str,
    window: str,
) -> bool:
    """Whether this very request has come before. Raises KeyReused."""
    if key is None:
        return False
    async with services.writing() as conn:
        return await claim_key(conn, claim(request, caller, key, digest), window) is not None
