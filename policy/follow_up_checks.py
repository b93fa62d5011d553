"""Whether the follow-ups of a profile can be run: reached, ended, asked for, signed by two."""

from collections.abc import Iterator

from domain.answers import needed
from policy.faults import choose
from policy.follow_ups import DONE, FollowUp, FollowUpStep, FollowUpWork
from policy.model import Profile
from policy.problems import FieldPath, Problem

_NEEDS = {
    FollowUpWork.APPROVE_REFUND: ("refund", ("approved", "rejected")),
    FollowUpWork.PAY_REFUND: ("refund", ("paid", "impossible")),
    FollowUpWork.PLACE_PAYMENT: ("payment", ("keep", "assign", "refund")),
    FollowUpWork.COLLECT: ("owing", ("paid", "later", "given_up")),
}
"""What a work belongs to, and the answers that it understands."""

_BEGUN = {"refund": "a refund", "payment": "a payment", "owing": "a debt"}


_TOLD = {
    FollowUpWork.APPROVE_REFUND: {"rejected": "reason"},
    FollowUpWork.PAY_REFUND: {"paid": "reference", "impossible": "reason"},
    FollowUpWork.PLACE_PAYMENT: {"assign": "order"},
    FollowUpWork.COLLECT: {"given_up": "reason"},
}
"""What an answer has to name for its work."""


def check_follow_ups(profile: Profile) -> Iterator[Problem]:
    """Everything that contradicts itself in `profile.follow_ups`."""
    seen: dict[str, FieldPath] = {}
    for place, kind in enumerate(profile.follow_ups):
        path: FieldPath = ("follow_ups", place)
        if kind.id in seen:
            what, cure = f"there are two follow-ups {kind.id!r}", "give each its own id"
            yield Problem((*path, "id"), what, cure, other=seen[kind.id])
        seen.setdefault(kind.id, (*path, "id"))
        if kind.begins == "asked" and not kind.asked_by:
            what, cure = "nobody may ask for it, so it never begins", "name roles in asked_by"
            yield Problem((*path, "begins"), what, cure)
        yield from _steps(kind, path)


def _steps(kind: FollowUp, path: FieldPath) -> Iterator[Problem]:
    ids = [step.id for step in kind.steps]
    before: set[str] = set()
    broken = False
    for index, step in enumerate(kind.steps):
        here: FieldPath = (*path, "steps", index)
        if step.id in before or step.id == DONE:
            what = f"{kind.id} has a step {step.id!r} already"
            if step.id == DONE:
                what = f"{step.id!r} is a target, not a step"
            yield Problem((*here, "id"), what, "choose another id")
        for answer, target in step.outcomes.items():
            if target not in (DONE, *ids):
                broken = True
                what = f"{kind.id} has no step {target!r}"
                yield Problem((*here, "outcomes", answer), what, choose(target, (DONE, *ids)))
        if step.not_by is not None and step.not_by not in before:
            what = f"no earlier step of {kind.id} is called {step.not_by!r}"
            cure = choose(step.not_by, before) if before else "leave not_by out of the first step"
            yield Problem((*here, "not_by"), what, cure)
        yield from _window(step, here)
        yield from _answers(step, here)
        yield from _work(kind, step, here)
        before.add(step.id)
    if not broken:
        yield from _ways(kind, path)


def _window(step: FollowUpStep, path: FieldPath) -> Iterator[Problem]:
    window = step.window
    if window.counts_from != "opening":
        what = "the windows of a follow-up count from when they open"
        yield Problem((*path, "window", "counts_from"), what, "leave counts_from out")
    if window.limit.hangs_on_a_date:
        what = f"{window.limit} is a date of the order, which is over by then"
        yield Problem((*path, "window", "limit"), what, "write a length such as 2h or 1wd")


def _answers(step: FollowUpStep, path: FieldPath) -> Iterator[Problem]:
    for place, name in enumerate(step.requires):
        answer, _, needed = name.rpartition(".")
        if answer and answer not in step.outcomes:
            what = f"there is no answer {answer!r} that could name {needed}"
            yield Problem((*path, "requires", place), what, choose(answer, step.outcomes))


def _work(kind: FollowUp, step: FollowUpStep, path: FieldPath) -> Iterator[Problem]:
    if step.work is None:
        return
    if step.work not in _NEEDS:
        if "amount" not in {name.rpartition(".")[2] for name in step.requires}:
            what = "no answer names the amount that it proposes"
            yield Problem((*path, "work"), what, "write `requires: [amount]`")
        return
    begins, known = _NEEDS[step.work]
    if kind.begins != begins:
        what = f"{step.work} belongs to a follow-up that begins with {_BEGUN[begins]}"
        yield Problem((*path, "work"), what, f"write `begins: {begins}`, or leave work out")
    for answer in step.outcomes:
        if answer not in known:
            what = f"{step.work} does not know the answer {answer!r}"
            yield Problem((*path, "outcomes", answer), what, choose(answer, known))
    for answer, name in _TOLD[step.work].items():
        if answer in step.outcomes and name not in needed(step.requires, answer):
            what = f"{step.work} needs to be told the {name} with {answer}"
            yield Problem((*path, "work"), what, f"write `requires: [{answer}.{name}]`")


def _ways(kind: FollowUp, path: FieldPath) -> Iterator[Problem]:
    leads = {step.id: set(step.outcomes.values()) for step in kind.steps}
    reached = _closure(kind.steps[0].id, leads)
    for index, step in enumerate(kind.steps):
        here: FieldPath = (*path, "steps", index)
        if step.id not in reached:
            yield Problem(here, "no answer leads here", "lead to it, or drop it")
        if DONE not in _closure(step.id, leads):
            yield Problem(here, "no way leads out of here", "let some answer lead to `done`")


def _closure(start: str, leads: dict[str, set[str]]) -> set[str]:
    reached, open_ends = {start}, [start]
    while open_ends:
        for following in leads.get(open_ends.pop(), set()) - reached:
            reached.add(following)
            open_ends.append(following)
    return reached
