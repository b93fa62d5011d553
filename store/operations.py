"""What operations ask of the database."""

from sqlalchemy import literal, select

from domain.follow_ups import PREFIX
from store.engine import Connection
from store.follow_up_tables import follow_ups
from store.tables import overdue_cases


async def open_beside(conn: Connection, order_id: str, limit: int) -> list[str]:
    """The workflow ids of an order's open follow-ups and overdue cases, the oldest first."""
    cases, following = overdue_cases.c, follow_ups.c
    workflow_id = literal(PREFIX).concat(following.order_id).concat(".").concat(following.id)
    query = (
        select(cases.id.label("id"), cases.opened_at.label("at"))
        .where(cases.order_id == order_id, cases.state == "open")
        .union_all(
            select(workflow_id, following.requested_at).where(
                following.order_id == order_id, following.state != "closed"
            )
        )
        .order_by("at", "id")
        .limit(limit)
    )
    return list(await conn.scalars(query))
