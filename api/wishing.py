"""How a customer's wish is taken: stored first, then signalled, so that none is lost.

Where the signal fails or the process dies before it, the worker tells the order later.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fastapi import Request, Response

from api import views
from api.access import Principal
from api.intake import claim, ensure_started
from api.orders import REPLAYED, visible_order
from api.problems import AWAY, CLOSED, TOO_MANY_WISHES, FieldError, Problem, away
from api.services import Services
from api.temporal import WorkflowGone
from domain.changes import ChangeState
from domain.errors import UnknownThing
from store.intake import (
    Claim,
    NewWish,
    WishKind,
    add_wish,
    claim_key,
    claimed_before,
    open_wishes,
    refuse_wish,
)
from store.reading import read_wish
from store.rows import FullOrderRow, WishRow
from store.wish_news import wish_told
from workflows.wish_notices import wish_notice

WISHES_OPEN_MAX = 20
"""Of one kind and one order; those who have to answer see one after the other anyway."""

ALREADY_CLOSED = "the order had been closed before this arrived"


@dataclass(frozen=True)
class Asked:
    """A request for a wish, before it is known to be a new one."""

    services: Services
    caller: Principal
    order: FullOrderRow
    claim: Claim
    wish_id: str


async def ask(
    request: Request,
    services: Services,
    caller: Principal,
    order_id: str,
    key: str | None,
    digest: str,
) -> Asked:
    """A request about an order that is there for the caller. Raises UnknownThing."""
    order = await visible_order(services, caller, order_id)
    wish_id = str(uuid4())
    return Asked(services, caller, order, claim(request, caller, key or wish_id, digest), wish_id)


def new_wish(
    asked: Asked,
    kind: WishKind,
    reason: str | None,
    patch: Mapping[str, Any] | None = None,
    version: int | None = None,
) -> NewWish:
    """The wish as it is stored."""
    return NewWish(
        id=asked.wish_id,
        order_id=asked.order.id,
        kind=kind,
        against_version=version,
        patch=patch or {},
        reason=reason,
        requested_by=asked.caller.name,
        requested_at=datetime.now(UTC),
    )


async def take(
    asked: Asked, response: Response, checked: Callable[[Asked], Awaitable[NewWish]]
) -> WishRow:
    """Stores the wish once, tells the workflow, and answers with the wish as it stands.

    `checked` says what is stored, or refuses it. Raises Problem 409, and 503 while the engine is
    away: the wish is stored then, and the worker tells it.
    """
    services, order = asked.services, asked.order
    async with services.reading() as conn:
        earlier = await claimed_before(conn, asked.claim)
    if earlier is None:
        must_be_open(order.closed_at)
        wanted = await checked(asked)
        async with services.writing() as conn:
            earlier = await claim_key(conn, asked.claim, asked.wish_id)
            if earlier is None:
                waiting = await open_wishes(conn, order.id, wanted.kind)
                said = f"{waiting} wishes of kind {wanted.kind} wait for an answer already"
                cure = f"wait for what became of them: GET /orders/{order.id}/changes"
                check_room(waiting, WISHES_OPEN_MAX, said, cure)
                if not await add_wish(conn, wanted):
                    must_be_open(datetime.now(UTC))
    if earlier is not None:
        response.headers.update(REPLAYED)
    row = await stored_wish(services, order.id, earlier or asked.wish_id)
    await _tell(services, order, row)
    response.headers["Location"] = views.wish(row).links["self"]
    return row


def check_room(waiting: int, most: int, said: str, cure: str) -> None:
    """Raises Problem 409 where so many of a kind wait that one more would help nobody."""
    if waiting < most:
        return
    raise Problem(TOO_MANY_WISHES, said, [FieldError(field="body", message=said, cure=cure)])


def must_be_open(closed_at: datetime | None) -> None:
    """Raises Problem 409 for an order that has ended."""
    if closed_at is not None:
        raise Problem(CLOSED, "the order is closed; place a new one")


async def stored_wish(services: Services, order_id: str, wish_id: str) -> WishRow:
    """One wish as it stands. Raises UnknownThing."""
    async with services.reading() as conn:
        row = await read_wish(conn, order_id, wish_id)
    if row is None:
        raise UnknownThing("change", wish_id)
    return row


async def _tell(services: Services, order: FullOrderRow, row: WishRow) -> None:
    """Signals the workflow, and notes that the engine took it; without that the worker tells it.

    A repeated signal is harmless: the first verdict stays.
    """
    if row.state != ChangeState.RECEIVED:
        return
    await ensure_started(services, order)
    name, notice = wish_notice(
        row.id, row.kind, version=row.against_version, patch=row.patch, touches=row.touches
    )
    try:
        await services.temporal.signal(order.id, name, notice)
    except WorkflowGone as error:
        async with services.writing() as conn:
            await refuse_wish(conn, row.id, ALREADY_CLOSED, datetime.now(UTC))
        raise Problem(CLOSED, ALREADY_CLOSED) from error
    except Problem as problem:
        if problem.kind is not AWAY:
            raise
        raise away(
            "it is taken down; the order hears of it as soon as the engine is back"
        ) from problem
    async with services.writing() as conn:
        await wish_told(conn, row.id)
