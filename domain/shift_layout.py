"""Working days laid out as absolute shifts with running totals, so that a question is a bisect."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import CalendarError
from domain.shifts import Shift

_TICK = timedelta(microseconds=1)
_ONE_DAY, _TWO_DAYS = timedelta(days=1), timedelta(days=2)

Days = Iterable[tuple[date, Sequence[Shift]]]
"""Days in order, each with its shifts; none on a free one."""


class ShiftLayout(NamedTuple):
    """Every shift of a calendar's years, in UTC, and the working time before each.

    `before_shift` and `before_day` have one entry more than there are shifts and days: the total.
    `local_opens` holds the local opening of a shift in which no clock changes, none for others.
    """

    dates: tuple[date, ...]
    span: tuple[datetime, datetime]
    opens: tuple[datetime, ...]
    closes: tuple[datetime, ...]
    local_opens: tuple[datetime | None, ...]
    before_shift: tuple[timedelta, ...]
    before_day: tuple[timedelta, ...]


def lay_out(calendar_id: str, zone: ZoneInfo, days: Days, years: range) -> ShiftLayout:
    """Lays the days out. Raises CalendarError for overlaps and for a year that nobody works in."""
    opens: list[datetime] = []
    closes: list[datetime] = []
    local_opens: list[datetime | None] = []
    before_shift, before_day = [timedelta(0)], [timedelta(0)]
    dates: list[date] = []
    last: datetime | None = None
    clock = _Clock(zone)
    for day, shifts in days:
        for shift in sorted(shifts):
            start, end = shift.on(day)
            if last and start < last:
                raise CalendarError(f"calendar {calendar_id}: {day} {shift} overlaps another shift")
            last = end
            opened, closed, local = clock.absolute(day, start, end)
            # Where clocks skip an hour, a shift may shrink or vanish on that day.
            if closes and opened < closes[-1]:
                opened = closes[-1]
                local = _steady(zone, opened, closed)
            if opened < closed:
                opens.append(opened)
                closes.append(closed)
                local_opens.append(local)
                before_shift.append(before_shift[-1] + (closed - opened))
        if before_shift[-1] > before_day[-1]:
            before_day.append(before_shift[-1])
            dates.append(day)
    worked = {day.year for day in dates}
    for year in years:
        if year not in worked:
            raise CalendarError(
                f"calendar {calendar_id} has no working time in {year}; give it shifts"
            )
    # A night shift of the last day ends in the year after, and is still known.
    over = max(_new_year(years.stop, zone), closes[-1] + _TICK)
    return ShiftLayout(
        dates=tuple(dates),
        span=(_new_year(years.start, zone), over),
        opens=tuple(opens),
        closes=tuple(closes),
        local_opens=tuple(local_opens),
        before_shift=tuple(before_shift),
        before_day=tuple(before_day),
    )


def zone_named(zone: str) -> ZoneInfo:
    """The time zone. Raises CalendarError."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CalendarError(f"{zone!r} is no time zone; write Asia/Shanghai, for one") from error


class _Clock:
    """Local time as absolute time; asks the zone once a day, unless its clocks change about then.

    No zone changes its clocks twice within two days.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._midnights: dict[date, timedelta | None] = {}

    def absolute(
        self, day: date, start: datetime, end: datetime
    ) -> tuple[datetime, datetime, datetime | None]:
        """Both ends of a shift of `day` in UTC, and its local opening where no clock changes."""
        zone = self._zone
        if (offset := self._offset(day)) is not None:
            opened = (start - offset).replace(tzinfo=UTC)
            return opened, opened + (end - start), start.replace(tzinfo=zone)
        opened, closed = _absolute(start, zone), _absolute(end, zone)
        return opened, closed, _steady(zone, opened, closed)

    def _offset(self, day: date) -> timedelta | None:
        """The offset from the beginning of `day` to the end of the next; none when it changes."""
        offset = self._at_midnight(day)
        same = all(self._at_midnight(day + days) == offset for days in (_ONE_DAY, _TWO_DAYS))
        return offset if same else None

    def _at_midnight(self, day: date) -> timedelta | None:
        if day not in self._midnights:
            local = datetime(day.year, day.month, day.day, tzinfo=self._zone)
            offset = local.utcoffset()
            changes = offset != local.replace(fold=1).utcoffset()
            self._midnights[day] = None if changes else offset
        return self._midnights[day]


def _new_year(year: int, zone: ZoneInfo) -> datetime:
    return _absolute(datetime(year, 1, 1), zone)  # noqa: DTZ001  local


def _absolute(local: datetime, zone: ZoneInfo) -> datetime:
    # The first of two where clocks go back.
    return local.replace(tzinfo=zone).astimezone(UTC)


def _steady(zone: ZoneInfo, opened: datetime, closed: datetime) -> datetime | None:
    """The local opening, when local time in the shift counts on without a jump or a repetition."""
    opens, closes = opened.astimezone(zone), closed.astimezone(zone)
    offsets = {
        opens.utcoffset(),
        opens.replace(fold=1).utcoffset(),
        closes.replace(fold=0).utcoffset(),
        closes.replace(fold=1).utcoffset(),
    }
    return opens if len(offsets) == 1 else None
