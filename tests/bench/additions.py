"""Additions of working time over ten years, beside the library `businesstimedelta`."""

import random
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from datetime import time as clock

import businesstimedelta  # type: ignore[import-untyped]  # it ships no types
from rich.console import Console
from rich.table import Table

from policy.calendars import calendar, shipped

OURS, THEIRS = 2_000, 20
ROUNDS = 50  # the best one counts: the others were disturbed
TARGET_MICROSECONDS = 2.0
SPAN_DAYS = 10 * 365
LONGEST_HOURS = 200

Sum = tuple[datetime, timedelta]


def measure_additions() -> None:
    """Prints microseconds an addition; the same sums for both, as far as each gets."""
    days, dice = calendar("cn"), random.Random(1)
    first = datetime(2021, 1, 4, tzinfo=days.zone)
    sums = [
        (
            first + timedelta(seconds=dice.randrange(SPAN_DAYS * 86_400)),
            timedelta(minutes=dice.randrange(1, LONGEST_HOURS * 60)),
        )
        for _ in range(OURS)
    ]
    table = Table(title="One addition, ten years' span, µs")
    for name in ("what", "µs"):
        table.add_column(name, justify="left" if name == "what" else "right")
    ours = min(_microseconds(days.add, sums) for _ in range(ROUNDS))
    table.add_row(f"WorkCalendar.add (at most {TARGET_MICROSECONDS:g})", f"{ours:.2f}")
    work = _rules()
    theirs = _microseconds(
        lambda start, length: start + businesstimedelta.BusinessTimeDelta(work, timedelta=length),
        sums[:THEIRS],
    )
    table.add_row("businesstimedelta, without make-up days", f"{theirs:,.0f}")
    Console().print(table)


def _rules() -> businesstimedelta.Rules:
    workday = businesstimedelta.WorkDayRule(
        start_time=clock(8, 30), end_time=clock(18), working_days=[0, 1, 2, 3, 4]
    )
    lunch = businesstimedelta.LunchTimeRule(
        start_time=clock(12), end_time=clock(13, 30), working_days=[0, 1, 2, 3, 4]
    )
    public = businesstimedelta.HolidayRule(dict.fromkeys(shipped("cn").holidays, "holiday"))
    return businesstimedelta.Rules([workday, lunch, public])


def _microseconds(add: Callable[[datetime, timedelta], object], sums: Iterable[Sum]) -> float:
    asked = list(sums)
    begin = time.perf_counter()
    for start, length in asked:
        add(start, length)
    return (time.perf_counter() - begin) / len(asked) * 1_000_000


if __name__ == "__main__":
    measure_additions()
