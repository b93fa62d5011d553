"""Whether the terms of cancelling make sense beside the route that they speak of."""

from collections.abc import Iterator

from domain.roles import Role
from policy.change_rules import CANCELLATION, CancelRow
from policy.faults import choose
from policy.model import Profile
from policy.problems import FieldPath, Problem
from policy.steps import TaskStep, Work


def check_cancellation(profile: Profile) -> Iterator[Problem]:
    """Rows name steps of the route, upwards and not past dispatch, and say what they cost."""
    yield from _places(profile)
    for index, row in enumerate(profile.cancellation.rows):
        yield from _row(profile, ("cancellation", "rows", index), row)
    yield from _roles(profile)
    for index, step in enumerate(profile.steps):
        if step.id == CANCELLATION:
            what = f"{CANCELLATION!r} is how the question about a cancellation is named"
            yield Problem(("steps", index, "id"), what, "choose another id")


def _places(profile: Profile) -> Iterator[Problem]:
    place = {step.id: index for index, step in enumerate(profile.route)}
    ids = [step.id for step in profile.route if not step.detour]
    dispatch = next(
        (
            place[step.id]
            for step in profile.route
            if isinstance(step, TaskStep) and step.work is Work.RECORD_DISPATCH
        ),
        len(place),
    )
    before: str | None = None
    for index, row in enumerate(profile.cancellation.rows):
        path: FieldPath = ("cancellation", "rows", index, "until")
        if row.until not in ids:
            what = f"the route has no step {row.until!r}"
            yield Problem(path, what, choose(row.until, ids), row.until)
            continue
        if before is not None and place[row.until] <= place[before]:
            what = f"{row.until!r} does not come after {before!r}, so this row is never reached"
            yield Problem(path, what, "write the rows in the order of the route")
        if place[row.until] > dispatch and row.terms != "refused":
            what = f"when {row.until!r} is reached, the goods have left"
            yield Problem(path, what, "end at the step that dispatches; what left is returned")
        before = row.until


def _row(profile: Profile, path: FieldPath, row: CancelRow) -> Iterator[Problem]:
    if row.terms != "at_cost" and row.cost_percent:
        what = f"a cancellation that is {row.terms} costs nothing"
        yield Problem((*path, "cost_percent"), what, "leave it out, or write `terms: at_cost`")
    if row.terms == "at_cost" and not row.cost_percent and row.deposit == "refunded":
        what = "says that it costs something, and not how much"
        yield Problem((*path, "terms"), what, "add cost_percent, or say what the deposit becomes")
    if row.terms == "refused" and row.deposit != "refunded":
        what = "refuses, so nothing becomes of the deposit"
        yield Problem((*path, "deposit"), what, "leave it out")
    if row.terms == "refused" and row.because is None:
        yield Problem((*path, "terms"), "refuses without a reason", "add because")
    if row.deposit == "by_contract" and profile.cancellation.answer is None:
        what = "nobody has a window in which to settle it by the contract"
        yield Problem((*path, "deposit"), what, "add an answer window to `cancellation`")


def _roles(profile: Profile) -> Iterator[Problem]:
    rules = profile.cancellation
    if rules.role is Role.CUSTOMER:
        what = "the customer asks, and cannot answer"
        yield Problem(("cancellation", "role"), what, "name a role inside")
    for index, role in enumerate(rules.told):
        path: FieldPath = ("cancellation", "told", index)
        if role is Role.CUSTOMER:
            yield Problem(path, "the customer is told anyway", "leave it out")
        elif role in rules.told[:index]:
            yield Problem(path, f"{role.words} is told twice", "name each role once")
