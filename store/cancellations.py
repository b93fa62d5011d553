"""Cancellations: what was accepted, what the terms said, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.base import Record
from store.cancellation_tables import cancellations
from store.engine import Connection
from store.tables import goods, reservations, shipments, slots, tasks


class CancellationRow(Record):
    """What stands of a cancellation beside the wish itself."""

    currency: str
    accepted_cost: Decimal | None
    step: str | None
    terms: str | None
    deposit: str | None
    cost: Decimal | None
    kept: Decimal | None
    given_back: Decimal | None
    owed: Decimal | None
    answered_at: datetime | None


@dataclass(frozen=True)
class Belongings:
    """What an order has taken and made so far, in counts."""

    materials: int
    slots: int
    finished_units: int
    release_note: bool
    open_tasks: int


async def accept(
    conn: Connection, change_id: str, order_id: str, currency: str, cost: Decimal | None
) -> None:
    """Keeps what the customer has agreed to lose; the first word stays."""
    row = {"change_id": change_id, "order_id": order_id, "currency": currency}
    await conn.execute(
        insert(cancellations).values(**row, accepted_cost=cost).on_conflict_do_nothing()
    )


async def accepted_cost(conn: Connection, change_id: str) -> Decimal:
    """What the customer has agreed to lose; 0 when nothing was said."""
    found: Decimal | None = await conn.scalar(
        select(cancellations.c.accepted_cost).where(cancellations.c.change_id == change_id)
    )
    return found or Decimal(0)


async def judge(
    conn: Connection, change_id: str, order_id: str, currency: str, judged: Mapping[str, Any]
) -> None:
    """Writes down step, terms, deposit and cost as they were when it was judged."""
    row = {"change_id": change_id, "order_id": order_id, "currency": currency, **judged}
    await conn.execute(
        insert(cancellations)
        .values(row)
        .on_conflict_do_update(index_elements=["change_id"], set_=dict(judged))
    )


async def grant_freely(conn: Connection, change_id: str) -> None:
    """It ends the order without having been judged: nobody loses anything by it."""
    await conn.execute(
        update(cancellations)
        .where(cancellations.c.change_id == change_id, cancellations.c.terms.is_(None))
        .values(terms="free", deposit="refunded", cost=0)
    )


async def answer(conn: Connection, change_id: str, at: datetime, **came: Decimal) -> None:
    """Writes down what came of it; the first answer stays."""
    await conn.execute(
        update(cancellations)
        .where(cancellations.c.change_id == change_id, cancellations.c.answered_at.is_(None))
        .values(answered_at=at, **came)
    )


async def read_cancellation(conn: Connection, change_id: str) -> CancellationRow | None:
    """The cancellation that belongs to a wish."""
    columns = (cancellations.c[name] for name in CancellationRow.model_fields)
    found = await conn.execute(select(*columns).where(cancellations.c.change_id == change_id))
    row = found.mappings().one_or_none()
    return None if row is None else CancellationRow(**row)


async def belongings(conn: Connection, order_id: str) -> Belongings:
    """What a cancellation would give back now."""

    def count(table: Any, *where: Any) -> Any:
        return (
            select(func.count())
            .select_from(table)
            .where(table.c.order_id == order_id, *where)
            .scalar_subquery()
        )

    units = (
        select(func.coalesce(func.sum(goods.c.made - goods.c.shipped), 0))
        .where(goods.c.order_id == order_id)
        .scalar_subquery()
    )
    row = (
        await conn.execute(
            select(
                count(reservations, reservations.c.state == "held"),
                count(slots, slots.c.state == "held"),
                units,
                count(shipments, shipments.c.state == "released"),
                count(tasks, tasks.c.state == "open", tasks.c.workflow_id == f"order-{order_id}"),
            )
        )
    ).one()
    return Belongings(row[0], row[1], int(row[2]), row[3] > 0, row[4])


async def shortages(conn: Connection, order_id: str) -> tuple[Mapping[str, Any], ...]:
    """What purchasing has been asked for and has not answered yet."""
    found = await conn.scalars(
        select(tasks.c.facts["shortages"]).where(
            tasks.c.order_id == order_id,
            tasks.c.state == "open",
            tasks.c.facts.has_key("shortages"),
        )
    )
    return tuple(short for each in found for short in each)
