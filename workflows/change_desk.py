"""The door for changes: one is decided at a time, by those who have to agree, then applied.

A change that reaches far freezes the order until it is decided: what will be made otherwise is not
made meanwhile. Everything it waits for is in the order's state; nothing here holds a coroutine.
"""

from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.change_models import (
    ANSWER_CHANGE,
    REGISTER_CHANGE,
    SETTLE_CHANGE,
    ChangeAnswered,
    ChangeAsked,
    ChangeRegistered,
    ChangeSettled,
    ChangeVerdict,
)
from activities.models import Decision, Entered, StepVisit
from domain.changes import ChangeClass, ChangeState, Touch
from policy.changing import Classified, classify
from policy.impact import agreements
from policy.rushing import rush_refusal
from policy.steps import AlongsideStep
from workflows.calls import act
from workflows.contract import FROZEN, OrderStart, TaskCompletion
from workflows.due_lines import DueLines
from workflows.repeating import lived, now_of
from workflows.route import Route
from workflows.state import Changing, MovedPromise, OrderProgress, WaitingChange
from workflows.way_back import way_back
from workflows.window_desk import WindowDesk
from workflows.words import frozen_words

GONE = "the goods have left meanwhile; ask for a return or place a new order"
ENDING = "the order is being closed"


class ChangeDesk:
    """Takes changes one at a time; the clerk works it, the order's life turns back for it."""

    def __init__(
        self,
        start: OrderStart,
        progress: OrderProgress,
        route: Route,
        due_lines: DueLines,
        windows: WindowDesk,
        answered: Callable[[], bool],
    ) -> None:
        self._start = start
        self._progress = progress
        self._route = route
        self._due_lines = due_lines
        self._windows = windows
        self._answered = answered
        self._ending = False

    @property
    def frozen(self) -> bool:
        """Whether the order stands still until a change is decided."""
        changing = self._progress.changing
        return changing is not None and changing.freezes

    @property
    def turns(self) -> bool:
        """Whether a decided change leads the order back."""
        changing = self._progress.changing
        return changing is not None and changing.back_to is not None

    @property
    def waiting(self) -> bool:
        """True when there is something that can be worked now."""
        changing = self._progress.changing
        if changing is not None and (self._overtaken or self._ripe(changing)):
            return True
        return self._next() is not None

    def end(self) -> None:
        """The order ends: what is being decided is refused with it, what waits is not begun."""
        self._ending = True
        if self._progress.changing is not None:
            self._progress.changing = None
            self._progress.changes.clear()

    async def work_one(self) -> None:
        """Takes the next step of a change."""
        changing = self._progress.changing
        if changing is not None and self._overtaken:
            await self.refuse(changing, GONE)
        elif changing is not None and self._ripe(changing):
            await self._apply(changing)
        elif (change := self._next()) is not None:
            self._progress.changes.remove(change)
            if change.change_id not in self._progress.changed_by:
                await self._take_up(change)

    async def answer(self, visit: StepVisit, decision: Decision) -> None:
        """Keeps an answer to the change that is being decided; asks the next, or decides."""
        changing = self._progress.changing
        self._leave(visit, decision)
        if changing is None or changing.visit != visit:
            return
        step, outcome = self._step(visit), decision.outcome
        of = ChangeClass(outcome) if outcome in set(ChangeClass) else changing.of
        refused = None
        if of is ChangeClass.REFUSED:
            where = f"refused by {decision.role.words} in the {step.title.lower()}"
            refused = f"{where}; the order goes on as it was"
            of = changing.of
        following = None if refused else self._after(step, changing, of)
        changing = changing.model_copy(update={"of": of, "visit": following})
        if following is not None:
            self._progress.beside.append(following)
            self._progress.visits[following.step] = following.visit
        self._progress.changing = changing
        if not changing.freezes:
            self._windows.resume_frozen()
        answered = ChangeAnswered(
            order_id=self._start.order_id,
            workflow_id=workflow.info().workflow_id,
            change_id=changing.change_id,
            key=f"{visit.key(self._start.order_id)}/{ANSWER_CHANGE}",
            now=decision.at,
            left=visit,
            decision=decision,
            of=of,
            following=following,
            refused=refused,
        )
        opened = await act(ANSWER_CHANGE, answered, Entered, f"{step.title}: {outcome}")
        lived(self._progress, answered.key)
        if refused:
            self.over(changing)
        elif following is None:
            self._progress.changing = changing.model_copy(update={"decided": True})
        elif following in self._progress.beside:
            self._windows.open_beside(opened)

    async def refuse(self, changing: Changing, reason: str) -> None:
        """Refuses the change that is being decided; the order goes on as it was."""
        left = changing.visit
        if left is not None:
            self._leave(left, None)
        await self._settle(changing.change_id, ChangeState.REFUSED, reason, left)
        self.over(changing)

    def over(self, changing: Changing) -> None:
        """The change is decided: windows go on, and the next one may come."""
        self._progress.end_changing(changing)
        self._windows.resume_frozen()

    def _ripe(self, changing: Changing) -> bool:
        """All have agreed, and the order stands where it can be turned."""
        on_its_way = any(moved.change == changing.change_id for moved in self._progress.promises)
        return changing.decided and not self.turns and not on_its_way and self._ready

    @property
    def _overtaken(self) -> bool:
        """The goods have left while a date was looked at."""
        progress = self._progress
        return progress.changing is not None and progress.shipped and not progress.rest_open

    @property
    def _ready(self) -> bool:
        """Whether the order rests in a step that nobody has finished."""
        here = self._progress.current is not None
        return here and not self._due_lines.moving and not self._answered()

    def _next(self) -> WaitingChange | None:
        """The first wish that can be settled now; a change waits for the one before it."""
        head: WaitingChange | None = None
        for change in self._progress.changes:
            if change.refused_because is not None or change.rush:
                return change
            head = head or change
        if head is None or self._progress.changing is not None:
            return None
        return head if self._ready or self._at_once(head) else None

    def _at_once(self, change: WaitingChange) -> bool:
        """Whether the verdict needs nobody and moves nothing."""
        return change.change_id in self._progress.changed_by or self._verdict(change) is not None

    def _stale(self, change: WaitingChange) -> bool:
        return change.version is not None and change.version != self._progress.version

    async def _take_up(self, change: WaitingChange) -> None:
        verdict = self._verdict(change)
        if verdict is not None:
            state, reason = verdict
            settled = await self._settle(change.change_id, state, reason)
            if change.rush and settled is ChangeState.APPLIED:
                # The fee may have come before it was agreed on.
                self._progress.rush_open = self._progress.rush_news = True
        else:
            of = self._classified(change).of
            await self._register(
                Changing(change_id=change.change_id, of=of, at=now_of(self._progress))
            )

    def _verdict(self, change: WaitingChange) -> tuple[ChangeState, str | None] | None:
        """What becomes of a wish at once; none for a change that has to be taken up."""
        if change.refused_because is not None:
            return ChangeState.REFUSED, change.refused_because
        if change.rush:
            refusal = self._rush_refusal()
            return (ChangeState.REFUSED if refusal else ChangeState.APPLIED), refusal
        found = self._classified(change)
        if found.of is ChangeClass.REFUSED:
            why = found.why or f"a change of {', '.join(change.fields)} is not possible"
            return ChangeState.REFUSED, why
        minor = found.of is ChangeClass.MINOR and not self._way_back(found.of)
        if self._stale(change) or minor:
            # Against an old version the record refuses it, and says what has changed since.
            return ChangeState.APPLIED, None
        return (ChangeState.REFUSED, ENDING) if self._ending else None

    def _rush_refusal(self) -> str | None:
        """Why the order can no longer come first; none when it can."""
        profile = self._start.profile
        return rush_refusal(profile, planned=self._route.passed(profile.planned_at))

    async def _register(self, changing: Changing) -> None:
        self._progress.changing = changing
        if changing.freezes:
            self._windows.pause_frozen()
        current = self._progress.current
        assert current is not None
        asked = ChangeAsked(
            order_id=self._start.order_id,
            workflow_id=workflow.info().workflow_id,
            change_id=changing.change_id,
            key=f"{self._start.order_id}/changes/{changing.change_id}/{REGISTER_CHANGE}",
            now=changing.at,
            of=changing.of,
            step=current.step,
            candidates=self._candidates(changing.of),
        )
        summary = f"a {changing.of} change is taken up"
        found = await act(REGISTER_CHANGE, asked, ChangeRegistered, summary)
        lived(self._progress, asked.key)
        if found.state is ChangeState.REFUSED:
            self.over(changing)
        else:
            self._adopt(changing, found)

    def _adopt(self, changing: Changing, found: ChangeRegistered) -> None:
        self._progress.changing = changing.model_copy(
            update={
                "costs_more": found.costs_more,
                "later": found.later,
                "promised_at": found.promised_at,
                "visit": found.visit,
                "decided": found.visit is None,
            }
        )
        if found.visit is not None:
            self._progress.beside.append(found.visit)
            self._progress.visits[found.visit.step] = found.visit.visit
            self._windows.open_beside(Entered(tasks=found.tasks, windows=found.windows))

    def _candidates(self, of: ChangeClass) -> tuple[StepVisit, ...]:
        """Whoever may have to agree; a minor change is nobody's decision."""
        if of is ChangeClass.MINOR:
            return ()
        needed = self._needed(of, costs_more=True, later=True)
        return tuple(self._route.visit(step.id) for step in needed)

    def _needed(
        self, of: ChangeClass, *, costs_more: bool, later: bool
    ) -> tuple[AlongsideStep, ...]:
        needed = agreements(self._start.profile, of, costs_more=costs_more, later=later)
        return tuple(step for step in needed if step.is_for(self._start.traits))

    async def _apply(self, changing: Changing) -> None:
        """Leads back, moves the promise, or only writes the change down."""
        if (back := self._way_back(changing.of)) is not None:
            self._progress.changing = changing.model_copy(update={"back_to": back})
        elif changing.promised_at is not None:
            self._progress.promises.append(
                MovedPromise(
                    key=changing.change_id,
                    promised_at=changing.promised_at,
                    change=changing.change_id,
                )
            )
        else:
            await self._settle(changing.change_id, ChangeState.APPLIED, None)
            self.over(changing)

    async def _settle(
        self,
        change_id: str,
        state: ChangeState,
        reason: str | None,
        left: StepVisit | None = None,
    ) -> ChangeState:
        verdict = ChangeVerdict(
            order_id=self._start.order_id,
            change_id=change_id,
            now=now_of(self._progress),
            state=state,
            reason=reason,
            left=left,
        )
        settled = await act(SETTLE_CHANGE, verdict, ChangeSettled, f"change: {verdict.state.value}")
        # A repeated signal hears what the first one heard.
        self._progress.version = max(self._progress.version, settled.version)
        return settled.state

    def _classified(self, change: WaitingChange) -> Classified:
        touches = change.touches or tuple(
            Touch(field) for field in change.fields if field in set(Touch)
        )
        if not touches:
            return Classified(ChangeClass.REFUSED)
        return classify(
            self._start.profile.changes, touches, self._route.passed, self._start.traits
        )

    def _way_back(self, of: ChangeClass) -> str | None:
        return way_back(self._start.profile, self._route, self._progress, of, self._start.traits)

    def _step(self, visit: StepVisit) -> AlongsideStep:
        return next(step for step in self._start.profile.alongside if step.id == visit.step)

    def _after(self, step: AlongsideStep, changing: Changing, of: ChangeClass) -> StepVisit | None:
        """The next who has to agree; whoever has answered is not asked again."""
        beside = self._start.profile.alongside
        later = beside[beside.index(step) + 1 :]
        needed = self._needed(of, costs_more=changing.costs_more, later=changing.later)
        return next((self._route.visit(one.id) for one in needed if one in later), None)

    def _leave(self, visit: StepVisit, decision: Decision | None) -> None:
        at = decision.at if decision else now_of(self._progress)
        self._progress.beside = [one for one in self._progress.beside if one != visit]
        self._progress.tasks = [
            task
            for task in self._progress.tasks
            if (task.step, task.visit) != (visit.step, visit.visit)
        ]
        self._due_lines.stop({visit.key(self._start.order_id)}, at)


def refuse_while_frozen(progress: OrderProgress, completion: TaskCompletion) -> None:
    """Refuses to complete the present step while a change is decided that would undo it.

    Raises ApplicationError of type Frozen.
    """
    changing, current = progress.changing, progress.current
    if changing is None or not changing.freezes or current is None:
        return
    if completion.request_id in progress.answers:
        return
    if any(t.id == completion.task_id and t.step == current.step for t in progress.tasks):
        raise ApplicationError(frozen_words(changing), "order", type=FROZEN, non_retryable=True)
