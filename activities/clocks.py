"""What a window of this order is counted with: its calendars and the dates it may hang on."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from activities.order_file import OrderFile
from domain.order_dates import ANSWERED
from domain.windows import DueWindow
from domain.worktime import WorkCalendar
from policy.instants import Timepieces
from policy.window import REPORT, Window
from store import dates


async def timepieces(file: OrderFile, rule: Window, running: DueWindow | None = None) -> Timepieces:
    """Calendars as they are published now, and the dates of the order as they stand.

    `running` is the window that is counted anew, if it is open already.
    """
    company = file.calendars[rule.calendar or file.profile.calendar]
    known = await _dates(file, rule, company)
    if running is not None and rule == file.profile.case.measure_window:
        # The date of a corrective action is its owner's word: no calendar moves it.
        known = {**known, "agreed": running.due_at}
    return Timepieces(company=company, bank=file.calendars[file.profile.bank_calendar], dates=known)


async def _dates(file: OrderFile, rule: Window, company: WorkCalendar) -> Mapping[str, datetime]:
    known = {"promised": file.row.promised_at}
    anchor = rule.limit.anchor
    if anchor in ("plan", "ready"):
        if (planned := await dates.planned(file.conn, file.id)) is not None:
            known |= dict(zip(("plan", "ready"), planned, strict=True))
    elif anchor in ANSWERED:
        told = await dates.answered_date(file.conn, file.id, ANSWERED[anchor])
        if isinstance(told, datetime):
            known[anchor] = told
        elif told is not None:
            known[anchor] = company.day_closing(company.working_day_from(told))
    return known


async def timepieces_before(file: OrderFile, window: DueWindow, now: Timepieces) -> Timepieces:
    """The same as they were when the window was counted last."""
    before = await file.calendar_labelled(window.calendar)
    if before is None:
        return now  # of a release that named its calendars otherwise
    return replace(
        now,
        company=before if now.company.id == before.id else now.company,
        bank=before if now.bank.id == before.id else now.bank,
    )


async def started_at(file: OrderFile, rule: Window, first: bool) -> datetime:
    """From when a window counts that opens now.

    The first step counts from when the customer ordered, however late it is entered. What counts
    from a report and opens now was reported before.
    """
    if first or rule.counts_from == "received":
        return min(file.row.received_at, file.now)
    if rule.counts_from in ("opening", REPORT):
        return file.now
    if any(line.kind == "step_done" and line.step == rule.counts_from for line in file.lines):
        return file.now  # it is left in this very move, and not written down yet
    return await dates.left_at(file.conn, file.id, rule.counts_from) or file.now
