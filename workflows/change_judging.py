"""What becomes of a change, whom it is asked of, and where it leads: read from rules. Pure."""

from activities.models import StepVisit
from domain.changes import ChangeClass, ChangeState, Touch
from policy.changing import Classified, classify
from policy.impact import agreements, way_back
from policy.rushing import rush_refusal
from policy.steps import AlongsideStep
from workflows.contract import OrderStart
from workflows.route import Route
from workflows.state import Changing, OrderProgress, WaitingChange


class ChangeJudge:
    """Judges by the pinned profile and by how far the order has come."""

    def __init__(self, start: OrderStart, progress: OrderProgress, route: Route) -> None:
        self._start = start
        self._progress = progress
        self._route = route

    def verdict(self, change: WaitingChange) -> tuple[ChangeState, str | None] | None:
        """What becomes of a wish at once; none for a change that has to be taken up."""
        if change.refused_because is not None:
            return ChangeState.REFUSED, change.refused_because
        if change.rush:
            refusal = self._rush_refusal()
            return (ChangeState.REFUSED if refusal else ChangeState.APPLIED), refusal
        found = self.classified(change)
        if found.of is ChangeClass.REFUSED:
            why = found.why or f"a change of {', '.join(change.fields)} is not possible"
            return ChangeState.REFUSED, why
        minor = found.of is ChangeClass.MINOR and not self.way_back(found.of)
        if self._stale(change) or minor:
            # Against an old version the record refuses it, and says what has changed since.
            return ChangeState.APPLIED, None
        return None

    def classified(self, change: WaitingChange) -> Classified:
        """The class of a change, by what it touches and how far the order has come."""
        touches = touched(change)
        return self._classify(touches) if touches else Classified(ChangeClass.REFUSED)

    def too_late(self, changing: Changing) -> str | None:
        """Why the order has come too far for what was agreed on; none when it has not."""
        found = self._classify(changing.touches)
        return found.why if found.of is ChangeClass.REFUSED else None

    def _classify(self, touches: tuple[Touch, ...]) -> Classified:
        rules = self._start.profile.changes
        return classify(rules, touches, self._route.passed, self._start.traits)

    def way_back(self, of: ChangeClass) -> str | None:
        """The step to which a change of this class leads back; none where the order goes on."""
        at, gone = self._progress.current, self._progress.shipped and not self._progress.rest_open
        here = at.step if at is not None else None
        return way_back(self._start.profile, of, here, self._start.traits, gone=gone)

    def candidates(self, changing: Changing) -> tuple[StepVisit, ...]:
        """Whoever may have to agree; a minor change is nobody's decision."""
        if changing.of is ChangeClass.MINOR:
            return ()
        classified = Classified(changing.of, rest=changing.rest)
        needed = self._needed(classified, costs_more=True, later=True)
        return tuple(self._route.visit(step.id) for step in needed)

    def after(
        self, step: AlongsideStep, changing: Changing, classified: Classified
    ) -> StepVisit | None:
        """The next who has to agree; whoever has answered is not asked again."""
        beside = self._start.profile.alongside
        later = beside[beside.index(step) + 1 :]
        needed = self._needed(classified, costs_more=changing.costs_more, later=changing.later)
        return next((self._route.visit(one.id) for one in needed if one in later), None)

    def step(self, visit: StepVisit) -> AlongsideStep:
        """The question that a visit is about."""
        return next(step for step in self._start.profile.alongside if step.id == visit.step)

    def _rush_refusal(self) -> str | None:
        """Why the order can no longer come first; none when it can."""
        profile = self._start.profile
        return rush_refusal(profile, planned=self._route.passed(profile.planned_at))

    def _needed(
        self, classified: Classified, *, costs_more: bool, later: bool
    ) -> tuple[AlongsideStep, ...]:
        needed = agreements(self._start.profile, classified, costs_more=costs_more, later=later)
        return tuple(step for step in needed if step.is_for(self._start.traits))

    def _stale(self, change: WaitingChange) -> bool:
        return change.version is not None and change.version != self._progress.version


def touched(change: WaitingChange) -> tuple[Touch, ...]:
    """What a wish touches; one of before that was told names fields alone."""
    return change.touches or tuple(Touch(field) for field in change.fields if field in set(Touch))
