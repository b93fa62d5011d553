"""Endpoints of customers' systems: made, read, rotated, disabled, removed. No secret is stored."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, String, delete, func, insert, literal_column, select, update

from domain.base import Record
from domain.roles import Role
from store.engine import Connection
from store.story import Message
from store.tables import outbox
from store.webhook_tables import webhook_deliveries as deliveries
from store.webhook_tables import webhook_endpoints as endpoints

ENABLED, DISABLED = "enabled", "disabled"
PENDING, SENT, DEAD = "pending", "sent", "dead"


class EndpointRow(Record):
    """An endpoint and how it stands; `pending` and `dead` are events that did not arrive."""

    id: str
    customer: str
    url: str
    events: tuple[str, ...]
    state: Literal["enabled", "disabled"]
    disabled_because: str | None
    generation: int
    rotated_at: datetime | None
    created_by: str
    created_at: datetime
    ping_state: str | None
    ping_said: str | None
    pending: int
    dead: int


@dataclass(frozen=True)
class NewEndpoint:
    """An endpoint as somebody asks for it; no events mean all of them."""

    id: str
    customer: str
    url: str
    events: tuple[str, ...]
    created_by: str


def written(state: str) -> ColumnElement[str]:
    """A state of ours as part of the statement: a plan for any state knows no partial index."""
    return literal_column(f"'{state}'", String)


def _still(state: str) -> Any:
    return (
        select(func.count())
        .where(deliveries.c.endpoint == endpoints.c.id, deliveries.c.state == written(state))
        .scalar_subquery()
        .label(state)
    )


_COLUMNS = [endpoints.c[name] for name in EndpointRow.model_fields if name in endpoints.c]


async def list_endpoints(conn: Connection, customer: str | None) -> list[EndpointRow]:
    """The endpoints of a customer, or of all, in the order they were made."""
    query = select(*_COLUMNS, _still(PENDING), _still(DEAD))
    if customer is not None:
        query = query.where(endpoints.c.customer == customer)
    found = await conn.execute(query.order_by(endpoints.c.created_at, endpoints.c.id))
    return [EndpointRow(**row) for row in found.mappings()]


async def read_endpoint(conn: Connection, endpoint_id: str) -> EndpointRow | None:
    """One endpoint."""
    query = select(*_COLUMNS, _still(PENDING), _still(DEAD)).where(endpoints.c.id == endpoint_id)
    row = (await conn.execute(query)).mappings().one_or_none()
    return None if row is None else EndpointRow(**row)


async def add_endpoint(conn: Connection, new: NewEndpoint) -> None:
    """Stores an endpoint. Raises Conflict when the customer has one at this address."""
    values = {**new.__dict__, "events": list(new.events)}
    await conn.execute(insert(endpoints).values(values))


async def remove_endpoint(conn: Connection, endpoint_id: str) -> None:
    """Forgets an endpoint and what was sent there. The events stay, for others and for the list."""
    await conn.execute(delete(endpoints).where(endpoints.c.id == endpoint_id))


async def rotate(conn: Connection, endpoint_id: str) -> int:
    """Gives the endpoint its next secret, and returns which one that is."""
    generation: int | None = await conn.scalar(
        update(endpoints)
        .where(endpoints.c.id == endpoint_id)
        .values(generation=endpoints.c.generation + 1, rotated_at=func.now())
        .returning(endpoints.c.generation)
    )
    assert generation is not None, "the caller has read the endpoint in this transaction"
    return generation


async def enable(conn: Connection, endpoint_id: str) -> None:
    """Sends there again, beginning with what has waited; three days begin anew for all of it."""
    await conn.execute(
        update(endpoints)
        .where(endpoints.c.id == endpoint_id)
        .values(state=ENABLED, disabled_because=None)
    )
    await conn.execute(
        update(deliveries)
        .where(deliveries.c.endpoint == endpoint_id, deliveries.c.state == PENDING)
        .values(retry_at=func.now(), failing_since=None)
    )


async def disable(
    conn: Connection, endpoint_id: str, because: str, told: Collection[Message]
) -> bool:
    """Sends there no more, and tells who has to know; false when it was disabled before."""
    disabled = await conn.execute(
        update(endpoints)
        .where(endpoints.c.id == endpoint_id, endpoints.c.state == ENABLED)
        .values(state=DISABLED, disabled_because=because)
    )
    if disabled.rowcount and told:
        rows = [{k: v for k, v in m.__dict__.items() if k != "held_for"} for m in told]
        await conn.execute(insert(outbox), rows)
    return bool(disabled.rowcount)


def disabled_notices(endpoint_id: str, customer: str, because: str, at: datetime) -> list[Message]:
    """What operations and sales are told of a disabled endpoint. It names no address."""
    text = f"The webhook {endpoint_id} of customer {customer} is disabled: {because}"
    zh = f"客户 {customer} 的事件推送 {endpoint_id} 已停用：{because}"
    return [
        Message(
            key=f"webhook/{endpoint_id}/{at.isoformat()}/{role}",
            at=at,
            kind="webhook_disabled",
            text=text,
            to_role=role,
            text_zh=zh,
        )
        for role in (Role.OPERATIONS, Role.SALES)
    ]


async def want_ping(conn: Connection, endpoint_id: str) -> None:
    """Asks the relay for one ping. Sends nothing."""
    await conn.execute(
        update(endpoints)
        .where(endpoints.c.id == endpoint_id)
        .values(ping_state="wanted", ping_said=None)
    )


async def count_webhooks(conn: Connection) -> dict[str, Any]:
    """How many deliveries wait or are dead, how long the oldest waits, how many rest.

    What waits for a disabled endpoint is not counted as waiting.
    """
    of_enabled = deliveries.join(endpoints, endpoints.c.id == deliveries.c.endpoint)
    pending, failing = (
        await conn.execute(
            select(
                func.count(),
                func.extract("epoch", func.now() - func.min(deliveries.c.failing_since)),
            )
            .select_from(of_enabled)
            .where(endpoints.c.state == ENABLED, deliveries.c.state == written(PENDING))
        )
    ).one()
    dead = await conn.scalar(
        select(func.count()).select_from(deliveries).where(deliveries.c.state == written(DEAD))
    )
    disabled = await conn.scalar(
        select(func.count()).select_from(endpoints).where(endpoints.c.state == DISABLED)
    )
    return {
        "webhooks_pending": pending,
        "webhooks_dead": dead,
        "webhooks_failing_seconds": max(0.0, float(failing or 0)),
        "webhook_endpoints_disabled": disabled,
    }
