"""The facts of a gate (catalogue 6.1), each read from the order's records."""

from collections.abc import Iterable

from activities.money_facts import missing_money
from activities.order_file import OrderFile
from domain.roles import Role
from domain.stages import Stage
from policy.steps import MONEY_FACTS, NEXT, Fact, ReviewStep, TaskStep
from store import goods, tasks

_STAGES = {
    Fact.PLAN_APPROVED: (Stage.PLAN_APPROVAL, "the plan is not approved"),
    Fact.CUSTOMER_CONFIRMED: (Stage.CONFIRMATION, "the customer has not confirmed"),
    Fact.REVIEW_APPROVED: (Stage.REVIEW, "the review is not approved"),
    Fact.RECEIVING_AGREED: (
        Stage.PRE_SHIP_CHECK,
        "the customer has not agreed how and when to receive the goods",
    ),
}


async def missing_facts(file: OrderFile, facts: Iterable[Fact]) -> list[str]:
    """What does not hold, in words; nothing when the gate may open."""
    found = [await _missing(file, fact) for fact in facts]
    return [words for words in found if words]


async def _missing(file: OrderFile, fact: Fact) -> str | None:
    match fact:
        case Fact.INSPECTION_PASSED:
            passed = await goods.last_inspection_passed(file.conn, file.id)
            return None if passed else "no passed inspection"
        case Fact.GOODS_MATCH_ORDER:
            return await _mismatch(file)
        case Fact.COUNTERSIGNED:
            # Looked at last, by the release itself: nobody mends it at the gate, it is signed anew.
            return None
        case (
            Fact.PLAN_APPROVED
            | Fact.CUSTOMER_CONFIRMED
            | Fact.REVIEW_APPROVED
            | Fact.RECEIVING_AGREED
        ):
            stage, words = _STAGES[fact]
            return None if await _approved(file, stage) else words
        case _ if fact in MONEY_FACTS:
            return await missing_money(file, fact)
        case _:
            return f"{fact.words} cannot be looked at yet"


async def _mismatch(file: OrderFile) -> str | None:
    """Where the packed goods differ from the order (G20)."""
    ordered, packed = file.quantities, await goods.packed(file.conn, file.id)
    wrong = [
        f"{product} {packed.get(product, 0)} of {ordered.get(product, 0)}"
        for product in sorted(ordered.keys() | packed.keys())
        if packed.get(product, 0) != ordered.get(product, 0)
    ]
    return f"packed goods differ from the order ({', '.join(wrong)})" if wrong else None


async def _approved(file: OrderFile, stage: Stage) -> bool:
    """Whether every step of the stage was answered well in its last visit; detours do not count."""
    steps = [
        step
        for step in file.profile.route
        if step.stage is stage and not step.detour and isinstance(step, TaskStep | ReviewStep)
    ]
    answers = await tasks.last_answers(file.conn, file.id, [step.id for step in steps])
    given = {step.id: {role: said for at, role, said in answers if at == step.id} for step in steps}
    return bool(steps) and all(_says_yes(step, given[step.id]) for step in steps)


def _says_yes(step: TaskStep | ReviewStep, answers: dict[Role, str]) -> bool:
    if isinstance(step, TaskStep):
        return any(step.outcomes.get(said) == NEXT for said in answers.values())
    approved = [answers.get(role) == "approved" for role in step.reviewers]
    return all(approved) if step.mode == "all" else any(approved)
