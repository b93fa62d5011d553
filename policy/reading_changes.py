"""What a profile says of changes and cancellations, read aloud."""

from collections.abc import Iterable, Iterator

from domain.changes import ChangeClass, Touch
from policy.change_rules import CancelRow, ChangeRow, ChangeRules
from policy.model import Profile
from policy.reading_words import capital, joined, plain_words, said_time, title_of
from policy.steps import AlongsideStep

TOUCHED = {
    Touch.CONTACT: "the contact",
    Touch.DELIVER_TO: "the address",
    Touch.REQUIREMENTS: "requirements",
    Touch.REMARKS: "remarks",
    Touch.ATTACHMENTS: "attachments",
    Touch.PROMISED_AT: "the promised date",
    Touch.SPECIFICATION: "a line's specification",
    Touch.QUANTITY_UP: "more of a line",
    Touch.QUANTITY_DOWN: "less of a line",
    Touch.LINE_ADDED: "another line",
    Touch.LINE_REMOVED: "a line less",
    Touch.PRODUCT: "another product",
}
"""What a change touches, as a reader says it."""

_DEPOSITS = {
    "refunded": "a deposit is given back",
    "forfeited": "a deposit is kept",
    "by_contract": "a deposit is settled by the contract",
}
_NEEDED = {
    "always": "",
    "cost": " that raises the price",
    "cost_or_date": " that raises the price or moves the date back",
}


def changes_aloud(profile: Profile) -> Iterator[str]:
    """The matrix of changes, who is told and asked, and what a cancellation costs."""
    rules = profile.changes
    yield "Changes"
    for row in rules.rows:
        yield f"– {_row(profile, row)}"
    back = (
        f"A structural change takes the order back to {title_of(profile, rules.rewind_to)}, "
        f"a new date back to {title_of(profile, rules.replan_at)}."
    )
    yield back
    yield from _asked_for(rules)
    for told in rules.told:
        roles = joined(role.words for role in told.roles)
        yield f"Of a {_classes(told.of)} change {roles} {_verb(told.roles)} told."
    for step in profile.alongside:
        if step.trigger == "on_change":
            yield f"– {step.title} ({step.title_zh}, {step.stage}). {_agreement(step)}"
    yield ""
    yield "Cancellation"
    for cancelled in profile.cancellation.rows:
        yield f"– {_cancelled(profile, cancelled)}"
    yield "Later a cancellation is refused."
    if profile.cancellation.answer:
        who = profile.cancellation.role.words
        yield f"{capital(who)} answers {said_time(profile.cancellation.answer)}."
    if profile.cancellation.told:
        told_roles = joined(role.words for role in profile.cancellation.told)
        yield f"{capital(told_roles)} {_verb(profile.cancellation.told)} told."


def _row(profile: Profile, row: ChangeRow) -> str:
    what = capital(joined(TOUCHED[touch] for touch in row.touches))
    if row.only is not None:
        what += f" of a {row.only.value} order"
    if row.of is ChangeClass.REFUSED:
        since = f" after {title_of(profile, row.since)}" if row.since else ""
        return f"{what}: refused{since}, because {_why(row)}"
    until = f", until the end of {title_of(profile, row.until)}" if row.until else ""
    said = f"{what}: a {row.of} change{until}."
    return f"{said} Later it is refused, because {_why(row)}" if row.because else said


def _why(row: ChangeRow) -> str:
    return f"{row.because}; {row.instead}." if row.instead else f"{row.because}."


def _asked_for(rules: ChangeRules) -> Iterator[str]:
    if rules.evidence:
        yield f"A {_classes(rules.evidence)} change needs the customer's written text."
    if rules.identity:
        yield "Whoever asks for a change or a cancellation is identified first."


def _agreement(step: AlongsideStep) -> str:
    assert step.window is not None, "an answer to a change has a time"
    asked = (
        f"At a {_classes(step.classes)} change{_NEEDED[step.needed]} {step.role.words} answers "
        f"{said_time(step.window)}: {_either(map(plain_words, step.answers))}."
    )
    names = (plain_words(name.rpartition(".")[2]) for name in step.requires)
    needs = f" The answer names the {joined(names)}."
    rules = f" [{'; '.join(step.rules)}]" if step.rules else ""
    return f"{asked} {step.standard}{needs if step.requires else ''}{rules}"


def _classes(classes: tuple[ChangeClass, ...]) -> str:
    return _either(of.value for of in classes)


def _either(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _verb(roles: tuple[object, ...]) -> str:
    return "is" if len(roles) == 1 else "are"


def _cancelled(profile: Profile, row: CancelRow) -> str:
    until = f"Until the end of {title_of(profile, row.until)}"
    why = f", because {row.because}" if row.because else ""
    why += f"; {row.instead}" if row.instead else ""
    if row.terms == "refused":
        return f"{until} it is refused{why}."
    if row.terms == "at_cost" and not row.cost_percent:
        return f"{until} {_DEPOSITS[row.deposit]}{why}."
    cost = "it is free" if row.terms == "free" else f"it costs {row.cost_percent} % of the order"
    return f"{until} {cost}, and {_DEPOSITS[row.deposit]}{why}."
