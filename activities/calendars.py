"""The calendars that count now, and those of before, as an activity counts with them."""

from collections.abc import Mapping

from domain.worktime import WorkCalendar
from policy.calendars import SHIPPED, calendar
from store.calendars import Current, built_calendars, read_calendars
from store.engine import Connection


async def calendars_by_name(conn: Connection, current: Current) -> Mapping[str, WorkCalendar]:
    """Every calendar: its newest version, or the shipped one where none is published."""
    built = await built_calendars(conn, [(name, *of) for name, of in current.items()])
    unpublished = {name: calendar(name) for name in SHIPPED if name not in current}
    return unpublished | {found.id: found for found in built.values()}


async def labelled(conn: Connection, label: str) -> WorkCalendar | None:
    """The calendar that a window names `cn@3`; none for a name of the release before."""
    found = (await read_calendars(conn, [label])).get(label)
    if found is not None:
        return found
    shipped = label.partition("@")[0]
    return calendar(shipped) if shipped in SHIPPED and calendar(shipped).label == label else None
