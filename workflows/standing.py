"""Where an order or a case stands, told in full: what a comparison with PostgreSQL needs."""

from temporalio import workflow

from workflows.contract import OrderStart, RunsOn, Standing
from workflows.state import OrderProgress, TaskProgress


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
