"""A profile as its owner would read it aloud: numbered articles, one a step."""

from collections.abc import Iterator

from domain.answers import by_outcome
from domain.limits import Clock
from domain.windows import Mark
from policy.ladder import CaseRules, Listener, Rung
from policy.model import Profile
from policy.money_reading import money_aloud
from policy.reading_changes import changes_aloud
from policy.reading_follow_ups import follow_up_lines
from policy.reading_words import capital, joined, plain_words, said_time, title_of
from policy.sanctions import Sanction
from policy.steps import (
    NEXT,
    REFUSE,
    AlongsideStep,
    GateStep,
    Pace,
    ResourceStep,
    ReviewStep,
    RouteStep,
    Step,
    TaskStep,
    WaitStep,
    Work,
)

_PACES = {
    Pace.ENGINE: "at once, by the platform",
    Pace.PROMISE: "in time for the promised date",
    Pace.CUSTOMER: "in the customer's own time",
    Pace.DEPARTMENT: "in the department's own time",
}
_NOTICES = {
    "on_warning": "as soon as a window is warned",
    "on_delay_known": "as soon as a delay is known",
    "after_remedy_failed": "when no remedy has helped",
    "on_extension_needed": "when the promised date has to move",
}
_RESOURCES = {
    Work.CHECK_MATERIAL: "reserves the material",
    Work.BOOK_SLOT: "books a line",
}
_TRIGGERS = {
    "daily": "Every working day during",
    "on_delay": "When a delay becomes known during",
    "on_promise": "During",
    "watch": "During",
}


def read_aloud(profile: Profile) -> str:
    """The whole regulation as text: route, duties alongside, ladder, case and notices."""
    return "\n".join(_lines(profile)) + "\n"


def _lines(profile: Profile) -> Iterator[str]:
    yield f"{profile.id}: {profile.title} ({profile.title_zh}), edition {profile.version}"
    calendars = f"Calendar {profile.calendar}"
    if any(window.limit.clock is Clock.BANK_DAYS for window, _ in profile.windows):
        calendars += f", for bank days {profile.bank_calendar}"
    yield f"From {profile.source}. {calendars}."
    required = joined(plain_words(name) for name in profile.required_fields)
    numbered = title_of(profile, profile.number_at)
    yield f"An order states {required}. It gets its number at {numbered}."
    yield ""
    yield "The route"
    number = 0
    for step in profile.route:
        # A detour is read where it stands, with the number of the step that it follows.
        number += not step.detour
        mark = f"{number}{'a' if step.detour else ''}."
        yield f"{mark} {_head(step)}. {_article(profile, step)}"
    yield ""
    yield "Alongside"
    for beside in profile.alongside:
        if beside.trigger == "on_change":
            continue
        yield f"– {_head(beside)}. {_duty(profile, beside)}"
    yield ""
    yield from changes_aloud(profile)
    yield ""
    yield "When a window is not kept"
    for rung in profile.ladder:
        yield f"E{rung.mark.level} {_rung(rung)}"
    case = profile.case
    yield f"An overdue case: {'; '.join(_case(case))}."
    yield from money_aloud(profile.money)
    for sanction in profile.sanctions:
        yield _sanction(sanction)
    yield from follow_up_lines(profile)
    yield f"The customer is told of a delay {_NOTICES[profile.customer_notice]}."
    if profile.quiet_hours:
        begin, end = profile.quiet_hours
        yield f"A notice that arises between {begin} and {end} goes out at {end}."


def _case(case: CaseRules) -> Iterator[str]:
    yield f"{case.cause_role.words} states the cause {said_time(case.cause_window)}"
    if case.analysis_role and case.analysis_window and case.measure_window:
        yield (
            f"{case.analysis_role.words} analyses it at E2 {said_time(case.analysis_window)}, and "
            f"names a measure with an owner, who does it {said_time(case.measure_window)}"
        )
    if case.decision_role and case.decision_window:
        yield (
            f"{case.decision_role.words} decides at E3 {said_time(case.decision_window)} on "
            "resources, a new plan, outsourcing or a new date"
        )
    yield f"{case.closing_role.words} closes it {said_time(case.closing_window)}"


def _sanction(sanction: Sanction) -> str:
    event, spared = "an order leaves by its promised date", ""
    if sanction.on == "window_breached":
        event = f"window {sanction.rule} is missed" if sanction.rule else "a window is missed"
        spared = " A cause of the customer's charges nobody."
    who = "the late step's owner" if sanction.charged == "owner" else plain_words(sanction.charged)
    verb = "pays" if sanction.kind == "fine" else "gets"
    told = f"{who} {verb} {sanction.sum} each time ({sanction.id}). {sanction.text}{spared}"
    return f"If {event}, {told}"


def _head(step: Step) -> str:
    return f"{step.title} ({step.title_zh}, {step.stage})"


def _article(profile: Profile, step: RouteStep) -> str:
    sentences = [*_only(step), _opening(step), step.standard]
    match step:
        case TaskStep():
            sentences += _required(step)
            if step.reports_payment:
                answer = plain_words(step.reports_payment)
                sentences.append(f"The answer {answer} reports a payment; it books none.")
            if set(step.outcomes.values()) != {NEXT}:
                sentences.append(_outcomes(profile, step.outcomes))
        case ReviewStep():
            who = "If one refuses" if step.mode == "all" else "If all refuse"
            sentences.append(f"{who} → {_target(profile, step.refused)}.")
        case ResourceStep():
            sentences.append(f"If that is refused → {_target(profile, step.refused)}.")
        case GateStep():
            facts = joined(plain_words(fact) for fact in step.facts)
            sentences.append(f"Nothing passes before this holds: {facts}.")
            if step.refused:
                sentences.append(f"If that is refused → {_target(profile, step.refused)}.")
        case WaitStep():
            if step.auto_after:
                after = step.auto_after.words
                sentences.append(f"Without an answer it counts as given after {after}.")
    if step.rules:
        sentences.append(f"[{'; '.join(step.rules)}]")
    return " ".join(sentences)


def _only(step: Step) -> list[str]:
    return [f"Only for {step.only} orders."] if step.only else []


def _opening(step: RouteStep) -> str:
    who, when = step.role.words, _when(step)
    match step:
        case ReviewStep():
            quorum = "" if step.mode == "all" else " (any one of them)"
            reviewers = capital(joined(role.words for role in step.reviewers))
            verb = "reviews" if len(step.reviewers) == 1 else "review"
            return f"{reviewers}{quorum} {verb} the order {when}."
        case ResourceStep():
            return (
                f"The platform {_RESOURCES[step.work]} itself; if it cannot, {who} decides {when}."
            )
        case GateStep() if step.work is Work.CHECK_MONEY:
            return f"The platform looks at the money; {who} is asked {when}."
        case GateStep():
            return f"The platform compares; {who} is asked {when}."
        case WaitStep():
            return f"The order waits for the {step.awaits}, {when}."
        case TaskStep():
            return f"{capital(who)}, {when}."


def _when(step: Step) -> str:
    if step.window_by_route:
        ways = [f"for money by {way} {said_time(at)}" for way, at in step.window_by_route.items()]
        others = [f"for all others {said_time(step.window)}"] if step.window else []
        return ", ".join((*ways, *others))
    if step.window:
        return said_time(step.window)
    assert step.paced_by is not None
    return _PACES[step.paced_by]


def _outcomes(profile: Profile, outcomes: dict[str, str]) -> str:
    parts = [f"{plain_words(answer)} → {_target(profile, to)}" for answer, to in outcomes.items()]
    return f"If {'; if '.join(parts)}."


def _target(profile: Profile, target: str) -> str:
    if target == NEXT:
        return "the next step"
    return "the order is refused" if target == REFUSE else title_of(profile, target)


def _duty(profile: Profile, step: AlongsideStep) -> str:
    during = (
        joined(title_of(profile, name) for name in step.during)
        if len(step.during) < len(profile.route) / 2
        else f"{title_of(profile, step.during[0])} to {title_of(profile, step.during[-1])}"
    )
    duty = f"{_TRIGGERS[step.trigger]} {during}: {step.role.words}, {_when(step)}."
    return " ".join([*_only(step), duty, step.standard, *_required(step)])


def _required(step: TaskStep | AlongsideStep) -> list[str]:
    said = []
    for outcome, names in by_outcome(step.requires).items():
        answer = f"The answer {plain_words(outcome)}" if outcome else "The answer"
        said.append(f"{answer} names the {joined(map(plain_words, names))}.")
    return said


_RUNGS = {
    Mark.REMINDER: "At a reminder",
    Mark.WARNING: "At the warning",
    Mark.BREACH: "At the breach",
    Mark.DUE_DATE: "When the promised date has passed",
    Mark.CLOSING: "When an order with overdue cases ends",
}


def _rung(rung: Rung) -> str:
    if rung.at_least is None:
        when = _RUNGS[rung.mark]
    else:
        whole = rung.after_percent == 100
        share = "One more window" if whole else f"{rung.after_percent} % of the window"
        when = f"{share} later, at least {rung.at_least.words}"
    return f"{when}: {joined(map(_listener, rung.tell))} are told. {rung.action}"


def _listener(listener: Listener) -> str:
    names = {"owner": "the step's owner", "departments": "all departments on the order"}
    return names.get(listener, plain_words(listener))
