"""Hundreds of windows that breach at one instant: none is lost, none is told twice.

A run of the tests takes 500 of them, `DUELINE_TEST_SIZE=full` 2,000.
"""

import asyncio
from collections import Counter
from datetime import timedelta

from activities.models import case_workflow_id
from store import tables
from tests import size
from tests.workflow.floor import Floor
from tests.workflow.storm import storm
from worker import build_worker

ORDERS, WINDOWS_EACH = size.of(50, full=200), 10
WINDOWS = ORDERS * WINDOWS_EACH
LEAD = timedelta(seconds=size.of(45, full=90))
"""Within it all orders have to be placed."""
PATIENCE_SECONDS = 60.0


async def cases_begun(floor: Floor, case_queue: str) -> set[str]:
    """The ids of all cases, once the engine lists them; its lists lag a little."""
    found: set[str] = set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found) < WINDOWS:
            query = f"TaskQueue = '{case_queue}'"
            found = {case.id async for case in floor.client.list_workflows(query)}
            await asyncio.sleep(1)
    return found


async def test_windows_that_breach_at_once_are_each_recorded_and_told_once(
    idle_floor: Floor,
) -> None:
    floor, case_queue = idle_floor, f"{idle_floor.task_queue}-cases"
    # The cases begin on the engine and wait: what they do then is claimed elsewhere.
    worker = build_worker(floor.client, floor.engine, floor.task_queue, case_queue=case_queue)

    async with worker:
        outcome = await storm(floor, orders=ORDERS, windows_each=WINDOWS_EACH, lead=LEAD)
        begun = await cases_begun(floor, case_queue)

    assert outcome.windows == WINDOWS
    breaches = await floor.rows(tables.marks, mark="breach")
    assert len({row["window"] for row in breaches}) == len(breaches) == WINDOWS
    assert {row["due_at"] for row in breaches} == {outcome.due_at}
    assert all(row["recorded_at"] >= row["due_at"] for row in breaches)
    assert begun == {case_workflow_id(row["window"]) for row in breaches}
    told: Counter[tuple[str, str]] = Counter()
    for notice in await floor.rows(tables.outbox, to_role="order_desk"):
        for line in notice["text"].splitlines():
            if "is overdue" in line:
                told[(notice["order_id"], line.rpartition("(")[2].partition(")")[0])] += 1
    assert len(told) == WINDOWS
    assert set(told.values()) == {1}
