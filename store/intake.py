"""What comes in from outside: orders, customers' wishes, and the keys that let them be retried."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.base import Record
from domain.changes import ChangeState
from domain.errors import KeyReused
from domain.orders import OrderState
from domain.priorities import Priority
from store.cancellations import accept
from store.engine import Connection
from store.tables import changes, idempotency_keys, orders

WishKind = Literal["change", "cancellation", "receipt", "rush"]

AMOUNT_MAX = Decimal("99999999999999.9999")
"""The largest amount that the orders table holds."""


class Claim(Record):
    """A request that may be repeated: `digest` is of its method, path and body."""

    owner: str
    key: str
    digest: str


class NewOrder(Record):
    """An order as it is stored before its workflow starts."""

    id: str
    profile: str
    profile_digest: str
    customer: str
    body: Mapping[str, Any]
    amount: Decimal
    currency: str
    promised_at: datetime
    rush: bool
    received_at: datetime


class NewWish(Record):
    """A customer's wish as it is stored before its workflow hears of it.

    `accepted_cost` is what a customer agrees to lose by a cancellation.
    """

    id: str
    order_id: str
    kind: WishKind
    against_version: int | None = None
    patch: Mapping[str, Any]
    of: str | None = None
    touches: tuple[str, ...] = ()
    impact: Mapping[str, Any] | None = None
    evidence: Mapping[str, Any] | None = None
    identity: str | None = None
    reason: str | None
    requested_by: str
    requested_at: datetime
    accepted_cost: Decimal | None = None


async def claimed_before(conn: Connection, claim: Claim) -> str | None:
    """What an earlier request with this key made; none when there was none.

    Raises KeyReused when that request was a different one.
    """
    columns = idempotency_keys.c
    found = await conn.execute(
        select(columns.digest, columns.resource).where(
            columns.owner == claim.owner, columns.key == claim.key
        )
    )
    row = found.one_or_none()
    if row is None:
        return None
    if row.digest != claim.digest:
        raise KeyReused(claim.key)
    return str(row.resource)


async def claim_key(conn: Connection, claim: Claim, resource: str) -> str | None:
    """Takes the key for `resource`; returns what an earlier or parallel request made instead.

    A request in flight under the same key is waited for. Raises KeyReused.
    """
    taken = await conn.execute(
        upsert(idempotency_keys)
        .values(**claim.model_dump(), resource=resource)
        .on_conflict_do_nothing()
        .returning(idempotency_keys.c.key)
    )
    if taken.one_or_none() is not None:
        return None
    return await claimed_before(conn, claim)


async def add_order(conn: Connection, order: NewOrder) -> None:
    """Stores a new order. Starts nothing."""
    priority = Priority.at_entry(rush=order.rush).value
    await conn.execute(
        insert(orders).values(**order.model_dump(), priority=priority, updated_at=order.received_at)
    )


async def add_wish(conn: Connection, wish: NewWish) -> bool:
    """Stores a customer's wish; false, and nothing is stored, when the order is closed."""
    # The lock keeps the order from closing between the look and the insert.
    found = await conn.execute(
        select(orders.c.state, orders.c.currency)
        .where(orders.c.id == wish.order_id)
        .with_for_update(read=True)
    )
    order = found.one_or_none()
    if order is None or order.state != OrderState.OPEN:
        return False
    await conn.execute(insert(changes).values(**wish.model_dump(exclude={"accepted_cost"})))
    if wish.kind == "cancellation":
        await accept(conn, wish.id, wish.order_id, order.currency, wish.accepted_cost)
    return True


async def open_wishes(conn: Connection, order_id: str, kind: WishKind) -> int:
    """How many wishes of this kind have no verdict yet."""
    found = await conn.scalar(
        select(func.count())
        .select_from(changes)
        .where(
            changes.c.order_id == order_id,
            changes.c.kind == kind,
            changes.c.state == ChangeState.RECEIVED.value,
        )
    )
    return int(found or 0)


async def refuse_wish(conn: Connection, wish_id: str, reason: str, now: datetime) -> None:
    """Closes a wish that its workflow can no longer hear."""
    await conn.execute(
        update(changes)
        .where(changes.c.id == wish_id, changes.c.state == ChangeState.RECEIVED)
        .values(state=ChangeState.REFUSED, reason=reason, settled_at=now)
    )
