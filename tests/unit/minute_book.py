"""Working time by nothing but the clock on the wall: every minute of a year, worked or not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
_ONE_DAY = timedelta(days=1)

Span = tuple[time, time]


@dataclass(frozen=True)
class MinuteBook:
    """Counts in whole seconds since `begin`. Shares no line with what it is to check.

    `before[i]` is how many minutes are worked before minute i, `worked[k]` is the k-th of them.
    """

    begin: datetime
    before: Sequence[int]
    worked: Sequence[int]

    @classmethod
    def written(
        cls, year: int, years: int, zone: str, shifts: Sequence[Span], works: Callable[[date], bool]
    ) -> "MinuteBook":
        """Asks of each minute whether the wall shows a shift of a day that works."""
        local, begin = ZoneInfo(zone), datetime(year, 1, 1, tzinfo=UTC)
        count = int((begin.replace(year=year + years) - begin) / MINUTE)
        first = date(year, 1, 1) - 2 * _ONE_DAY
        on_duty = {
            first + n * _ONE_DAY: works(first + n * _ONE_DAY) for n in range(years * 366 + 5)
        }

        def works_at(wall: datetime) -> bool:
            day, at = wall.date(), wall.time()
            for opens, closes in shifts:
                if opens < closes:
                    if opens <= at < closes and on_duty[day]:
                        return True
                elif (at >= opens and on_duty[day]) or (at < closes and on_duty[day - _ONE_DAY]):
                    return True
            return False

        book = [works_at((begin + n * MINUTE).astimezone(local)) for n in range(count)]
        worked = [minute for minute, is_worked in enumerate(book) if is_worked]
        return cls(begin, tuple(accumulate(book, initial=0)), worked)

    def seconds(self, at: int) -> int:
        """Working seconds from the beginning until second `at`."""
        minute, second = divmod(at, 60)
        is_worked = self.before[minute + 1] > self.before[minute]
        return self.before[minute] * 60 + (second if is_worked else 0)

    def is_open(self, at: int) -> bool:
        """Whether second `at` is worked."""
        return self.before[at // 60 + 1] > self.before[at // 60]

    def add(self, at: int, length: int) -> int:
        """The second at which `length` (at least 1) has been worked since `at`."""
        minute, second = divmod(self.seconds(at) + length - 1, 60)
        return self.worked[minute] * 60 + second + 1

    def subtract(self, at: int, length: int) -> int:
        """The last second from which `length` (at least 1) is worked until `at`."""
        minute, second = divmod(self.seconds(at) - length, 60)
        return self.worked[minute] * 60 + second

    def opening(self, at: int) -> int:
        """`at` itself when it is worked, else the next second that is."""
        return at if self.is_open(at) else self.worked[self.before[at // 60]] * 60

    def instant(self, at: int) -> datetime:
        """The second as an instant."""
        return self.begin + timedelta(seconds=at)
