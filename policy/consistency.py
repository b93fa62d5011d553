"""Whether a profile makes sense as a whole; each field by itself is the model's business."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from domain.dispatch import FAILED, IN_PARTS
from domain.orders import OrderRequest
from domain.roles import Role
from domain.stages import Stage
from domain.windows import Mark
from policy.cancel_checks import check_cancellation
from policy.change_checks import check_changes
from policy.clock_checks import check_clocks, placed_windows
from policy.faults import choose
from policy.follow_up_checks import check_follow_ups
from policy.model import Profile
from policy.money_checks import check_money
from policy.problems import FieldPath, Problem
from policy.steps import (
    NEXT,
    REFUSE,
    AlongsideStep,
    Fact,
    GateStep,
    ResourceStep,
    ReviewStep,
    RouteStep,
    Step,
    TaskStep,
    WaitStep,
    Work,
)


def check(profile: Profile) -> Iterator[Problem]:
    """Everything that contradicts itself in `profile`."""
    yield from _names(profile)
    yield from _windows(profile)
    yield from check_clocks(profile)
    targets = tuple(_targets(profile))
    yield from targets
    yield from _alongside(profile)
    yield from _detours(profile)
    if not targets:
        # Walking a route with a missing step would report its followers, too.
        yield from _route(profile)
    yield from _gates(profile)
    yield from check_money(profile)
    yield from _dispatches(profile)
    yield from _waits(profile)
    yield from _ladder(profile)
    yield from _case(profile)
    yield from _sanctions(profile)
    yield from check_changes(profile)
    yield from check_follow_ups(profile)
    yield from check_cancellation(profile)


def _names(profile: Profile) -> Iterator[Problem]:
    seen: dict[str, FieldPath] = {}
    for index, step in enumerate(profile.steps):
        path: FieldPath = ("steps", index, "id")
        if step.id in seen:
            what, cure = f"there are two steps {step.id!r}", "give each its own id"
            yield Problem(path, what, cure, other=seen[step.id])
        if step.id in (NEXT, REFUSE):
            yield Problem(path, f"{step.id!r} is a target, not a step", "choose another id")
        seen.setdefault(step.id, path)
    for index, name in enumerate(profile.required_fields):
        if name not in OrderRequest.model_fields:
            what = f"an order has no field {name!r}"
            yield Problem(("required_fields", index), what, choose(name, OrderRequest.model_fields))
    ids = [step.id for step in profile.route if not step.detour]
    for field in ("number_at",):
        step_id: str = getattr(profile, field)
        if step_id not in ids:
            what = f"the route has no step {step_id!r}"
            yield Problem((field,), what, choose(step_id, ids), step_id)


def _windows(profile: Profile) -> Iterator[Problem]:
    seen: dict[str, FieldPath] = {}
    for path, window in placed_windows(profile):
        if window.id in seen:
            what, cure = f"rule {window.id} has a window already", "give each its own rule id"
            yield Problem((*path, "id"), what, cure, other=seen[window.id])
        seen.setdefault(window.id, (*path, "id"))


def _leads(step: RouteStep) -> dict[FieldPath, str]:
    """Where each answer of a step leads, by the field that says so."""
    match step:
        case TaskStep():
            return {("outcomes", answer): target for answer, target in step.outcomes.items()}
        case ReviewStep() | ResourceStep():
            return {("refused",): step.refused}
        case GateStep(refused=str(target)):
            return {("refused",): target}
        case _:
            return {}


def _targets(profile: Profile) -> Iterator[Problem]:
    ids = [step.id for step in profile.route]
    for index, step in enumerate(profile.steps):
        if isinstance(step, AlongsideStep):
            continue
        for field, target in _leads(step).items():
            if target not in (NEXT, REFUSE, *ids):
                what = f"the route has no step {target!r}"
                cure = choose(target, (NEXT, REFUSE, *ids))
                yield Problem(("steps", index, *field), what, cure, target)
        if isinstance(step, ReviewStep):
            path: FieldPath = ("steps", index, "reviewers")
            for role, times in Counter(step.reviewers).items():
                if times > 1:
                    yield Problem(path, f"{role.words} reviews twice", "name each role once")


def _alongside(profile: Profile) -> Iterator[Problem]:
    ids = [step.id for step in profile.route]
    for index, step in enumerate(profile.steps):
        if not isinstance(step, AlongsideStep):
            continue
        for place, name in enumerate(step.during):
            if name not in ids:
                path: FieldPath = ("steps", index, "during", place)
                yield Problem(path, f"the route has no step {name!r}", choose(name, ids), name)
        if step.window is None:
            cure = "give it a window; answering in time is all it asks for"
            yield Problem(("steps", index), "runs alongside without a window", cure)
            continue
        promised = step.window.limit.is_promise
        if promised != (step.trigger == "on_promise"):
            path = ("steps", index, "window", "limit")
            what = f"the trigger {step.trigger} and the limit {step.window.limit} do not fit"
            yield Problem(path, what, "`promised` belongs to on_promise, and on_promise to it")


def _detours(profile: Profile) -> Iterator[Problem]:
    for index, step in enumerate(profile.steps):
        if not step.detour:
            continue
        if not isinstance(step, TaskStep):
            what = f"a {step.kind} cannot be a detour"
            yield Problem(("steps", index, "detour"), what, "only a task says where to go from it")
            continue
        for answer, target in step.outcomes.items():
            if target == NEXT:
                path: FieldPath = ("steps", index, "outcomes", answer)
                what = "a detour has no next step"
                yield Problem(path, what, "name the step at which the order returns to the route")
        others = (other for other in profile.route if other.id != step.id)
        if not any(step.id in _leads(other).values() for other in others):
            what = "no other step leads to this detour"
            cure = f"name {step.id} as a target, or drop the step"
            yield Problem(("steps", index), what, cure)


def _successors(profile: Profile) -> dict[str, set[str]]:
    """The steps that may follow each step; REFUSE and NEXT stand for leaving the route."""
    main = [step.id for step in profile.route if not step.detour]
    following = dict(zip(main, [*main[1:], NEXT], strict=True))
    successors: dict[str, set[str]] = {}
    for step in profile.route:
        leads = set(_leads(step).values())
        if not isinstance(step, TaskStep):
            leads.add(NEXT)
        onward = following.get(step.id, REFUSE)
        successors[step.id] = {onward if target == NEXT else target for target in leads}
    return successors


def _route(profile: Profile) -> Iterator[Problem]:
    successors = _successors(profile)
    index_of = {step.id: index for index, step in enumerate(profile.steps)}
    first = next((step.id for step in profile.route if not step.detour), None)
    if first is None:
        yield Problem(("steps",), "has no route", "write at least one step that is no detour")
        return
    reached = _closure({first}, successors)
    if NEXT not in reached:
        yield Problem(("steps",), "the route never reaches its end", "let some answer lead `next`")
    for step in profile.route:
        path: FieldPath = ("steps", index_of[step.id])
        if step.id not in reached and not step.detour:
            yield Problem(path, "no answer leads here", "lead to it, or drop it")
        if not _closure({step.id}, successors) & {NEXT, REFUSE}:
            yield Problem(path, "no way leads out of here", "let some answer lead `next`")


def _closure(start: set[str], successors: dict[str, set[str]]) -> set[str]:
    reached, open_ends = set(start), list(start)
    while open_ends:
        for follower in successors.get(open_ends.pop(), set()) - reached:
            reached.add(follower)
            open_ends.append(follower)
    return reached


def _gates(profile: Profile) -> Iterator[Problem]:
    earlier: list[Step] = []
    for index, step in enumerate(profile.steps):
        if isinstance(step, GateStep):
            makers = [other for other in earlier if other.only in (None, step.only)]
            for place, fact in enumerate(step.facts):
                if fact in _MAKERS and not any(_makes_true(other, fact) for other in makers):
                    path: FieldPath = ("steps", index, "facts", place)
                    what = f"no earlier step can make {fact} true"
                    if any(_makes_true(other, fact) for other in earlier):
                        what += " for every order that comes here"
                    yield Problem(path, what, f"put {_MAKERS[fact]} before the gate")
        if not step.detour:
            earlier.append(step)


_MAKERS = {
    Fact.INSPECTION_PASSED: "a task with `work: record_inspection`",
    Fact.GOODS_MATCH_ORDER: "a task with `work: record_packing`",
    Fact.PLAN_APPROVED: f"a task of stage {Stage.PLAN_APPROVAL}",
    Fact.CUSTOMER_CONFIRMED: f"a task of stage {Stage.CONFIRMATION}",
    Fact.REVIEW_APPROVED: "a review",
    Fact.COUNTERSIGNED: f"a review of stage {Stage.SHIPPING_RELEASE}",
    Fact.RECEIVING_AGREED: f"a task of stage {Stage.PRE_SHIP_CHECK}",
}


def _makes_true(step: Step, fact: Fact) -> bool:
    """Whether an answer to this step is what the fact looks at."""
    of_stage = {
        Fact.PLAN_APPROVED: Stage.PLAN_APPROVAL,
        Fact.CUSTOMER_CONFIRMED: Stage.CONFIRMATION,
        Fact.RECEIVING_AGREED: Stage.PRE_SHIP_CHECK,
    }
    by_work = {
        Fact.INSPECTION_PASSED: Work.RECORD_INSPECTION,
        Fact.GOODS_MATCH_ORDER: Work.RECORD_PACKING,
    }
    if isinstance(step, ReviewStep):
        signed = step.stage is Stage.SHIPPING_RELEASE
        return fact is Fact.REVIEW_APPROVED or (fact is Fact.COUNTERSIGNED and signed)
    if not isinstance(step, TaskStep):
        return False
    return step.stage is of_stage.get(fact) or (
        step.work is not None and step.work is by_work.get(fact)
    )


def _dispatches(profile: Profile) -> Iterator[Problem]:
    """After a shipment in parts, and after one that failed, the rest still waits to be shipped."""
    for index, step in enumerate(profile.steps):
        if not isinstance(step, TaskStep) or step.work is not Work.RECORD_DISPATCH:
            continue
        for answer in sorted({FAILED, *IN_PARTS} & step.outcomes.keys()):
            if step.outcomes[answer] != step.id:
                path: FieldPath = ("steps", index, "outcomes", answer)
                what = f"{answer} leads to {step.outcomes[answer]!r}, and the rest stays behind"
                yield Problem(path, what, f"write {answer}: {step.id}")


def _waits(profile: Profile) -> Iterator[Problem]:
    dispatched = False
    for index, step in enumerate(profile.steps):
        if isinstance(step, TaskStep) and step.work is Work.RECORD_DISPATCH:
            dispatched = True
        if not isinstance(step, WaitStep):
            continue
        if not dispatched:
            what = "waits for a receipt before anything is dispatched"
            cure = "put it after the task with `work: record_dispatch`"
            yield Problem(("steps", index), what, cure)
        after = step.auto_after
        if after and (after.is_range or not after.is_counted):
            path: FieldPath = ("steps", index, "auto_after")
            yield Problem(path, f"{after} is no single length", "write 7d/CT or 5wd")


def _ladder(profile: Profile) -> Iterator[Problem]:
    marks = [rung.mark for rung in profile.ladder]
    if Mark.BREACH not in marks:
        yield Problem(("ladder",), "has no rung for the breach", "add `- mark: breach`")
    for index, (lower, higher) in enumerate(pairwise(marks), start=1):
        if higher.level <= lower.level:
            what = f"{higher} stands after {lower}"
            cure = f"write the rungs upwards: {', '.join(Mark)}"
            yield Problem(("ladder", index, "mark"), what, cure)


def _case(profile: Profile) -> Iterator[Problem]:
    for field, window, role in profile.case.windows:
        if role is Role.CUSTOMER:
            path: FieldPath = ("case", field.replace("_window", "_role"))
            yield Problem(path, "a case is the company's own business", "name a role inside")
        if (field == "measure_window") != (str(window.limit) == "agreed"):
            path = ("case", field, "limit")
            what = f"{field} and the limit {window.limit} do not fit"
            yield Problem(path, what, "`agreed` belongs to measure_window, and it to `agreed`")


def _sanctions(profile: Profile) -> Iterator[Problem]:
    rules = [window.id for _, window in placed_windows(profile)]
    seen: dict[str, FieldPath] = {}
    for index, sanction in enumerate(profile.sanctions):
        path: FieldPath = ("sanctions", index, "id")
        if sanction.id in seen:
            what, cure = f"there are two sanctions {sanction.id}", "give each its own rule id"
            yield Problem(path, what, cure, other=seen[sanction.id])
        seen.setdefault(sanction.id, path)
        if sanction.rule is not None and sanction.rule not in rules:
            what = f"there is no window {sanction.rule}"
            yield Problem(("sanctions", index, "rule"), what, choose(sanction.rule, rules))
        if sanction.charged is Role.CUSTOMER:
            what = "nobody inside is charged or rewarded"
            yield Problem(("sanctions", index, "charged"), what, "name owner or a role inside")
