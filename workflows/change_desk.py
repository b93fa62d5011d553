"""The door for changes: one is decided at a time, by those who have to agree, then applied.

A change that reaches far freezes the order until it is decided: what will be made otherwise is not
made meanwhile. Everything it waits for is in the order's state; nothing here holds a coroutine.
"""

from collections.abc import Callable

from temporalio import workflow

from activities.change_models import (
    ANSWER_CHANGE,
    REGISTER_CHANGE,
    ChangeAnswered,
    ChangeAsked,
    ChangeRegistered,
)
from activities.models import Decision, Entered, StepVisit
from domain.changes import ChangeClass, ChangeState
from policy.changing import Classified, heavier
from workflows.calls import act
from workflows.change_judging import ChangeJudge, touched
from workflows.change_records import ChangeRecords
from workflows.contract import OrderStart
from workflows.due_lines import DueLines
from workflows.repeating import lived, now_of
from workflows.route import Route
from workflows.state import Changing, MovedPromise, OrderProgress, WaitingChange
from workflows.window_desk import WindowDesk

GONE = "the goods have left meanwhile; ask for a return or place a new order"
ENDING = "the order is being closed"
JUDGED_AGAIN = "changes-are-judged-again"
REST_COUNTS = "rest-of-a-technical-change-counts"


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
        self._judge = ChangeJudge(start, progress, route)
        self._records = ChangeRecords(start.order_id, progress)
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
        return self._next() is not None or self._untold is not None

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
        elif (change := self._untold) is not None:
            await self._tell(change)

    async def answer(self, visit: StepVisit, decision: Decision) -> None:
        """Keeps an answer to the change that is being decided; asks the next, or decides."""
        changing = self._progress.changing
        self._leave(visit, decision)
        if changing is None or changing.visit != visit:
            return
        step, outcome = self._judge.step(visit), decision.outcome
        rest = self._rest(changing)
        of = ChangeClass(outcome) if outcome in set(ChangeClass) else changing.of
        refused = None
        if of is ChangeClass.REFUSED:
            where = f"refused by {decision.role.words} in the {step.title.lower()}"
            refused = f"{where}; the order goes on as it was"
            of = changing.of
        of = heavier(of, rest)
        following = None
        if not refused:
            following = self._judge.after(step, changing, Classified(of, rest=rest))
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
        await self._records.settle(changing.change_id, ChangeState.REFUSED, reason, left)
        self.over(changing)

    def over(self, changing: Changing) -> None:
        """The change is decided: windows go on, and the next one may come."""
        self._progress.end_changing(changing)
        self._windows.resume_frozen()

    def too_late(self, changing: Changing) -> str | None:
        """Why what was agreed on cannot be made where the order has come meanwhile."""
        why = self._judge.too_late(changing)
        # An order whose history says that such a change was made has made it.
        return why if why is not None and workflow.patched(JUDGED_AGAIN) else None

    def _rest(self, changing: Changing) -> ChangeClass:
        """What the change is at least, whatever the technical department says of the technical."""
        if changing.of is not ChangeClass.TECHNICAL or changing.rest is ChangeClass.MINOR:
            return ChangeClass.MINOR
        # An answer that is in a history already was all that counted then.
        return changing.rest if workflow.patched(REST_COUNTS) else ChangeClass.MINOR

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

    @property
    def _untold(self) -> WaitingChange | None:
        """A change of which nobody has heard, because another one is being decided."""
        if self._progress.changing is None:
            return None
        return next((change for change in self._progress.changes if change.untold), None)

    async def _tell(self, change: WaitingChange) -> None:
        place = self._progress.changes.index(change)
        self._progress.changes[place] = change.model_copy(update={"untold": False})
        of = self._judge.classified(change).of
        if of is not ChangeClass.REFUSED:
            await self._records.waits(change.change_id, of)

    def _at_once(self, change: WaitingChange) -> bool:
        """Whether the verdict needs nobody and moves nothing."""
        return change.change_id in self._progress.changed_by or self._verdict(change) is not None

    async def _take_up(self, change: WaitingChange) -> None:
        verdict = self._verdict(change)
        if verdict is not None:
            state, reason = verdict
            settled = await self._records.settle(change.change_id, state, reason)
            if change.rush and settled is ChangeState.APPLIED:
                # The fee may have come before it was agreed on.
                self._progress.rush_open = self._progress.rush_news = True
        else:
            found = self._judge.classified(change)
            await self._register(
                Changing(
                    change_id=change.change_id,
                    of=found.of,
                    touches=touched(change),
                    rest=found.rest,
                    at=now_of(self._progress),
                )
            )

    def _verdict(self, change: WaitingChange) -> tuple[ChangeState, str | None] | None:
        """What becomes of a wish at once; none for a change that has to be taken up."""
        return self._judge.verdict(change) or (
            (ChangeState.REFUSED, ENDING) if self._ending else None
        )

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
            rest=changing.rest,
            candidates=self._judge.candidates(changing),
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
                "rest": ChangeClass.STRUCTURAL if found.remakes else changing.rest,
                "promised_at": found.promised_at,
                "visit": found.visit,
                "decided": found.visit is None,
            }
        )
        if found.visit is not None:
            self._progress.beside.append(found.visit)
            self._progress.visits[found.visit.step] = found.visit.visit
            self._windows.open_beside(Entered(tasks=found.tasks, windows=found.windows))

    async def _apply(self, changing: Changing) -> None:
        """Leads back, moves the promise, or only writes the change down."""
        if (why := self.too_late(changing)) is not None:
            await self.refuse(changing, why)
        elif (back := self._judge.way_back(changing.of)) is not None:
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
            await self._records.settle(changing.change_id, ChangeState.APPLIED, None)
            self.over(changing)

    def _leave(self, visit: StepVisit, decision: Decision | None) -> None:
        at = decision.at if decision else now_of(self._progress)
        self._progress.beside = [one for one in self._progress.beside if one != visit]
        self._progress.tasks = [
            task
            for task in self._progress.tasks
            if (task.step, task.visit) != (visit.step, visit.visit)
        ]
        self._due_lines.stop({visit.key(self._start.order_id)}, at)
