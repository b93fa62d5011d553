"""The tables of an assessment: windows and money, by department, person, profile, stage, cause."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from domain.assessment import Facts, SanctionFact, Score, Sum, WindowFact, percentile
from domain.causes import Cause, is_customers
from domain.stages import Stage
from domain.windows import WindowState
from domain.worktime import WorkCalendar
from policy.assessment_words import NOT_STATED, cause_words
from policy.time_used import ONE_DECIMAL, used_percent

FINE, REWARD = "fine", "reward"
TOTAL = ("total", "合计")
_DAY = timedelta(days=1)

Names = tuple[str, str]


@dataclass(frozen=True)
class Judged:
    """A window as the period sees it: decided in it or not, and how long overdue in it."""

    fact: WindowFact
    decided: bool
    used_percent: Decimal | None
    overdue: timedelta
    overdue_since_due: timedelta

    @property
    def breached(self) -> bool:
        """Missed in this period, through whose fault ever."""
        return self.decided and self.fact.state is WindowState.BREACHED

    @property
    def by_customer(self) -> bool:
        """Whether its overdue case charges nobody inside the company."""
        return self.fact.cause is not None and is_customers(Cause(self.fact.cause))


def judge(
    facts: Sequence[WindowFact],
    calendars: Mapping[str, WorkCalendar],
    from_at: datetime,
    until: datetime,
) -> list[Judged]:
    """Each window as a period from `from_at` to `until` sees it."""
    return [_judge(fact, calendars, from_at, until) for fact in facts]


def decided_at(fact: WindowFact) -> datetime | None:
    """When it was settled what becomes of the window; none while it is open.

    A breach is settled when the window was due, so that a report never changes its count later.
    """
    if fact.state is WindowState.BREACHED:
        return min(fact.due_at, fact.stopped_at or fact.due_at)
    return fact.stopped_at


def _judge(
    fact: WindowFact, calendars: Mapping[str, WorkCalendar], from_at: datetime, until: datetime
) -> Judged:
    at = decided_at(fact)
    decided = at is not None and from_at <= at < until
    counts = decided and fact.state is not WindowState.STOPPED
    end = min(fact.stopped_at or until, until)
    overdue = end - max(fact.due_at, from_at)
    late = fact.state is WindowState.BREACHED and overdue > timedelta()
    return Judged(
        fact=fact,
        decided=decided,
        used_percent=used_percent(fact, calendars, until) if counts else None,
        overdue=overdue if late else timedelta(),
        overdue_since_due=end - fact.due_at if late else timedelta(),
    )


def total(judged: Sequence[Judged], facts: Facts) -> Score:
    """All windows in one line."""
    return _score("total", TOTAL, judged, facts.sanctions)


def by_department(judged: Sequence[Judged], facts: Facts) -> tuple[Score, ...]:
    """By the role that was responsible."""
    names = {fact.role.value: (fact.role.words, fact.role.zh) for fact in _all(facts)}
    return _table(judged, facts, lambda fact: fact.role.value, names.__getitem__, charges=True)


def by_person(judged: Sequence[Judged], facts: Facts) -> tuple[Score, ...]:
    """By the person who answered; what nobody answered is left out."""
    return _table(judged, facts, lambda fact: fact.person, lambda who: (who, who), charges=True)


def by_profile(judged: Sequence[Judged], facts: Facts) -> tuple[Score, ...]:
    """By the regulation that the order runs under."""
    return _table(
        judged, facts, lambda fact: fact.profile, lambda name: facts.titles.get(name, (name, name))
    )


def by_stage(judged: Sequence[Judged], facts: Facts) -> tuple[Score, ...]:
    """By the stage of the step."""
    return _table(
        judged,
        facts,
        lambda fact: fact.stage.value if fact.stage else None,
        lambda code: (Stage(code).words, Stage(code).zh),
    )


def by_cause(judged: Sequence[Judged], facts: Facts) -> tuple[Score, ...]:
    """Breached windows alone, by the cause of their overdue case, of all that were decided."""
    missed = [one for one in judged if one.fact.state is WindowState.BREACHED]
    decided = sum(one.decided and one.fact.state is not WindowState.STOPPED for one in judged)
    return _table(missed, facts, _cause, cause_words, out_of=decided)


def _all(facts: Facts) -> list[WindowFact | SanctionFact]:
    return [*facts.windows, *facts.sanctions]


def _cause(fact: WindowFact | SanctionFact) -> str | None:
    # A reward has no cause; a breach without one still waits for it.
    return fact.cause or (NOT_STATED if isinstance(fact, WindowFact) else None)


def _table(
    judged: Sequence[Judged],
    facts: Facts,
    line_of: Callable[[WindowFact | SanctionFact], str | None],
    names: Callable[[str], Names],
    *,
    charges: bool = False,
    out_of: int | None = None,
) -> tuple[Score, ...]:
    """A line for each key, the most breached first.

    A table that `charges` leaves what the customer delayed out of time used and days overdue.
    """
    windows: defaultdict[str, list[Judged]] = defaultdict(list)
    sanctions: defaultdict[str, list[SanctionFact]] = defaultdict(list)
    for one in judged:
        if (key := line_of(one.fact)) is not None:
            windows[key].append(one)
    for sanction in facts.sanctions:
        if (key := line_of(sanction)) is not None:
            sanctions[key].append(sanction)
    scores = [
        _score(key, names(key), windows[key], sanctions[key], charges=charges, out_of=out_of)
        for key in sorted({*windows, *sanctions})
    ]
    return tuple(sorted(scores, key=lambda s: (-s.breached, -s.breached_by_customer, s.key)))


def _score(
    key: str,
    names: Names,
    windows: Sequence[Judged],
    sanctions: Sequence[SanctionFact],
    *,
    charges: bool = False,
    out_of: int | None = None,
) -> Score:
    decided = [one for one in windows if one.decided]
    counted = [one for one in windows if not (charges and one.by_customer)]
    kept = sum(one.fact.state is WindowState.KEPT for one in decided)
    breached = sum(one.breached and not one.by_customer for one in decided)
    by_customer = sum(one.breached and one.by_customer for one in decided)
    missed = breached if out_of is None else breached + by_customer
    used = [one.used_percent for one in counted if one.used_percent is not None]
    return Score(
        key=key,
        name=names[0],
        name_zh=names[1],
        kept=kept,
        warned=sum(one.fact.warned for one in decided),
        breached=breached,
        breached_by_customer=by_customer,
        given_up=sum(one.fact.state is WindowState.STOPPED for one in decided),
        overdue_percent=share(missed, kept + breached if out_of is None else out_of),
        used_p50_percent=percentile(used, 50),
        used_p90_percent=percentile(used, 90),
        overdue_days=_days(sum((one.overdue for one in counted), timedelta())),
        overdue_longest_days=_days(
            max((one.overdue_since_due for one in counted), default=timedelta())
        ),
        fines=_sums(sanctions, FINE),
        rewards=_sums(sanctions, REWARD),
    )


def share(count: int, out_of: int) -> Decimal | None:
    """`count` of `out_of` in percent with one decimal; none of nothing."""
    if not out_of:
        return None
    return (Decimal(100 * count) / out_of).quantize(ONE_DECIMAL, ROUND_HALF_UP)


def _days(length: timedelta) -> Decimal:
    seconds = Decimal(length // timedelta(seconds=1))
    return (seconds / (_DAY // timedelta(seconds=1))).quantize(ONE_DECIMAL, ROUND_HALF_UP)


def _sums(sanctions: Sequence[SanctionFact], kind: str) -> tuple[Sum, ...]:
    amounts: defaultdict[str, Decimal] = defaultdict(Decimal)
    for sanction in sanctions:
        if sanction.kind == kind:
            amounts[sanction.currency] += sanction.amount
    return tuple(Sum(amount=amounts[code], currency=code) for code in sorted(amounts))
