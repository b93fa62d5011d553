"""When the lines could have made an order, as they are booked now."""

from collections import Counter
from datetime import datetime

from domain.errors import CalendarError
from domain.orders import OrderRequest
from domain.worktime import WorkCalendar
from policy.calendars import calendar
from policy.gaps import ready_at
from policy.model import Profile
from store.calendars import built_calendars, current_versions
from store.engine import Connection
from store.slots import load_minutes, shifts_of, taken_by_others


async def earliest_ready(
    conn: Connection, order_id: str, order: OrderRequest, profile: Profile, now: datetime
) -> datetime | None:
    """The earliest instant; none when no line has time. Books nothing and promises nothing."""
    quantities: Counter[str] = Counter()
    for line in order.lines:
        quantities[line.product] += line.quantity
    minutes = await load_minutes(conn, quantities)
    shifts = await shifts_of(conn, minutes)
    taken = await taken_by_others(conn, minutes, order_id, now)
    try:
        return ready_at(await _calendar(conn, profile.calendar), shifts, taken, minutes, now)
    except CalendarError:
        return None


async def _calendar(conn: Connection, name: str) -> WorkCalendar:
    """The newest version that is published, else the shipped one."""
    newest = (await current_versions(conn)).get(name)
    if newest is None:
        return calendar(name)
    key = (name, *newest)
    return (await built_calendars(conn, [key]))[key]
