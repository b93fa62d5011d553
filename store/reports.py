"""Assessments that were kept, and the notice that one is there."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from domain.assessment import Report
from domain.roles import Role
from store.engine import Connection
from store.tables import assessments, outbox


async def keep_report(conn: Connection, report: Report) -> None:
    """Keeps the report of its period, in place of an earlier one."""
    row = {
        "period": report.period,
        "from_at": report.from_at,
        "to_at": report.to_at,
        "body": report.model_dump(mode="json"),
        "computed_at": report.computed_at,
    }
    statement = insert(assessments).values(row)
    await conn.execute(
        statement.on_conflict_do_update(index_elements=[assessments.c.period], set_=row)
    )


async def kept_report(conn: Connection, period: str) -> Report | None:
    """The report that was kept for the period, if there is one."""
    body = await conn.scalar(select(assessments.c.body).where(assessments.c.period == period))
    return None if body is None else Report.model_validate(body)


async def announce_report(
    conn: Connection, period: str, text: str, text_zh: str, at: datetime
) -> None:
    """Queues the notice that the report is there, once for each period."""
    row = {
        "key": f"assessment/{period}",
        "to_role": Role.CONTROL.value,
        "kind": "assessment",
        "text": text,
        "text_zh": text_zh,
        "at": at,
    }
    await conn.execute(insert(outbox).values(row).on_conflict_do_nothing())
