"""Reports: the assessment of a month or a quarter, to read or as an Excel file."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Caller, Principal
from api.assessment_excel import MEDIA_TYPE, workbook
from api.services import Services, Wired
from domain.assessment import Report
from domain.errors import InvalidField
from domain.periods import EXAMPLES, Length, Period
from domain.roles import Role
from policy.assessing import assess
from store.assessment import read_facts
from store.reports import kept_report

router = APIRouter(tags=["reports"])

PERSON_READERS = frozenset({Role.CONTROL, Role.LEADERSHIP})
"""Who sees the table of persons: those who answer for pay and duty (S27, S28)."""

AskedPeriod = Annotated[
    str | None,
    Query(
        description="A month or a quarter; by default the running month",
        examples=["2026-11", "2026-Q4"],
        max_length=20,
    ),
]


@router.get("/reports/assessment")
async def show(services: Wired, caller: Caller, period: AskedPeriod = None) -> Report:
    """Shows who kept and who missed which windows in a period, why, and the indicators.

    A period that is over shows the report that was kept for it. Persons are shown to control and
    leadership.
    """
    return await _report(services, caller, period)


@router.get("/reports/assessment.xlsx", response_class=Response)
async def download(services: Wired, caller: Caller, period: AskedPeriod = None) -> Response:
    """The same as an Excel file, a sheet for each table."""
    report = await _report(services, caller, period)
    name = f"dueline-assessment-{report.period}.xlsx"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(workbook(report), media_type=MEDIA_TYPE, headers=headers)


async def _report(services: Services, caller: Principal, asked: str | None) -> Report:
    now = datetime.now(UTC)
    running = Period.around(Length.MONTH, now)
    period = running if asked is None else Period.parse(asked)
    if period.from_at > now:
        raise InvalidField("period", f"has not begun; the running month is {running}, {EXAMPLES}")
    async with services.reading() as conn:
        report = await kept_report(conn, str(period)) if period.to_at <= now else None
        if report is None:
            facts = await read_facts(conn, period.from_at, min(period.to_at, now))
            report = assess(period, facts, now)
    if PERSON_READERS.isdisjoint(caller.roles):
        return report.model_copy(update={"persons": None})
    return report
