"""The dry run of a calendar: which open windows it would move, from when to when."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import Field, ValidationError

from domain.base import Record
from domain.errors import CalendarError
from domain.windows import DueWindow
from domain.worktime import WorkCalendar
from policy.calendar_diff import Open, recounted
from policy.calendars import SHIPPED, calendar
from policy.model import Profile
from store.calendars import built_calendars, current_versions, read_calendars
from store.engine import Connection
from store.profiles import pinned_profile
from store.publication import RunningWindow, count_running, running_windows

WINDOWS_MAX = 20_000
SHOWN_MAX = 200


class MovedWindow(Record):
    """An open window that the new version moves."""

    order: str
    order_number: str | None
    window: str
    rule: str
    step: str
    due_before: datetime
    due_after: datetime


class WindowCounts(Record):
    """The running windows of a calendar, by what a new version does to them."""

    running: int
    moving: int
    staying: int
    later: int = Field(description="Of a release before: they move when their order next acts")
    failed: int = Field(description="Cannot be computed: the new version does not reach that far")
    skipped: int = Field(description=f"Not looked at: more than {WINDOWS_MAX:,} windows run")


class WindowPreview(Record):
    """What becomes of the running windows; `moved` shows those that are due first."""

    counts: WindowCounts
    moved: tuple[MovedWindow, ...]


async def preview_windows(conn: Connection, new: WorkCalendar, now: datetime) -> WindowPreview:
    """Counts every running window anew, as its order would. Changes nothing."""
    rows = await running_windows(conn, new.id, WINDOWS_MAX)
    running = await count_running(conn, new.id)
    profiles = {
        digest: Profile.model_validate(await pinned_profile(conn, digest))
        for digest in {row.profile_digest for row in rows}
    }
    current = await current_versions(conn)
    built = await built_calendars(conn, [(name, *of) for name, of in current.items()])
    known = {name: calendar(name) for name in SHIPPED if name not in current}
    known |= {found.id: found for found in built.values()}
    before = await read_calendars(conn, {row.calendar for row in rows})
    before = {found.label: found for found in known.values()} | before
    counter = _Counter(new, known, before, profiles, now)
    # Thousands of windows would keep every other request waiting.
    return await asyncio.to_thread(counter.preview, rows, running)


class _Counter:
    def __init__(
        self,
        new: WorkCalendar,
        known: Mapping[str, WorkCalendar],
        before: Mapping[str, WorkCalendar],
        profiles: Mapping[str, Profile],
        now: datetime,
    ) -> None:
        self._new, self._known, self._before = new, known, before
        self._profiles, self._now = profiles, now

    def preview(self, rows: Sequence[RunningWindow], running: int) -> WindowPreview:
        moved: list[MovedWindow] = []
        staying = later = failed = 0
        for row in rows:
            if not row.body:
                later += 1
                continue
            try:
                window = DueWindow.model_validate(row.body)
                due_after = self._recounted(row, window).due_at
            except (CalendarError, KeyError, ValidationError):
                failed += 1
                continue
            if due_after == window.due_at:
                staying += 1
            else:
                moved.append(_moved(row, window, due_after))
        counts = WindowCounts(
            running=running,
            moving=len(moved),
            staying=staying,
            later=later,
            failed=failed,
            skipped=running - len(rows),
        )
        return WindowPreview(counts=counts, moved=tuple(moved[:SHOWN_MAX]))

    def _recounted(self, row: RunningWindow, window: DueWindow) -> DueWindow:
        found = Open(window, self._profiles[row.profile_digest], row.promised_at)
        # A name of a release before says nothing of how it was counted: nothing used is lost.
        counted_on = self._before.get(row.calendar, self._new)
        return recounted(found, self._new, self._known, counted_on, self._now)


def _moved(row: RunningWindow, window: DueWindow, due_after: datetime) -> MovedWindow:
    return MovedWindow(
        order=row.order_id,
        order_number=row.order_number,
        window=window.key,
        rule=window.rule,
        step=window.step,
        due_before=window.due_at,
        due_after=due_after,
    )
