"""Differences of money that belong to no order: finance works them off from a list (L32)."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api import examples
from api.access import Caller
from api.body import Posted, posted
from api.openapi import takes
from api.paging import Page, Paged, page, place_after
from api.services import Wired, plausible
from domain.base import Code, Record, Text
from store.differences import (
    DifferenceFilter,
    DifferenceRow,
    list_differences,
    settle_difference,
)

router = APIRouter(tags=["money"])


class DifferenceState(StrEnum):
    """Whether somebody has still to look into it."""

    OPEN = "open"
    SETTLED = "settled"


class DifferenceQuery(Paged):
    """Which differences to list."""

    state: DifferenceState | None = None
    customer: Code | None = None


class SettledBecause(Record):
    """What became of a difference."""

    because: Annotated[Text, Field(min_length=1)]


@router.get("/payments/differences")
async def list_all(
    services: Wired, caller: Caller, query: Annotated[DifferenceQuery, Query()]
) -> Page[DifferenceRow]:
    """Lists differences that no order has, the newest first; `state=open` are finance's to settle.

    They are what a statement has and we have not, or the other way round, and signed notices that
    were refused. A payment that fits no order is in `/payments?state=unmatched` instead.
    """
    after = place_after(query.cursor)
    wanted = DifferenceFilter(state=query.state, customer=query.customer)
    async with services.reading() as conn:
        rows = await list_differences(conn, wanted, after, query.limit + 1)
    return page(rows, query.limit, lambda row: (row.found_at, row.id), lambda row: row)


@router.post(
    "/payments/differences/{difference_id}/settlement",
    openapi_extra=takes(SettledBecause, examples.SETTLED),
)
async def settle(
    difference_id: str,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[SettledBecause], posted(SettledBecause)],
) -> DifferenceRow:
    """Closes a difference with what became of it; closing it again changes nothing."""
    key, now = plausible("difference", difference_id), datetime.now(UTC)
    async with services.writing() as conn:
        because = body.value.because
        return await settle_difference(conn, key, by=caller.name, at=now, because=because)
