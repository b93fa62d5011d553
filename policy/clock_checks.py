"""Whether the windows of a profile can be counted: begun, warned, and stopped by somebody."""

from collections.abc import Iterable, Iterator

from domain.order_dates import ANSWERED
from policy.calendars import SHIPPED
from policy.faults import choose
from policy.instants import total
from policy.model import Profile
from policy.problems import FieldPath, Problem
from policy.steps import (
    MONEY_FACTS,
    AlongsideStep,
    Fact,
    GateStep,
    ResourceStep,
    RouteStep,
    Step,
    TaskStep,
    WaitStep,
    Work,
)
from policy.window import REPORT, Window

_OPENING, _RECEIVED = "opening", "received"


def check_clocks(profile: Profile) -> Iterator[Problem]:
    """Everything that keeps a window from being counted as it is written."""
    for field in ("calendar", "bank_calendar"):
        yield from _calendar((field,), getattr(profile, field))
    for path, window in placed_windows(profile):
        if window.calendar is not None:
            yield from _calendar((*path, "calendar"), window.calendar)
        yield from _warning(path, window)
    for index, step in enumerate(profile.steps):
        path = ("steps", index)
        for at, window in step.placed_windows:
            yield from _begun(profile, (*path, *at), step, window)
            yield from _dated(profile, (*path, *at, "limit"), step, window)
            yield from _runs(("steps", index, *at), step, window)
        yield from _stopped(profile, path, step)
        yield from _promised(profile, path, step)
    for name, window, _ in profile.case.windows:
        if window.counts_from != _OPENING:
            what = "the windows of an overdue case count from when they open"
            yield Problem(("case", name, "counts_from"), what, "leave counts_from out")
    if profile.cancellation.answer and profile.cancellation.answer.counts_from != _OPENING:
        what = "the answer's window counts from when the customer cancels"
        yield Problem(("cancellation", "answer", "counts_from"), what, "leave counts_from out")


def placed_windows(profile: Profile) -> Iterator[tuple[FieldPath, Window]]:
    """Every window and where it stands."""
    for index, step in enumerate(profile.steps):
        for at, window in step.placed_windows:
            yield ("steps", index, *at), window
    for field, window, _ in profile.case.windows:
        yield ("case", field), window
    for place, follow_up in enumerate(profile.follow_ups):
        for index, asked in enumerate(follow_up.steps):
            yield ("follow_ups", place, "steps", index, "window"), asked.window
    if profile.cancellation.answer:
        yield ("cancellation", "answer"), profile.cancellation.answer


def _calendar(path: FieldPath, name: str) -> Iterator[Problem]:
    if name not in SHIPPED:
        yield Problem(path, f"there is no calendar {name!r}", choose(name, SHIPPED))


def _warning(path: FieldPath, window: Window) -> Iterator[Problem]:
    """A warning has one place, and that lies between the beginning and the breach."""
    limit, before = window.limit, window.warn_before
    says_percent = "warn_percent" in window.model_fields_set
    if limit.is_range:
        field = "warn_before" if before else "warn_percent" if says_percent else None
        if field:
            what = f"{limit} warns at its first figure already"
            yield Problem((*path, field), what, f"leave {field} out, or write one figure")
    elif before and says_percent:
        what = "warn_before and warn_percent both say when to warn"
        yield Problem((*path, "warn_before"), what, "leave one of them out")
    if before and (not before.is_counted or before.is_range):
        what = f"{before} is no single length"
        yield Problem((*path, "warn_before"), what, "write one such as 3wd or 24h/CT")
    elif before and before.clock is limit.clock and total(before) >= total(limit):
        what = f"{before} before the end of {limit} is no later than its beginning"
        yield Problem((*path, "warn_before"), what, f"write less than {limit}")
    if not limit.is_range and before is None:
        for place, percent in enumerate(window.remind_percent):
            if percent >= window.warn_percent:
                what = f"reminds at {percent} %, when the warning has fallen"
                cure = f"write less than {window.warn_percent}"
                yield Problem((*path, "remind_percent", place), what, cure)


def _begun(profile: Profile, path: FieldPath, step: Step, window: Window) -> Iterator[Problem]:
    """What a window counts from has happened when it opens."""
    path, since = (*path, "counts_from"), window.counts_from
    if since == _OPENING:
        return
    if since == REPORT:
        if not (isinstance(step, GateStep) and step.asks_for_money):
            what = "only a gate that asks for money waits for the report of a payment"
            facts = ", ".join(fact for fact in Fact if fact in MONEY_FACTS)
            yield Problem(path, what, f"leave counts_from out, or ask in a gate for {facts}")
        return
    if isinstance(step, AlongsideStep) and step.trigger == "daily":
        what = "a daily window counts from each working day"
        yield Problem(path, what, "leave counts_from out")
        return
    earlier = [other.id for other in _before(profile, step) if not other.detour]
    if since == _RECEIVED or since in earlier:
        return
    if since not in (other.id for other in profile.route):
        what = f"the route has no step {since!r}"
        yield Problem(path, what, choose(since, (_OPENING, _RECEIVED, *earlier)), since)
    else:
        what = f"{since!r} is not always left before this window opens"
        yield Problem(path, what, f"write one of {', '.join((_OPENING, _RECEIVED, *earlier))}")


def _dated(profile: Profile, path: FieldPath, step: Step, window: Window) -> Iterator[Problem]:
    """The date of the order on which a limit hangs is known when the window opens."""
    anchor = window.limit.anchor
    suppliers = [other for other in _before(profile, step) if not other.detour]
    if anchor in ANSWERED:
        name = ANSWERED[anchor]
        if not any(_asks_for(other, name) for other in suppliers):
            what = f"no earlier step tells the date {anchor!r}"
            yield Problem(path, what, f"write `requires: [{name}]` in a task before it")
    elif anchor in ("plan", "ready") and not any(map(_books, suppliers)):
        what = f"no earlier step plans the production, so there is no date {anchor!r}"
        yield Problem(path, what, "put it after the resource with `work: book_slot`")


def _stopped(profile: Profile, path: FieldPath, step: Step) -> Iterator[Problem]:
    """Somebody can begin the window, somebody stops it, and it can be breached."""
    if isinstance(step, AlongsideStep):
        if not step.during and step.trigger != "on_change":
            cure = "name the steps in `during`; leaving them stops it"
            yield Problem(path, "nobody stops its window", cure)
        triggers = {other.trigger for other in profile.alongside}
        if step.trigger == "on_delay" and "daily" not in triggers:
            what = "no step makes a delay known, so its window never begins"
            yield Problem((*path, "trigger"), what, "add a step with `trigger: daily`")
    elif isinstance(step, WaitStep) and step.auto_after:
        after = step.auto_after
        for _, window in step.placed_windows:
            limit = window.limit
            if limit.clock is after.clock and after.is_counted and total(after) <= total(limit):
                what = f"the wait ends by itself after {after}, so {limit} is never breached"
                yield Problem((*path, "auto_after"), what, f"write more than {limit}")


def _runs(path: FieldPath, step: Step, window: Window) -> Iterator[Problem]:
    """Whoever has to see that the money or the answer comes is late when it does not."""
    if step.waits_for is not None and step.waits_for in window.pauses:
        what = f"stands still from its opening, because the step waits for {step.waits_for}"
        cure = f"leave {step.waits_for} out; windows around the step may pause for it"
        yield Problem((*path, "pauses"), what, cure)


def _promised(profile: Profile, path: FieldPath, step: Step) -> Iterator[Problem]:
    """The promised date is watched until the goods are dispatched, wherever the order stands."""
    if not isinstance(step, AlongsideStep) or step.trigger != "on_promise" or not step.during:
        return
    for other in profile.route:
        if other.id not in step.during:
            what = f"the promised date is not watched in {other.id!r}"
            yield Problem((*path, "during"), what, f"add {other.id}")
        if isinstance(other, TaskStep) and other.work is Work.RECORD_DISPATCH:
            return


def _before(profile: Profile, step: Step) -> Iterable[RouteStep]:
    """The steps of the route that stand before the one at which a step's window opens."""
    first = set(step.during) if isinstance(step, AlongsideStep) else {step.id}
    route = profile.route
    end = next((place for place, other in enumerate(route) if other.id in first), 0)
    return route[:end]


def _asks_for(step: RouteStep, name: str) -> bool:
    return isinstance(step, TaskStep) and name in step.requires


def _books(step: RouteStep) -> bool:
    return isinstance(step, ResourceStep) and step.work is Work.BOOK_SLOT
