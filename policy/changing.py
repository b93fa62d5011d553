"""Into which class a change falls: the matrix of a profile, read for an order's progress. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from domain.changes import ChangeClass, Touch
from domain.orders import Trait
from policy.change_rules import ChangeRow, ChangeRules
from policy.model import Profile

NOT_POSSIBLE = "the order is past the step until which this can change"


@dataclass(frozen=True)
class Classified:
    """The class of a change; `refused` are the touches that are not possible, each with its row.

    A touch that the regulation does not name has no row. `rest` is the class of all that is not
    technical: whatever the technical department says, the change is of no lighter class.
    """

    of: ChangeClass
    refused: tuple[tuple[Touch, ChangeRow | None], ...] = ()
    rest: ChangeClass = ChangeClass.MINOR

    @property
    def why(self) -> str | None:
        """Why it is refused and what is possible instead; none when it is not."""
        if not self.refused:
            return None
        return "; ".join(dict.fromkeys(_why(touch, row) for touch, row in self.refused))


def classify(
    rules: ChangeRules,
    touches: Iterable[Touch],
    passed: Callable[[str], bool],
    traits: frozenset[Trait],
) -> Classified:
    """The heaviest class of all touches; one that is refused refuses the whole change.

    `passed` says whether the order is past a step.
    """
    found = rest = ChangeClass.MINOR
    refused: list[tuple[Touch, ChangeRow | None]] = []
    for touch in touches:
        row, possible = _row(rules, touch, passed, traits)
        if row is None or not possible:
            refused.append((touch, row))
        else:
            found = heavier(found, row.of)
            if row.of is not ChangeClass.TECHNICAL:
                rest = heavier(rest, row.of)
    return Classified(ChangeClass.REFUSED if refused else found, tuple(refused), rest)


def heavier(one: ChangeClass, other: ChangeClass) -> ChangeClass:
    """Whichever of two classes reaches further."""
    return max(one, other, key=lambda of: of.weight)


def passed_by(profile: Profile, current: str | None) -> Callable[[str], bool]:
    """Whether an order in step `current` is past a step; nothing is before it has begun."""
    order = {step.id: index for index, step in enumerate(profile.route)}

    def passed(step_id: str) -> bool:
        return current is not None and order[current] > order[step_id]

    return passed


def _row(
    rules: ChangeRules,
    touch: Touch,
    passed: Callable[[str], bool],
    traits: frozenset[Trait],
) -> tuple[ChangeRow | None, bool]:
    last: ChangeRow | None = None
    for row in rules.rows:
        if touch not in row.touches or (row.only is not None and row.only not in traits):
            continue
        if row.since is not None and not passed(row.since):
            continue
        last = row
        if row.of is ChangeClass.REFUSED:
            return row, False
        if row.until is None or not passed(row.until):
            return row, True
    return last, False


def _why(touch: Touch, row: ChangeRow | None) -> str:
    if row is None:
        return f"{touch} cannot be changed under this regulation"
    why = f"{touch}: {row.because or NOT_POSSIBLE}"
    return f"{why}; {row.instead}" if row.instead else why
