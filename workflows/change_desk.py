"""The door for changes: one is decided at a time, by those who have to agree, then applied.

A change that reaches far freezes the order until it is decided: what will be made otherwise is not
made meanwhile. Everything it waits for is in the order's state; nothing here holds a coroutine.
"""

from collections.abc import Callable

from temporalio import workflow

from activities.models import (
    ANSWER_CHANGE,
    REGISTER_CHANGE,
    SETTLE_CHANGE,
    ChangeAnswered,
    ChangeAsked,
    ChangeRegistered,
    ChangeSettled,
    ChangeVerdict,
    Decision,
    Entered,
    StepVisit,
)
from domain.changes import ChangeClass, ChangeState, Touch
from policy.changing import Classified, classify
from policy.impact import agreements
from policy.steps import AlongsideStep
from workflows.calls import act
from workflows.contract import OrderStart
from workflows.due_lines import DueLines
from workflows.repeating import lived, now_of
from workflows.route import Route
from workflows.state import Changing, MovedPromise, OrderProgress, WaitingChange
from workflows.way_back import way_back
from workflows.window_desk import WindowDesk

REFUSED = "refused"
CHANGED = "changed"
"""The outcome of a step that is left because the order goes back for a change."""

GONE = "the goods have left meanwhile; ask for a return or place a new order"
ENDING = "the order is being closed"
KEPT_MAX = 100
"""Decided changes that are remembered; a repeated signal comes within hours, not a hundred later."""


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
            refused = f"refused by {decision.role.words} in the {step.title.lower()}; the order goes"
            refused += " on as it was"
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
            self._open(opened)

    async def refuse(self, changing: Changing, reason: str) -> None:
        """Refuses the change that is being decided; the order goes on as it was."""
        left = changing.visit
        if left is not None:
            self._leave(left, None)
        await self._settle(changing.change_id, ChangeState.REFUSED, reason, left)
        self.over(changing)

    def over(self, changing: Changing) -> None:
        """The change is decided: windows go on, and the next one may come."""
        self._progress.changing = None
        self._progress.changed_by.append(changing.change_id)
        del self._progress.changed_by[:-KEPT_MAX]
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
            if change.refused_because is not None:
                return change
            head = head or change
        if head is None or self._progress.changing is not None:
            return None
        return head if self._ready or self._at_once(head) else None

    def _at_once(self, change: WaitingChange) -> bool:
        """Whether the verdict needs nobody and moves nothing."""
        if self._stale(change) or change.change_id in self._progress.changed_by or self._ending:
            return True
        of = self._classified(change).of
        return of is ChangeClass.REFUSED or (of is ChangeClass.MINOR and not self._way_back(of))

    def _stale(self, change: WaitingChange) -> bool:
        return change.version is not None and change.version != self._progress.version

    async def _take_up(self, change: WaitingChange) -> None:
        if change.refused_because is not None:
            return await self._settle(change.change_id, ChangeState.REFUSED, change.refused_because)
        found = self._classified(change)
        if found.of is ChangeClass.REFUSED:
            return await self._settle(change.change_id, ChangeState.REFUSED, found.why)
        back = self._way_back(found.of)
        if self._ending and (found.of is not ChangeClass.MINOR or back):
            return await self._settle(change.change_id, ChangeState.REFUSED, ENDING)
        if self._stale(change) or (found.of is ChangeClass.MINOR and back is None):
            # Against an old version the record refuses it, and says what has changed since.
            return await self._settle(change.change_id, ChangeState.APPLIED, None)
        changing = Changing(
            change_id=change.change_id,
            of=found.of,
            at=now_of(self._progress),
            touches=change.touches,
            decided=found.of is ChangeClass.MINOR,
            back_to=back if found.of is ChangeClass.MINOR else None,
        )
        self._progress.changing = changing
        if not changing.decided:
            await self._register(changing)

    async def _register(self, changing: Changing) -> None:
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
            candidates=tuple(
                self._route.visit(step.id)
                for step in agreements(
                    self._start.profile, changing.of, costs_more=True, later=True
                )
            ),
        )
        summary = f"a {changing.of} change is taken up"
        found = await act(REGISTER_CHANGE, asked, ChangeRegistered, summary)
        lived(self._progress, asked.key)
        if found.state is ChangeState.REFUSED:
            return self.over(changing)
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
            self._open(Entered(tasks=found.tasks, windows=found.windows))

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
    ) -> None:
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

    def _classified(self, change: WaitingChange) -> Classified:
        touches = change.touches or tuple(
            Touch(field) for field in change.fields if field in set(Touch)
        )
        if not touches:
            return Classified(ChangeClass.REFUSED)
        return classify(self._start.profile.changes, touches, self._passed, self._start.traits)

    def _way_back(self, of: ChangeClass) -> str | None:
        return way_back(self._start.profile, self._route, self._progress, of)

    def _passed(self, step_id: str) -> bool:
        return self._progress.current is not None and self._route.reached(step_id)

    def _step(self, visit: StepVisit) -> AlongsideStep:
        return next(step for step in self._start.profile.alongside if step.id == visit.step)

    def _after(self, step: AlongsideStep, changing: Changing, of: ChangeClass) -> StepVisit | None:
        """The next who has to agree; whoever has answered is not asked again."""
        beside = self._start.profile.alongside
        later = beside[beside.index(step) + 1 :]
        needed = agreements(
            self._start.profile, of, costs_more=changing.costs_more, later=changing.later
        )
        return next((self._route.visit(one.id) for one in needed if one in later), None)

    def _leave(self, visit: StepVisit, decision: Decision | None) -> None:
        at = decision.at if decision else now_of(self._progress)
        self._progress.beside = [one for one in self._progress.beside if one != visit]
        self._progress.tasks = [
            task for task in self._progress.tasks if (task.step, task.visit) != (visit.step, visit.visit)
        ]
        self._due_lines.stop({visit.key(self._start.order_id)}, at)

    def _open(self, opened: Entered) -> None:
        self._due_lines.open(opened.windows)
        self._progress.tasks.extend(opened.tasks)
        if self._progress.hold is not None:
            self._windows.pause_held()
