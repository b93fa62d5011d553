"""Operations over HTTP: hold, release, try again, skip, and the trail. No customer comes here."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Query
from pydantic import Field

from api import examples
from api.access import Caller, Principal
from api.body import Posted, posted
from api.intake import IdempotencyKey
from api.openapi import takes
from api.paging import Page, Paged, page, place_after
from api.services import Services, Wired, plausible
from domain.base import Code, Line, Record
from domain.errors import InvalidField
from ops.repair import acting
from ops.repair.executions import FailingTask, PendingActivity
from ops.repair.finding import FoundOrder, find_order
from ops.repair.site import Site
from ops.repair.stuck import find_stuck
from ops.repair.stuck_model import StuckReport
from store.audit import OpsActionRow, read_actions

router = APIRouter(prefix="/ops", tags=["operations"])

SECONDS = 15.0
"""Longer than a worker has to answer, so that its absence is told in words."""
STUCK_SECONDS = 60.0
"""For some ten thousand open orders; `dueline ops stuck` takes its time for more."""
LINES_MAX = 2**63 - 1


class Because(Record):
    """Why; it is written down under the name of the key."""

    because: Line


class SkipBody(Record):
    """The step in which the order is, and why it shall be skipped."""

    step: Code
    because: Line


class Nothing(Record):
    """No field: an empty object, or no body at all."""


class Held(Record):
    """The order is on hold: nobody answers, no window of it runs."""

    order: str
    number: str | None
    held: bool = True


class Released(Record):
    """What stood still and goes on."""

    order: str
    number: str | None
    hold: bool
    workflow: bool
    activities: tuple[str, ...]
    said: str = Field(examples=["the hold is released"])


class Pending(Record):
    """What was pending in one workflow, as it was before it was tried again."""

    workflow_id: str
    activities: tuple[PendingActivity, ...]
    failing: FailingTask | None


class Retried(Record):
    """Everything pending is tried now; `advice` is for a workflow whose own code fails."""

    order: str
    number: str | None
    workflows: tuple[Pending, ...]
    advice: str | None


class Skipped(Record):
    """`asked`: another key has to ask for the same; `skipped`: it has."""

    order: str
    number: str | None
    step: str
    outcome: str = Field(examples=["asked"])


class TrailQuery(Paged):
    """Which lines of the trail: of one order, activity type or version, or all."""

    target: Code | None = None


class TrailLine(Record):
    """Something that operations did. `reason` and `outcome` are words of people."""

    id: int
    at: datetime
    by: str
    action: str = Field(examples=["hold"])
    target: str
    reason: str
    outcome: str
    detail: dict[str, Any]


@router.get("/stuck")
async def stuck(services: Wired, caller: Caller) -> StuckReport:
    """Finds every order and overdue case that cannot move, and why; the worst first.

    Asks the engine for every open workflow: seconds for some hundred orders, so ask seldom.
    """
    site = await site_of(services, caller)
    async with services.temporal.asking(STUCK_SECONDS):
        return await find_stuck(site)


@router.get("/trail")
async def trail(services: Wired, query: Annotated[TrailQuery, Query()]) -> Page[TrailLine]:
    """Lists what operations have done, the newest first; refusals are in it, too."""
    place = place_after(query.cursor)
    before = _line_id(place[1]) if place else None
    async with services.reading() as conn:
        rows = await read_actions(conn, target=query.target, before=before, limit=query.limit + 1)
    return page(rows, query.limit, lambda row: (row.at.astimezone(UTC), str(row.id)), _line)


def _line_id(text: str) -> int:
    if not text.isdecimal() or int(text) > LINES_MAX:
        raise InvalidField("cursor", "is not one of ours; send `next` of the page before")
    return int(text)


def _line(row: OpsActionRow) -> TrailLine:
    return TrailLine(**row.model_dump())


@router.post("/orders/{order_id}/hold", openapi_extra=takes(Because, examples.HOLD))
async def hold(
    order_id: str,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[Because], posted(Because)],
    key: IdempotencyKey = None,
) -> Held:
    """Holds an order: nobody answers and no window runs until it is released.

    The promised date goes on, and the order can still be cancelled. 409 when it is held already;
    503 when no worker answers.
    """
    site, order = await _at(services, caller, order_id)
    async with services.temporal.asking(SECONDS):
        await acting.hold(site, order, body.value.because, _request_id(caller, "hold", order, key))
    return Held(order=order.id, number=order.number)


@router.post("/orders/{order_id}/release", openapi_extra=takes(Nothing, {}, required=False))
async def release(
    order_id: str,
    services: Wired,
    caller: Caller,
    _: Annotated[Posted[Nothing], posted(Nothing, may_be_empty=True)],
    key: IdempotencyKey = None,
) -> Released:
    """Lets an order go on: a hold, a paused workflow, paused activities. Nothing is no error."""
    site, order = await _at(services, caller, order_id)
    async with services.temporal.asking(SECONDS):
        done = await acting.release(site, order, _request_id(caller, "release", order, key))
    return Released(
        order=order.id,
        number=order.number,
        said=done.words,
        **done.model_dump(include={"hold", "workflow", "activities"}),
    )


@router.post("/orders/{order_id}/retry", openapi_extra=takes(Nothing, {}, required=False))
async def retry(
    order_id: str,
    services: Wired,
    caller: Caller,
    _: Annotated[Posted[Nothing], posted(Nothing, may_be_empty=True)],
    key: IdempotencyKey = None,
) -> Retried:
    """Tries everything that is pending in an order, its cases and its follow-ups at once.

    Doing it twice does no harm: what an activity does has its effect once.
    """
    site, order = await _at(services, caller, order_id)
    async with services.temporal.asking(SECONDS):
        done = await acting.retry(site, order)
    fails = any(each.failing is not None for each in done.workflows)
    return Retried(
        order=order.id,
        number=order.number,
        workflows=tuple(Pending(**each.model_dump()) for each in done.workflows),
        advice=acting.FAILING_ADVICE if fails else None,
    )


@router.post("/orders/{order_id}/skip-step", openapi_extra=takes(SkipBody, examples.SKIP))
async def skip_step(
    order_id: str,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[SkipBody], posted(SkipBody)],
    key: IdempotencyKey = None,
) -> Skipped:
    """Skips the step in which an order is, with four eyes.

    Operations ask; another key of operations, leadership or control agrees by the same request.
    Steps that move goods or take stock cannot be skipped.
    """
    site, order = await _at(services, caller, order_id)
    wished = body.value
    request_id = _request_id(caller, f"skip {wished.step}", order, key)
    async with services.temporal.asking(SECONDS):
        done = await acting.skip_step(site, order, wished.step, wished.because, request_id)
    return Skipped(order=order.id, number=order.number, step=done.step, outcome=done.outcome)


async def _at(services: Services, caller: Principal, order_id: str) -> tuple[Site, FoundOrder]:
    """The platform as the caller works at it, and the order."""
    site = await site_of(services, caller)
    return site, await find_order(site, plausible("order", order_id))


async def site_of(services: Services, caller: Principal) -> Site:
    """The platform, under the name and with the roles of the caller's key."""
    return Site(
        client=await services.temporal.client(),
        database=services.database,
        task_queue=services.settings.task_queue,
        by=caller.name,
        roles=caller.roles,
        ui_url=services.settings.web_ui_url,
    )


def _request_id(caller: Principal, what: str, order: FoundOrder, key: str | None) -> str | None:
    """The same for the same key, so that a request that comes again changes nothing twice."""
    if key is None:
        return str(uuid4())
    told = f"{caller.digest} {what} {order.id} {key}"
    return hashlib.sha256(told.encode()).hexdigest()
