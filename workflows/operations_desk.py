"""The door for operations: an order is held, goes on, and steps are skipped with four eyes."""

from typing import Literal

from temporalio.exceptions import ApplicationError

from activities.models import Decision, HoldNote, OpenTask
from domain.roles import MAY_AGREE, Role
from policy.steps import NEXT, ReviewStep, RouteStep, TaskStep
from workflows.contract import FROZEN, ON_HOLD, Operated, OrderHold, OrderRelease, StepSkip
from workflows.repeating import now_of
from workflows.route import Route
from workflows.state import ANSWERS_KEPT, Hold, OrderProgress, SkipProposal
from workflows.window_desk import WindowDesk
from workflows.words import clock_words, frozen_words

REASON_LENGTH_MAX = 500

Outcome = Literal["held", "released", "asked", "skipped"]


class OperationsDesk:
    """Takes what operations do to an order; what it means is written down by the clerk."""

    def __init__(self, order_id: str, progress: OrderProgress, route: Route, windows: WindowDesk):
        self._order_id = order_id
        self._progress = progress
        self._route = route
        self._windows = windows

    def check_hold(self, wished: OrderHold) -> None:
        """Refuses a hold without reason, by the wrong role, or of an order that is held.

        Raises ApplicationError of type NotAllowed, InvalidField or OnHold.
        """
        if self._known(wished.request_id):
            return
        _require({Role.OPERATIONS}, wished.roles)
        _require_reason(wished.because)
        if (hold := self._progress.hold) is not None:
            raise _refusal(ON_HOLD, "order", on_hold(hold))

    def hold(self, wished: OrderHold) -> Operated:
        """From now on nobody answers, and every window that runs stands still."""
        if not self._known(wished.request_id):
            now = now_of(self._progress)
            self._progress.hold = Hold(at=now, by=wished.by, because=wished.because)
            self._note(wished.by, wished.because)
            self._windows.pause_held()
            self._keep(wished.request_id, "held")
        return Operated(outcome="held")

    def check_release(self, wished: OrderRelease) -> None:
        """Refuses to release what is not held. Raises ApplicationError."""
        if self._known(wished.request_id):
            return
        _require({Role.OPERATIONS}, wished.roles)
        if self._progress.hold is None:
            raise _refusal("InvalidField", "order", "is not on hold; there is nothing to release")

    def release(self, wished: OrderRelease) -> Operated:
        """The order goes on, its windows with what remained of them."""
        if not self._known(wished.request_id):
            self._progress.hold = None
            self._note(wished.by, None)
            self._windows.resume_held()
            self._keep(wished.request_id, "released")
        return Operated(outcome="released")

    def check_skip(self, wished: StepSkip) -> None:
        """Refuses other steps than the present one, steps that move goods, and a single pair of
        eyes that looks twice.

        Raises ApplicationError of type NotAllowed, InvalidField or OnHold.
        """
        if self._known(wished.request_id):
            return
        _require_reason(wished.because)
        if (hold := self._progress.hold) is not None:
            raise _refusal(ON_HOLD, "order", on_hold(hold))
        changing = self._progress.changing
        if changing is not None and changing.freezes:
            raise _refusal(FROZEN, "order", frozen_words(changing))
        step = self._route.current if self._progress.current else None
        if step is None or step.id != wished.step:
            where = f"the order is in {step.id!r}" if step else "the order is in no step"
            raise _refusal("InvalidField", "step", f"cannot be skipped: {where}")
        if _skipped_as(step) is None:
            raise _refusal("InvalidField", "step", f"cannot be skipped: {_cure(step)}")
        if not self._tasks_of(wished.step):
            raise _refusal("InvalidField", "step", "is answered already; the order goes on")
        asked = self._asked(wished)
        if asked is None:
            _require({Role.OPERATIONS}, wished.roles)
        elif asked.by == wished.by:
            raise _refusal(
                "NotAllowed", "by", f"{asked.by} has asked for it; somebody else has to agree"
            )
        else:
            _require(MAY_AGREE, wished.roles)

    def skip(self, wished: StepSkip) -> tuple[Operated, tuple[Decision, ...]]:
        """Keeps the first pair of eyes; with the second it answers in the place of the roles."""
        answers = self._progress.answers
        if self._known(wished.request_id):
            known: Outcome = "skipped" if answers[wished.request_id] == "skipped" else "asked"
            return Operated(outcome=known, step=wished.step), ()
        asked, current = self._asked(wished), self._progress.current
        assert current is not None
        if asked is None:
            self._progress.skip = SkipProposal(
                at=now_of(self._progress),
                by=wished.by,
                step=wished.step,
                visit=current.visit,
                because=wished.because,
            )
            self._keep(wished.request_id, "asked")
            return Operated(outcome="asked", step=wished.step), ()
        self._progress.skip = None
        self._keep(wished.request_id, "skipped")
        return Operated(outcome="skipped", step=wished.step), self._answers(wished, asked)

    def _answers(self, wished: StepSkip, asked: SkipProposal) -> tuple[Decision, ...]:
        outcome = _skipped_as(self._route.current)
        assert outcome is not None, "checked before"
        tasks = self._tasks_of(wished.step)
        self._progress.tasks = [task for task in self._progress.tasks if task not in tasks]
        return tuple(
            Decision(
                task_id=task.id,
                role=task.role,
                outcome=outcome,
                by=f"{asked.by}, {wished.by}",
                at=now_of(self._progress),
                note=f"skipped: {asked.because}",
                skipped=True,
            )
            for task in tasks
        )

    def _tasks_of(self, step: str) -> list[OpenTask]:
        return [task for task in self._progress.tasks if task.step == step]

    def _asked(self, wished: StepSkip) -> SkipProposal | None:
        """Who has asked for the same visit to be skipped."""
        asked, current = self._progress.skip, self._progress.current
        if asked is None or current is None or asked.step != wished.step:
            return None
        return asked if asked.visit == current.visit else None

    def _note(self, by: str, because: str | None) -> None:
        self._progress.hold_notes.append(
            HoldNote(order_id=self._order_id, at=now_of(self._progress), by=by, because=because)
        )

    def _known(self, request_id: str) -> bool:
        return request_id in self._progress.answers

    def _keep(self, request_id: str, outcome: Outcome) -> None:
        answers = self._progress.answers
        answers[request_id] = outcome
        while len(answers) > ANSWERS_KEPT:
            del answers[next(iter(answers))]


def on_hold(hold: Hold) -> str:
    """Why nobody can answer, and what helps."""
    return f"is on hold since {clock_words(hold.at)}: {hold.because}; operations release it"


def _skipped_as(step: RouteStep) -> str | None:
    """The answer that lets a step count as done; none where skipping would lose goods or stock."""
    if isinstance(step, ReviewStep):
        return "approved"
    if isinstance(step, TaskStep) and step.work is None:
        return next((said for said, target in step.outcomes.items() if target == NEXT), None)
    return None


def _cure(step: RouteStep) -> str:
    if isinstance(step, TaskStep):
        return "it records goods or leads nowhere by itself; have its task answered"
    if step.kind == "wait":
        return "confirm the receipt instead"
    return "stock, slots and releases have to be there; mend what is missing and answer its task"


def _require(needed: set[Role] | frozenset[Role], roles: tuple[Role, ...]) -> None:
    if set(needed).isdisjoint(roles):
        names = ", ".join(sorted(role.words for role in needed))
        raise _refusal("NotAllowed", "roles", f"this is for {names}")


def _require_reason(because: str) -> None:
    if not because.strip():
        raise _refusal("InvalidField", "because", "is missing; say why")
    if len(because) > REASON_LENGTH_MAX:
        raise _refusal("InvalidField", "because", f"at most {REASON_LENGTH_MAX} characters")


def _refusal(kind: str, field: str, message: str) -> ApplicationError:
    return ApplicationError(message, field, type=kind, non_retryable=True)
