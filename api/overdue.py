"""Overdue cases: every breached window has one until its cause is known and it is closed."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query

from api import views
from api.access import Caller
from api.paging import Page, Paged, page, place_after
from api.services import Wired
from domain.base import Code
from domain.causes import Cause
from domain.roles import Role
from store.reading import CaseFilter, list_cases

router = APIRouter(tags=["overdue"])


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
