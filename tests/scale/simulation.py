"""A factory's weeks in events: orders arrive, wait for people, are late; who counts, sees peaks.

Everything is drawn from one seed. Orders do not influence each other, so the rates of a larger
company are these rates times its size, and its peaks are relatively no higher.
"""

import heapq
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.base import Record
from domain.worktime import WorkCalendar
from policy.calendars import calendar

START = datetime.fromisoformat("2026-03-02T00:00:00+08:00")
"""A Monday with eight weeks behind it that no holiday interrupts until April."""
WEEK = timedelta(days=7)
DAY = timedelta(days=1)
WARNING_PERCENT = 80
RUNG_PERCENT = 50
MAKING = "production"
QUARTER_SECONDS = 900
"""Shorter ones would show the chance of a small company, not the day of a large one."""
OPENING, WORKING = timedelta(hours=8, minutes=30), timedelta(hours=8)


class Step(Record):
    """One wait for people: its window, and how much working time they take on average."""

    name: str
    limit_hours: float
    mean_hours: float


class Company(Record):
    """The company that is simulated."""

    orders_a_day: int = 150
    weeks_before: int = 4
    """Until as many orders leave as arrive."""
    weeks_counted: int = 4
    night_share: float = 0.15
    """Orders that come outside working hours, mostly by machine."""
    morning_share: float = 0.4
    """Of those by day, the ones in the first third of it."""
    reports_forgotten_share: float = 0.05
    """Progress reports that are not posted when their warning falls."""
    late_share: float = 0.15
    """Steps finish within their window; so many orders miss one of them."""
    seed: int = 5
    steps: tuple[Step, ...] = (
        Step(name="entry", limit_hours=1, mean_hours=0.4),
        Step(name="confirm", limit_hours=3, mean_hours=1.2),
        Step(name="review", limit_hours=2, mean_hours=0.8),
        Step(name="plan", limit_hours=1, mean_hours=0.4),
        Step(name="plan_approval", limit_hours=3, mean_hours=1.2),
        Step(name="production", limit_hours=80, mean_hours=40),
        Step(name="qc", limit_hours=1, mean_hours=0.4),
        Step(name="pack", limit_hours=2, mean_hours=0.8),
        Step(name="ship", limit_hours=3, mean_hours=1.2),
        Step(name="notify", limit_hours=8, mean_hours=2),
        Step(name="receipt", limit_hours=80, mean_hours=24),
    )


@dataclass
class Outcome:
    """What was counted in the weeks that count."""

    company: Company
    days: int
    arrived: int = 0
    departed: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    """Answers by the quarter of an hour."""
    marks: Counter[int] = field(default_factory=Counter)
    """Warnings and breaches by the second."""
    breaches: int = 0
    life_seconds: float = 0.0
    open_seconds: float = 0.0
    open_max: int = 0
    seconds: float = 0.0

    @property
    def open_mean(self) -> float:
        """Orders open on average, by looking."""
        return self.open_seconds / self.seconds

    @property
    def open_by_littles_law(self) -> float:
        """Orders open on average, by arrivals a second times the mean life."""
        return self.arrived / self.seconds * self.life_seconds / self.departed

    @property
    def peak_factor(self) -> float:
        """The busiest quarter of an hour over the mean one of working hours."""
        quarters = self.days * WORKING.total_seconds() / QUARTER_SECONDS
        return max(self.answers.values()) / (sum(self.answers.values()) / quarters)

    @property
    def marks_at_once_share(self) -> float:
        """The most marks that fell in one second, as a share of a day's orders."""
        return max(self.marks.values(), default=0) / self.company.orders_a_day


def simulate(company: Company) -> Outcome:
    """Lives all the weeks and counts the last ones."""
    dice, days = random.Random(company.seed), calendar("cn")
    begin = START + company.weeks_before * WEEK
    end = begin + company.weeks_counted * WEEK
    outcome = Outcome(company, _working_days(days, begin, end))
    outcome.seconds = (end - begin).total_seconds()
    changes: list[tuple[datetime, int]] = []
    for arrival in _arrivals(company, days, dice, end):
        left = _live(company, days, dice, arrival, begin, end, outcome)
        heapq.heappush(changes, (arrival, 1))
        heapq.heappush(changes, (left, -1))
        outcome.arrived += begin <= arrival < end
        if begin <= left < end:
            outcome.departed += 1
            outcome.life_seconds += (left - arrival).total_seconds()
    _integrate(changes, begin, end, outcome)
    return outcome


def _arrivals(
    company: Company, days: WorkCalendar, dice: random.Random, end: datetime
) -> Iterator[datetime]:
    """Instants at which orders come: in working hours, most in the morning, some at night."""
    midnight = START
    while midnight < end:
        opening = midnight.replace(hour=8, minute=30)
        if days.is_open(opening):
            for _ in range(company.orders_a_day):
                if dice.random() < company.night_share:
                    # The night before: they wait for the opening.
                    yield opening - timedelta(seconds=dice.uniform(1, 14 * 3600))
                else:
                    first = dice.random() < company.morning_share
                    low, high = (0.0, 8 / 3) if first else (8 / 3, 8.0)
                    yield days.add(opening, timedelta(hours=dice.uniform(low, high)))
        midnight += DAY


def _live(
    company: Company,
    days: WorkCalendar,
    dice: random.Random,
    arrival: datetime,
    begin: datetime,
    end: datetime,
    outcome: Outcome,
) -> datetime:
    """One order from its arrival to its end; returns when that is."""
    late_at = dice.randrange(len(company.steps)) if dice.random() < company.late_share else -1
    now = arrival
    for number, step in enumerate(company.steps):
        limit = timedelta(hours=step.limit_hours)
        took = limit * (1 + dice.random()) if number == late_at else _in_time(step, dice)
        opened, now = now, days.add(now, took)
        if begin <= now < end:
            outcome.answers[int(now.timestamp()) // QUARTER_SECONDS] += 1
        if step.name == MAKING:
            _report(company, days, dice, (opened, now), (begin, end), outcome)
        for percent in (WARNING_PERCENT, 100, 100 + RUNG_PERCENT):
            if took < limit * percent / 100:
                break
            at = days.add(opened, limit * percent / 100)
            if begin <= at < end:
                outcome.marks[int(at.timestamp())] += 1
                outcome.breaches += percent == 100
    return now


def _report(
    company: Company,
    days: WorkCalendar,
    dice: random.Random,
    making: tuple[datetime, datetime],
    counted: tuple[datetime, datetime],
    outcome: Outcome,
) -> None:
    """A progress report each working day but the first; some are warned, all at one instant."""
    opened, done = making
    midnight = opened.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    while midnight + OPENING < done:
        opening = midnight + OPENING
        midnight += DAY
        if not days.is_open(opening) or not counted[0] <= opening < counted[1]:
            continue
        forgotten = dice.random() < company.reports_forgotten_share
        warned = WORKING * WARNING_PERCENT / 100
        took = warned + (WORKING - warned) * dice.random() if forgotten else warned * dice.random()
        if (answered := days.add(opening, took)) < done:
            outcome.answers[int(answered.timestamp()) // QUARTER_SECONDS] += 1
        if forgotten and (at := days.add(opening, warned)) < done:
            outcome.marks[int(at.timestamp())] += 1


def _in_time(step: Step, dice: random.Random) -> timedelta:
    """Working time that people take when they keep the window: by chance, never longer."""
    mean, limit = step.mean_hours, step.limit_hours
    # A beta distribution on the window whose mean is the step's.
    share = mean / limit
    return timedelta(hours=limit * dice.betavariate(2.0, 2.0 * (1 - share) / share))


def _integrate(
    changes: list[tuple[datetime, int]], begin: datetime, end: datetime, outcome: Outcome
) -> None:
    """The mean and the largest number of open orders between two instants."""
    is_open, last = 0, begin
    while changes:
        at, change = heapq.heappop(changes)
        if at >= end:
            break
        if at > begin:
            outcome.open_seconds += is_open * (at - last).total_seconds()
            last = at
        is_open += change
        if at >= begin:
            outcome.open_max = max(outcome.open_max, is_open)
    outcome.open_seconds += is_open * (end - last).total_seconds()


def _working_days(days: WorkCalendar, begin: datetime, end: datetime) -> int:
    found, noon = 0, begin.replace(hour=9)
    while noon < end:
        found += days.is_open(noon)
        noon += DAY
    return found
