"""Follow-ups: what customers and staff ask for after an order, and what became of it."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api import examples
from api.access import Caller, Principal
from api.body import Posted, posted
from api.follow_up_views import (
    FollowUpDetail,
    FollowUpItem,
    follow_up_detail,
    follow_up_item,
    workflow_of,
)
from api.intake import IdempotencyKey, claim
from api.openapi import takes
from api.orders import REPLAYED, visible_order
from api.paging import Page, Paged, page, place_after
from api.services import Services, Wired, plausible
from domain.base import Code, Line, Record, Text
from domain.errors import InvalidField, NotAllowed, UnknownThing
from policy.follow_ups import GENERAL, FollowUp
from store.follow_ups import (
    FollowUpFilter,
    FollowUpRow,
    Wanted,
    list_follow_ups,
    read_follow_up,
    want,
)
from store.intake import claim_key, claimed_before
from store.performance import shipped_at
from store.reading import TaskFilter, list_tasks
from store.rows import FullOrderRow

router = APIRouter(tags=["follow-ups"])

FACTS_MAX = 20
OF_ORDER_MAX = 200
TASKS_MAX = 100


class FollowUpState(StrEnum):
    """Whether it is about to begin, runs or is over."""

    WANTED = "wanted"
    OPEN = "open"
    CLOSED = "closed"


class FollowUpQuery(Paged):
    """Which follow-ups to list."""

    state: FollowUpState | None = None
    kind: Code | None = None
    order: Code | None = None


class FollowUpRequest(Record):
    """What somebody asks for after an order."""

    kind: Code = Field(description="One that the order's profile has", examples=["complaint"])
    text: Annotated[Text, Field(min_length=1)] = Field(description="What it is about")
    facts: Annotated[dict[Code, Line], Field(max_length=FACTS_MAX)] = Field(
        default_factory=dict,
        description="Short facts by name for those who deal with it; no names and addresses",
    )


@router.post(
    "/orders/{order_id}/follow-ups",
    status_code=202,
    openapi_extra=takes(FollowUpRequest, examples.FOLLOW_UP),
)
async def ask(
    order_id: str,
    request: Request,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[FollowUpRequest], posted(FollowUpRequest)],
    key: IdempotencyKey = None,
) -> FollowUpItem:
    """Asks for a follow-up, also of an order that is closed; it begins within seconds.

    Which kinds there are, and who may ask for each, the order's profile says.
    """
    order = await visible_order(services, caller, order_id)
    wanted = body.value
    kind = _askable(await _kinds(services, order.profile_digest), wanted.kind)
    if set(kind.asked_by).isdisjoint(caller.roles):
        raise NotAllowed(kind.asked_by)
    claimed = claim(request, caller, key or str(uuid4()), body.digest)
    async with services.writing() as conn:
        earlier = await claimed_before(conn, claimed)
        if earlier is None:
            if kind.after_dispatch and await shipped_at(conn, order.id) is None:
                raise InvalidField(
                    "kind",
                    f"{kind.id} needs goods that have left; ask for a change or a cancellation",
                )
            new = _new(order, caller, wanted)
            earlier = await claim_key(conn, claimed, new.id)
            if earlier is None:
                await want(conn, new)
    if earlier is not None:
        response.headers.update(REPLAYED)
    row = await _visible(services, caller, earlier or new.id)
    view = follow_up_item(row, kind, caller)
    response.headers["Location"] = view.links["self"]
    return view


def _new(order: FullOrderRow, caller: Principal, wanted: FollowUpRequest) -> Wanted:
    return Wanted(
        key=f"{order.id}/{wanted.kind}/{uuid4()}",
        kind=wanted.kind,
        order_id=order.id,
        requested_by=caller.name,
        requested_at=datetime.now(UTC),
        text=wanted.text,
        facts=dict(wanted.facts),
    )


@router.get("/orders/{order_id}/follow-ups")
async def of_order(order_id: str, services: Wired, caller: Caller) -> list[FollowUpItem]:
    """Lists the follow-ups of an order, the newest first; at most 200."""
    order = await visible_order(services, caller, order_id)
    async with services.reading() as conn:
        rows = await list_follow_ups(conn, FollowUpFilter(order_id=order.id), None, OF_ORDER_MAX)
    return [await _item(services, row, caller) for row in rows]


@router.get("/follow-ups")
async def list_all(
    services: Wired, caller: Caller, query: Annotated[FollowUpQuery, Query()]
) -> Page[FollowUpItem]:
    """Lists follow-ups of all orders, the newest first."""
    after = place_after(query.cursor)
    wanted = FollowUpFilter(state=query.state, kind=query.kind, order_id=query.order)
    async with services.reading() as conn:
        rows = await list_follow_ups(conn, wanted, after, query.limit + 1)
    views = {row.id: await _item(services, row, caller) for row in rows}
    return page(rows, query.limit, lambda row: (row.requested_at, row.id), lambda r: views[r.id])


@router.get("/follow-ups/{follow_up}")
async def show(follow_up: str, services: Wired, caller: Caller) -> FollowUpDetail:
    """Shows one follow-up; staff see what was asked and answered."""
    row = await _visible(services, caller, follow_up)
    kind = await _kind_of(services, row)
    async with services.reading() as conn:
        wanted = TaskFilter(workflow_id=workflow_of(row), order_id=row.order_id)
        tasks = await list_tasks(conn, wanted, None, TASKS_MAX)
    return follow_up_detail(row, kind, tasks, caller)


async def _visible(services: Services, caller: Principal, follow_up: str) -> FollowUpRow:
    key = plausible("follow-up", follow_up)
    async with services.reading() as conn:
        row = await read_follow_up(conn, key)
    if row is None:
        raise UnknownThing("follow-up", key)
    caller.must_see(row.customer, "follow-up", key)
    return row


async def _kinds(services: Services, digest: str) -> tuple[FollowUp, ...]:
    """Those of the pinned profile; of the general one for an order older than follow-ups."""
    own = (await services.pinned(digest)).follow_ups
    general = services.loaded.profiles.get(GENERAL)
    return own or (general.follow_ups if general else ())


async def _kind_of(services: Services, row: FollowUpRow) -> FollowUp | None:
    kinds = await _kinds(services, row.profile_digest)
    return next((kind for kind in kinds if kind.id == row.kind), None)


async def _item(services: Services, row: FollowUpRow, caller: Principal) -> FollowUpItem:
    return follow_up_item(row, await _kind_of(services, row), caller)


def _askable(kinds: tuple[FollowUp, ...], wanted: str) -> FollowUp:
    """The kind that is asked for. Raises InvalidField with those that can be."""
    askable = {kind.id: kind for kind in kinds if kind.asked_by}
    if wanted in askable:
        return askable[wanted]
    cure = f"write one of {', '.join(askable)}" if askable else "this order's profile has none"
    if any(kind.id == wanted for kind in kinds):
        raise InvalidField("kind", f"{wanted} begins by itself; {cure}")
    raise InvalidField("kind", f"there is no follow-up {wanted!r}; {cure}")
