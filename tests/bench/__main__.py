"""`make bench`: additions, replay, S08 orders beside a bare workflow of the same shape, breaches.

Both run on the same engine with the same client, worker settings and driver; the ratio is what
the platform's own code, its database and its deadlines cost on top of the engine.
"""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.table import Table
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.roles import Role
from tests.bench.additions import measure_additions
from tests.bench.bare import BareWorkflow, Shape, bare
from tests.bench.breaches import measure_breaches
from tests.bench.finished import Finished
from tests.bench.histories import measure_replay
from tests.own_floor import own_floor
from tests.workflow.floor import DATA, GOOD, S08_AFTER_RELEASE, S08_STEPS, Floor, Placed, profile
from worker import build_worker
from workflows.answering import complete_task
from workflows.contract import TaskCompletion

ORDERS = 40
AT_ONCE = 10
RETRY_SECONDS = 0.01
EXAMPLES = Path(__file__).parents[2] / "examples"

COUNTED = {
    "updates": EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
    "activities": EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    "timers": EventType.EVENT_TYPE_TIMER_STARTED,
    "signals": EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
    "upserts": EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
}


async def insist(attempt: Callable[[], Awaitable[object]]) -> None:
    """Repeats an update until the workflow waits for it."""
    while True:
        try:
            await attempt()
            return
        except WorkflowUpdateFailedError:
            await asyncio.sleep(RETRY_SECONDS)


def tasks_of(placed: Placed) -> list[tuple[str, str, Role]]:
    """Every task of an S08 order that meets no trouble: step, id, role."""
    s08, found = profile("S08"), []
    for step_id in (*S08_STEPS, *S08_AFTER_RELEASE):
        step = s08.step(step_id)
        for role in getattr(step, "reviewers", (step.role,)):
            found.append((step_id, f"{placed.order_id}.{step_id}.1.{role}", role))
    return found


async def one_order(floor: Floor, finished: Finished | None = None) -> Placed:
    """Places an order and answers everything at once."""
    placed = await floor.place()
    for step, task_id, role in tasks_of(placed):
        data = {k: v.format(order=placed.order_id[:8]) for k, v in DATA.get(step, {}).items()}
        completion = TaskCompletion(
            task_id=task_id,
            roles=(role,),
            outcome=GOOD.get(step, "done"),
            by="bench",
            request_id=str(uuid4()),
            data=data,
        )
        if finished is not None:
            await finished.wait(placed.handle.id)
        await insist(partial(complete_task, placed.handle, completion))
    await placed.wish("receipt")
    await placed.handle.result()
    return placed


async def one_bare(client: Client, queue: str, shape: Shape, finished: Finished) -> None:
    """The same number of everything, with nothing inside."""
    handle = await client.start_workflow(
        BareWorkflow.run, shape, id=f"bare-{uuid4()}", task_queue=queue
    )
    for _ in range(shape.updates):
        await finished.wait(handle.id)
        await insist(lambda: handle.execute_update(BareWorkflow.answer))
    for _ in range(shape.signals):
        await handle.signal(BareWorkflow.receipt)
    await handle.result()


async def shape_of(handle: WorkflowHandle[object, object]) -> tuple[Shape, int]:
    """What an order's history counts, and its length."""
    events = (await handle.fetch_history()).events
    counts = {
        name: sum(event.event_type == kind for event in events) for name, kind in COUNTED.items()
    }
    return Shape(**counts), len(events)


async def rate(job: Callable[[], Awaitable[object]], count: int) -> float:
    """Jobs a second, `AT_ONCE` at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def gated() -> None:
        async with gate:
            await job()

    begin = time.perf_counter()
    await asyncio.gather(*(gated() for _ in range(count)))
    return count / (time.perf_counter() - begin)


async def measure(floor: Floor, client: Client) -> None:
    """Measures in turns, so that a busy moment of the machine hits both."""
    queue, finished = f"bare-{uuid4()}", Finished()
    async with (
        build_worker(client, floor.engine, floor.task_queue, interceptors=[finished]),
        Worker(
            client,
            task_queue=queue,
            workflows=[BareWorkflow],
            activities=[bare],
            workflow_runner=UnsandboxedWorkflowRunner(),
            interceptors=[finished],
        ),
    ):
        first = await one_order(floor, finished)
        shape, events = await shape_of(first.handle)
        await one_bare(client, queue, shape, finished)
        orders, bares = [], []
        for _ in range(2):
            orders.append(await rate(lambda: one_order(floor, finished), ORDERS // 2))
            bares.append(await rate(lambda: one_bare(client, queue, shape, finished), ORDERS // 2))
    report(shape, events, sum(orders) / 2, sum(bares) / 2)


def report(shape: Shape, events: int, orders: float, bares: float) -> None:
    """Prints the figures as a table."""
    table = Table(title=f"{ORDERS} orders, {AT_ONCE} at once, {os.cpu_count()} cores")
    for name in ("what", "per second", "ratio"):
        table.add_column(name, justify="left" if name == "what" else "right")
    table.add_row("whole S08 orders", f"{orders:.2f}", f"{bares / orders:.2f}")
    table.add_row("bare workflow of the same shape", f"{bares:.2f}", "1.00")
    Console().print(table)
    counts = ", ".join(f"{value} {name}" for name, value in shape.model_dump().items())
    Console().print(f"An S08 order: {events} events; {counts}.")


async def main() -> None:
    """Starts what is needed, measures, and stops it."""
    async with own_floor() as floor:
        await measure(floor, floor.client)
        await measure_breaches(floor, floor.client)


if __name__ == "__main__":
    measure_additions()
    asyncio.run(measure_replay())
    asyncio.run(main())
    sys.stdout.flush()
    # The SDK can abort while the interpreter ends (sdk-python#300); everything is done by now.
    os._exit(0)
