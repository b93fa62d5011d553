"""Whether a profile's rules of changes fit its route and its steps."""

from collections.abc import Iterator

from domain.changes import ChangeClass, Touch
from domain.stages import Stage
from policy.change_rules import ChangeRow
from policy.faults import choose
from policy.model import Profile
from policy.problems import FieldPath, Problem
from policy.steps import AlongsideStep, GateStep, ReviewStep, RouteStep

AGREED, REFUSED = "agreed", "refused"
ASKED_ABOUT = (ChangeClass.DATE, ChangeClass.TECHNICAL, ChangeClass.STRUCTURAL)
"""Classes that nobody applies alone; a minor change is patched, a refused one is not made."""

_ANSWERS = (AGREED, *ChangeClass)
_OF_CHANGES = ("classes", "needed", "agreeing")


def check_changes(profile: Profile) -> Iterator[Problem]:
    """Everything that keeps a change from being judged as it is written."""
    yield from _steps(profile)
    yield from _rewound(profile)
    yield from _unreached(profile)
    yield from _asked(profile)
    for index, step in enumerate(profile.steps):
        if isinstance(step, AlongsideStep):
            yield from _answers(("steps", index), step)


def _steps(profile: Profile) -> Iterator[Problem]:
    """Every step that is named is one that all orders come through."""
    rules = profile.changes
    named: dict[FieldPath, str | None] = {
        ("changes", "rewind_to"): rules.rewind_to,
        ("changes", "replan_at"): rules.replan_at,
    }
    for index, row in enumerate(rules.rows):
        named["changes", "rows", index, "since"] = row.since
        named["changes", "rows", index, "until"] = row.until
    route = [step.id for step in profile.route if not step.detour]
    detours = {step.id for step in profile.route if step.detour}
    for path, step_id in named.items():
        if step_id in detours:
            what = f"{step_id!r} is a detour, which not every order takes"
            yield Problem(path, what, f"write one of {', '.join(route)}")
        elif step_id is not None and step_id not in route:
            yield Problem(
                path, f"the route has no step {step_id!r}", choose(step_id, route), step_id
            )


def _rewound(profile: Profile) -> Iterator[Problem]:
    """Whatever was paid or signed for the order as it was is asked for again (5.2, L08 to L14)."""
    target = profile.changes.rewind_to
    for step in profile.route:
        if step.id == target:
            return
        if _answers_for_a_version(step) and not step.detour:
            what = f"leads back behind {step.id!r}, so money or a signature stays as it was"
            yield Problem(("changes", "rewind_to"), what, f"write {step.id}", target)
            return


def _answers_for_a_version(step: RouteStep) -> bool:
    if isinstance(step, GateStep):
        return step.asks_for_money
    return isinstance(step, ReviewStep) or step.stage is Stage.CONTRACT


def _unreached(profile: Profile) -> Iterator[Problem]:
    """The first row that fits counts, so one behind a row without end never does."""
    settled: dict[Touch, int] = {}
    for index, row in enumerate(profile.changes.rows):
        for place, touch in enumerate(row.touches):
            if touch in settled:
                path: FieldPath = ("changes", "rows", index, "touches", place)
                what = f"row {settled[touch] + 1} settles {touch} for every order and step"
                yield Problem(path, what, "put this row first, or give the other an until")
            elif _is_endless(row):
                settled[touch] = index


def _is_endless(row: ChangeRow) -> bool:
    return row.until is None and row.since is None and row.only is None


def _asked(profile: Profile) -> Iterator[Problem]:
    asked = {
        of
        for step in profile.alongside
        if step.trigger == "on_change" and step.needed == "always"
        for of in step.classes
    }
    for index, row in enumerate(profile.changes.rows):
        if row.of in ASKED_ABOUT and row.of not in asked:
            what = f"nobody is asked about a {row.of} change"
            cure = f"add a step with `trigger: on_change` and `classes: [{row.of}]`"
            yield Problem(("changes", "rows", index, "of"), what, cure)


def _answers(path: FieldPath, step: AlongsideStep) -> Iterator[Problem]:
    if step.trigger != "on_change":
        for name in _OF_CHANGES:
            if name in step.model_fields_set:
                what = f"{name} belongs to a step that answers to changes"
                yield Problem((*path, name), what, "write `trigger: on_change`, or leave it out")
        return
    if not step.classes:
        cure = "name those it answers to, such as `classes: [date]`"
        yield Problem((*path, "classes"), "answers to no class of change", cure)
    if step.during:
        what = "a change is asked about whenever it comes"
        yield Problem((*path, "during"), what, "leave during out")
    for place, of in enumerate(step.classes):
        if of is ChangeClass.REFUSED:
            what, cure = "nobody is asked about a refused change", "leave it out"
            yield Problem((*path, "classes", place), what, cure)
    for place, answer in enumerate(step.agreeing):
        if answer not in _ANSWERS:
            what = f"{answer!r} is no answer to a change"
            yield Problem((*path, "agreeing", place), what, choose(answer, _ANSWERS))
    if REFUSED not in step.agreeing or len(step.agreeing) == 1:
        what = "an answer to a change can be yes and no"
        yield Problem((*path, "agreeing"), what, "write `[agreed, refused]`")
