"""Whether the gates of money and the steps for some orders make sense in their profile."""

from collections.abc import Iterator

from policy.clock_checks import placed_windows
from policy.faults import choose
from policy.model import Profile
from policy.problems import FieldPath, Problem
from policy.steps import MONEY_FACTS, Fact, GateStep, TaskStep, Work


def check_money(profile: Profile) -> Iterator[Problem]:
    """Everything that contradicts itself about money, and about whom a step is for."""
    yield from _facts(profile)
    yield from _deposit(profile)
    yield from _only(profile)
    yield from _reported(profile)


def _facts(profile: Profile) -> Iterator[Problem]:
    for index, step in enumerate(profile.steps):
        if not isinstance(step, GateStep):
            continue
        for place, fact in enumerate(step.facts):
            path: FieldPath = ("steps", index, "facts", place)
            if fact is Fact.DEPOSIT_PAID and profile.money.deposit is None:
                what = "the regulation knows no deposit"
                yield Problem(path, what, "say in money.deposit how much it is")
            if fact not in MONEY_FACTS and step.work is Work.CHECK_MONEY:
                what = f"{fact} is no matter of money"
                yield Problem(path, what, "give the gate `work: release_shipping`")


def _deposit(profile: Profile) -> Iterator[Problem]:
    """Somebody asks for the deposit, and the windows of its clock are there."""
    rules = profile.money.deposit
    if rules is None:
        return
    known = [window.id for _, window in placed_windows(profile)]
    for field, rule in (("suspends", rules.suspends), ("forfeits", rules.forfeits)):
        if rule is not None and rule not in known:
            path: FieldPath = ("money", "deposit", field)
            yield Problem(path, f"there is no window {rule}", choose(rule, known))
    gates = (step for step in profile.route if isinstance(step, GateStep))
    if not any(Fact.DEPOSIT_PAID in gate.facts for gate in gates):
        what, cure = "no gate asks for the deposit", "add a gate with `facts: [deposit_paid]`"
        yield Problem(("money", "deposit"), what, cure)


def _reported(profile: Profile) -> Iterator[Problem]:
    """What reports a payment is an answer of its step."""
    for index, step in enumerate(profile.steps):
        if not isinstance(step, TaskStep) or step.reports_payment is None:
            continue
        if step.reports_payment not in step.outcomes:
            path: FieldPath = ("steps", index, "reports_payment")
            what = f"the step takes no answer {step.reports_payment!r}"
            yield Problem(path, what, choose(step.reports_payment, step.outcomes))


def _only(profile: Profile) -> Iterator[Problem]:
    """What every order needs is there for every order."""
    for index, step in enumerate(profile.steps):
        if step.only is None:
            continue
        path: FieldPath = ("steps", index, "only")
        if step.detour:
            what = "a detour is there for every order that is led to it"
        elif step.id == profile.route[0].id:
            what = "every order needs a first step"
        elif step.id == profile.number_at:
            what = "every order gets its number here"
        elif isinstance(step, TaskStep) and step.work is Work.RECORD_DISPATCH:
            what = "every order is dispatched"
        else:
            continue
        yield Problem(path, what, "leave only out")
