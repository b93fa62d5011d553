"""One move of an order: give back, leave, work, enter; one transaction, one effect."""

from collections.abc import Awaitable, Callable

from activities.leaving import give_number, leave, undo
from activities.models import Entered, StepVisit, Transition
from activities.opening import Back, Blocked, enter
from activities.order_file import Department, Keyed, OrderFile
from activities.reported import report_on_leaving
from activities.turning import apply_decided, undo_goods
from domain.windows import Slack
from store import windows

Record = Callable[[OrderFile, Transition], Awaitable[Back | None]]
"""Writes down what a department has done in the step that is left, or why it may not count."""

Attempt = Callable[[OrderFile, Transition], Awaitable[str | Blocked | Back]]
"""Tries to take a resource or to pass a gate: what was done, in words, or why it cannot be."""


class Mover(Department):
    """A department whose activities move the order."""

    async def move(
        self,
        activity: str,
        transition: Transition,
        *,
        record: Record | None = None,
        attempt: Attempt | None = None,
    ) -> Entered:
        """Moves the order, once for the transition's key."""

        async def work(file: OrderFile) -> Entered:
            await _leave(file, transition)
            back = await record(file, transition) if record is not None else None
            if back is not None:
                assert transition.leave is not None, "only a step that is left is recorded"
                entered = _lead_back(file, transition.leave.at, back)
            elif attempt is None:
                entered = await _enter(file, transition)
            else:
                entered = await _attempt(file, transition, attempt)
            await show_standing(file)
            return entered

        keyed = Keyed(transition.order_id, transition.key, transition.now)
        return await self.once(activity, keyed, Entered, work)


async def show_standing(file: OrderFile, *, marked: bool = False) -> None:
    """Shows in lists how the order stands: the worst of the windows that still run."""
    slack, level = Slack.ON_TIME, None
    # An order in time falls behind by a mark only, and whoever records one comes by here.
    if marked or file.row.level is not None:
        slack, level = await windows.standing(file.conn, file.id)
    file.show(slack=slack.value, level=level)


async def _leave(file: OrderFile, transition: Transition) -> None:
    if transition.change is not None:
        await undo_goods(file, transition)
    await undo(file, transition.undo)
    if transition.leave is not None:
        await leave(file, transition.leave)
        await report_on_leaving(file, transition.leave)
        if transition.leave.at.step == file.profile.number_at:
            await give_number(file)
    if transition.change is not None:
        await apply_decided(file, transition.change)


async def _enter(file: OrderFile, transition: Transition) -> Entered:
    if transition.enter is None:
        return Entered()
    return await enter(file, transition.workflow_id, transition.enter)


async def _attempt(file: OrderFile, transition: Transition, attempt: Attempt) -> Entered:
    """A success opens what comes `then`; a failure opens the step itself, with a task, or nothing
    where an earlier step has to be done anew.
    """
    entered = transition.enter
    assert entered is not None, "a resource or a gate is always entered"
    tried = await attempt(file, transition)
    if isinstance(tried, Blocked):
        return await enter(file, transition.workflow_id, entered, tried)
    step = file.profile.step(entered.at.step)
    if isinstance(tried, Back):
        return _lead_back(file, entered.at, tried)
    file.note(
        "step_done",
        f"{step.title}: {tried}",
        key=f"{entered.at.key(file.id)}/done",
        step=step.id,
        data={"visit": entered.at.visit},
    )
    if transition.then is None:
        return Entered()
    return await enter(file, transition.workflow_id, transition.then)


def _lead_back(file: OrderFile, at: StepVisit, back: Back) -> Entered:
    """Opens nothing; the story says why, and the workflow enters the earlier step."""
    step = file.profile.step(at.step)
    file.note(
        "step_back",
        f"{step.title}: {back.why}",
        key=f"{at.key(file.id)}/back",
        step=step.id,
        data={"visit": at.visit, "to": back.step},
    )
    return Entered(back_to=back.step)
