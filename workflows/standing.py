"""Where an order or a case stands, told in full: what a comparison with PostgreSQL needs."""

from datetime import datetime

from temporalio import workflow

from domain.orders import OrderState
from workflows.contract import OrderStart, OrderView, RunsOn, Standing
from workflows.route import Route
from workflows.state import OrderProgress, TaskProgress
from workflows.words import waiting_on


def order_view(
    start: OrderStart,
    progress: OrderProgress,
    route: Route,
    *,
    due_at: datetime | None,
    state: OrderState,
    repeating: bool,
) -> OrderView:
    """Where the order is and what it waits for."""
    current, repetition = progress.current, progress.repetition
    titles = {step.id: step.title for step in start.profile.alongside}
    return OrderView(
        order_id=start.order_id,
        step=current.step if current else None,
        waits_for=waiting_on(route.current, progress, titles) if current else "nothing",
        due_at=due_at,
        open_tasks=tuple(task.id for task in progress.tasks),
        state=state,
        repeats=progress.repeats,
        owed=len(repetition.owed) if repetition else 0,
        repeating=repeating,
        not_repeated=tuple(repetition.refused) if repetition else (),
    )


def order_standing(start: OrderStart, progress: OrderProgress, *, settled: bool) -> Standing:
    """An order as it stands."""
    return task_standing(progress, settled=settled).model_copy(
        update={
            "step": progress.current,
            "since": progress.since,
            "hold": progress.hold,
            "version": progress.version,
            "promised_at": progress.promised_at or start.promised_at,
            "blocked": progress.blocked,
            "changing": progress.changing,
        }
    )


def task_standing(progress: TaskProgress, *, settled: bool) -> Standing:
    """What orders and cases have in common: open tasks and running windows."""
    return Standing(
        settled=settled,
        at=workflow.now(),
        tasks=tuple(progress.tasks),
        decisions=tuple(progress.decisions),
        windows=tuple(
            RunsOn(window=running.window, fired=tuple(running.fired))
            for running in progress.windows
            if running.stopped_at is None
        ),
    )
