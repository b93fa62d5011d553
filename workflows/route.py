"""The route: where an answer leads, what runs beside it, what a way back gives up. Pure."""

from collections.abc import Iterator

from activities.models import StepVisit
from domain.orders import Trait
from policy.model import Profile
from policy.steps import (
    DELAYED,
    NEXT,
    REFUSE,
    AlongsideStep,
    GateStep,
    ResourceStep,
    ReviewStep,
    RouteStep,
    TaskStep,
    Work,
)
from workflows.state import OrderProgress

AUTOMATIC = (ResourceStep, GateStep)
"""Steps the platform does itself; people are asked only when it cannot."""


class Route:
    """The profile's ordered steps with the order's cursor."""

    def __init__(self, profile: Profile, progress: OrderProgress, traits: frozenset[Trait]) -> None:
        self._steps = profile.route
        self._alongside = tuple(step for step in profile.alongside if step.is_for(traits))
        self._by_id = {step.id: step for step in self._steps}
        self._order = {step.id: index for index, step in enumerate(self._steps)}
        self._progress = progress
        self._traits = traits
        self._last_before_dispatch = max(
            (
                self._order[step.id]
                for step in self._steps
                if isinstance(step, TaskStep) and step.work is Work.RECORD_DISPATCH
            ),
            default=len(self._steps) - 1,
        )

    @property
    def first(self) -> RouteStep:
        """Where every order begins."""
        return next(step for step in self._steps if self._on_the_way(step))

    @property
    def current(self) -> RouteStep:
        """The step the order is in."""
        assert self._progress.current is not None
        return self._by_id[self._progress.current.step]

    def step(self, step_id: str) -> RouteStep:
        """The step of this id."""
        return self._by_id[step_id]

    @property
    def standing_still(self) -> frozenset[str]:
        """The steps that stand still while a change is decided: nobody reports on them meanwhile.

        Whoever reports progress or a delay goes on doing so.
        """
        watching = (step.id for step in self._alongside if step.trigger == "watch")
        return frozenset((*self._by_id, *watching))

    def asks_of_a_change(self, visit: StepVisit) -> bool:
        """Whether a visit alongside is a question about a change."""
        by_id = {beside.id: beside for beside in self._alongside}
        return visit.step in by_id and by_id[visit.step].trigger == "on_change"

    def passed(self, step_id: str) -> bool:
        """True when the order is past `step_id`; before it begins it is past nothing."""
        current = self._progress.current
        return current is not None and self._order[current.step] > self._order[step_id]

    def after(self, step: RouteStep) -> RouteStep | None:
        """The next step on this order's way that is no detour, none at the end of the route."""
        following = self._steps[self._order[step.id] + 1 :]
        return next((s for s in following if self._on_the_way(s)), None)

    def _on_the_way(self, step: RouteStep) -> bool:
        return not step.detour and step.is_for(self._traits)

    def target(self, step: RouteStep, outcome: str) -> RouteStep | str | None:
        """Where `outcome` leads: a step, REFUSE, or none for the end of the route."""
        name = NEXT
        if isinstance(step, TaskStep):
            name = step.outcomes[outcome]
        elif isinstance(step, ReviewStep | ResourceStep | GateStep) and outcome == "refused":
            name = step.refused or NEXT  # a gate without a way out takes no such answer
        elif isinstance(step, AUTOMATIC):
            return step  # people have mended what was missing: try again
        if name == REFUSE:
            return REFUSE
        if name == NEXT:
            return self.after(step)
        named = self._by_id[name]
        return named if named.is_for(self._traits) else self.after(named)

    def visit(self, step_id: str) -> StepVisit:
        """The next visit of a step; counts only when it is entered."""
        return StepVisit(step=step_id, visit=self._progress.visits.get(step_id, 0) + 1)

    def given_up(self, target: RouteStep) -> tuple[StepVisit, ...]:
        """What going back to `target` gives back, newest first."""
        return tuple(
            held
            for held in reversed(self._progress.held)
            if self._order[held.step] >= self._order[target.id]
        )

    def covers(self, beside: AlongsideStep, step: RouteStep) -> bool:
        """True when `beside` runs while the order is in `step`.

        Without `during` it runs until the goods are dispatched.
        """
        if beside.during:
            return step.id in beside.during
        return self._order[step.id] <= self._last_before_dispatch

    def opening_beside(self, step: RouteStep) -> tuple[StepVisit, ...]:
        """Alongside visits that begin with `step`."""
        running = {visit.step for visit in self._progress.beside}
        return tuple(
            self.visit(beside.id)
            for beside in self._alongside
            if beside.trigger not in {"on_delay", "on_change"}
            and beside.id not in running
            and self.covers(beside, step)
        )

    def ending_beside(self, step: RouteStep | None) -> tuple[StepVisit, ...]:
        """Alongside visits that end when the order goes on to `step`."""
        kept = {b.id for b in self._alongside if step is not None and self.covers(b, step)}
        return tuple(visit for visit in self._progress.beside if visit.step not in kept)

    def promise_visits(self) -> tuple[tuple[StepVisit, ...], tuple[StepVisit, ...]]:
        """The visits that watch the promised date now, and those that follow when it moves."""
        watching = {b.id for b in self._alongside if b.trigger == "on_promise"}
        left = tuple(visit for visit in self._progress.beside if visit.step in watching)
        return left, tuple(self.visit(visit.step) for visit in left)

    def following(self, answered: StepVisit, outcome: str) -> Iterator[StepVisit]:
        """What an answered alongside task opens: tomorrow's update, the delay notice."""
        by_id = {beside.id: beside for beside in self._alongside}
        if by_id[answered.step].trigger != "daily":
            return
        if self.covers(by_id[answered.step], self.current):
            yield self.visit(answered.step)
        if outcome == DELAYED:
            running = {visit.step for visit in self._progress.beside}
            for beside in self._alongside:
                if beside.trigger == "on_delay" and beside.id not in running:
                    yield self.visit(beside.id)
