"""A shift: when work begins and ends on a day, in the calendar's own local time."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple, Self

from domain.errors import CalendarError

_ONE_DAY = timedelta(days=1)
# Midnight at the end of a day has no name of its own in `time`.
_DAY_END_TEXT = "24:00"


class Shift(NamedTuple):
    """Local opening and closing time; a shift that closes no later than it opens ends next day."""

    opens: time
    closes: time

    @classmethod
    def parse(cls, pair: Sequence[str]) -> Self:
        """Reads `["08:30", "12:00"]`; `24:00` is midnight. Raises CalendarError."""
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise CalendarError(f'{pair!r} is no shift; write a pair such as ["08:30", "12:00"]')
        opens, closes = pair
        try:
            shift = cls(
                time.fromisoformat(opens),
                time.min if closes == _DAY_END_TEXT else time.fromisoformat(closes),
            )
        except (ValueError, TypeError) as error:
            raise CalendarError(
                f'{opens!r} to {closes!r} is no shift; write times such as "08:30" and "12:00"'
            ) from error
        if shift.opens.tzinfo or shift.closes.tzinfo:
            raise CalendarError(
                f"{opens!r} to {closes!r}: shifts are in the calendar's own zone; leave it out"
            )
        return shift

    def on(self, day: date) -> tuple[datetime, datetime]:
        """Both ends on `day`, in local time without a zone. Raises CalendarError when empty."""
        if self.opens == self.closes:
            raise CalendarError(f"the shift {self} is empty; split a full day into two shifts")
        last = day if self.closes > self.opens else day + _ONE_DAY
        return datetime.combine(day, self.opens), datetime.combine(last, self.closes)

    def pair(self) -> tuple[str, str]:
        """As it is written: `("08:30", "12:00")`; midnight at the end is `24:00`."""
        opens, closes = (_written(end) for end in self)
        return opens, _DAY_END_TEXT if self.closes == time.min else closes

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M}"


def _written(at: time) -> str:
    return at.isoformat("auto" if at.second or at.microsecond else "minutes")
