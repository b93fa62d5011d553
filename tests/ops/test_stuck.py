"""`ops stuck` names everything that cannot move, with its cause and cure, and nothing else."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueRequest

from ops.repair.site import Site
from ops.repair.stuck import find_stuck
from ops.repair.stuck_model import StuckCause, StuckReport
from store import tables
from tests.ops import ward as wards
from tests.ops.clinic import Clinic, served
from tests.ops.conftest import Dueline
from tests.ops.ward import KINDS, Ill, Ward, deleted
from tests.workflow.floor import Placed
from tests.workflow.storm import until
from workflows.contract import ORDER_WORKFLOW, order_workflow_id
from workflows.overdue_case import OverdueCaseWorkflow

HEALTHY = 200
HEALTHY_BESIDE = 10
LATE = 3
AT_ONCE = 20
FOUND_WITHIN_SECONDS = 60.0
CURED_WITHIN_SECONDS = 60.0
LOST = {deleted}
"""What no command brings back: the engine has forgotten the workflow."""

Kind = Callable[[Ward], Awaitable[Ill]]


async def healthy_orders(ward: Ward, count: int) -> list[Placed]:
    """Orders that wait for people in time, at different steps."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def place(number: int) -> Placed:
        async with gate:
            placed = await ward.floor.place()
            if number % 20 == 0:
                await placed.walk(("entry", "confirm")[: 1 + number % 40 // 20])
            return placed

    placed = list(await asyncio.gather(*(place(number) for number in range(count))))
    there = (
        select(func.count())
        .select_from(tables.orders)
        .where(
            tables.orders.c.id.in_([one.order_id for one in placed]),
            tables.orders.c.step.is_not(None),
        )
    )
    await until(ward.floor, there, count)
    return placed


async def found(site: Site, ill: list[Ill]) -> StuckReport:
    """The report, as soon as it names every ill one with its cause; retries take their time."""
    wanted = {(one.workflow_id, one.cause) for one in ill}
    report = await find_stuck(site)
    give_up_at = time.monotonic() + FOUND_WITHIN_SECONDS
    while time.monotonic() < give_up_at:
        if wanted <= {(one.workflow_id, one.cause) for one in report.findings}:
            break
        await asyncio.sleep(1)
        report = await find_stuck(site)
    return report


async def all_ill(ward: Ward, kinds: Iterable[Kind]) -> list[Ill]:
    """One of each kind, several at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def make(kind: Kind) -> Ill:
        async with gate:
            return await kind(ward)

    return list(await asyncio.gather(*(make(kind) for kind in kinds)))


def named(report: StuckReport) -> set[tuple[str, StuckCause]]:
    return {(one.workflow_id, one.cause) for one in report.findings}


async def test_every_kind_of_stuck_is_named_among_healthy_orders(ward: Ward, site: Site) -> None:
    # First, with the machine for themselves: a task that fails has ten seconds to say why.
    ill = await all_ill(ward, KINDS)
    await asyncio.gather(
        healthy_orders(ward, HEALTHY),
        asyncio.gather(*(wards.late(ward) for _ in range(LATE))),
    )

    report = await found(site, ill)

    wanted = {(one.workflow_id, one.cause) for one in ill}
    missing = [one.kind for one in ill if (one.workflow_id, one.cause) not in named(report)]
    assert missing == []
    assert named(report) == wanted
    assert report.orders >= HEALTHY
    assert all("555" not in one.sentence for one in report.findings)


async def test_a_task_that_ran_into_its_timeout_is_told_so_and_names_the_workers_log(
    ward: Ward, site: Site
) -> None:
    floor, client = ward.beside("slow"), ward.floor.client
    handle = await client.start_workflow(
        ORDER_WORKFLOW,
        id=order_workflow_id(str(uuid4())),
        task_queue=floor.task_queue,
        task_timeout=timedelta(seconds=1),
    )
    taken = PollWorkflowTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=floor.task_queue)
    )
    await client.workflow_service.poll_workflow_task_queue(taken)
    await ward.deploy(floor, workflows=[OverdueCaseWorkflow])
    slow = Ill("slow", StuckCause.WORKFLOW_TASK_FAILING, "", handle.id)

    report = await found(replace(site, task_queue=floor.task_queue), [slow])

    [sentence] = [one.sentence for one in report.findings if one.cause is slow.cause]
    assert "ran into its timeout" in sentence
    assert "the worker's log says which" in sentence


async def test_the_command_that_is_proposed_cures(
    ward: Ward,
    site: Site,
    dueline: Dueline,
    database_url: str,
    temporal: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ill = await all_ill(ward, [kind for kind in KINDS if kind not in LOST])
    await healthy_orders(ward, HEALTHY_BESIDE)
    report = await found(site, ill)
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(served(database_url, temporal, site.task_queue))
        monkeypatch.setenv("DUELINE_API", api)
        monkeypatch.setenv("DUELINE_DEPLOYMENT", ward.deployment)
        clinic = Clinic(site, dueline, database_url, temporal, tmp_path, stack)
        for name, value in clinic.environment.items():
            monkeypatch.setenv(name, value)

        await asyncio.gather(*(one.mend() for one in ill if one.mend))
        failed = await clinic.cure(list(report.findings))
        left = await cured(site)

        said = await dueline("ops", "stuck")

    assert failed == []
    assert [(one.cause, one.sentence) for one in left.findings] == []
    assert said.code == 0
    assert said.out.splitlines()[-1].startswith(f"Nothing is stuck among {left.orders} open orders")


async def cured(site: Site) -> StuckReport:
    """The report, as soon as nothing is stuck any more."""
    report = await find_stuck(site)
    give_up_at = time.monotonic() + CURED_WITHIN_SECONDS
    while report.findings and time.monotonic() < give_up_at:
        await asyncio.sleep(1)
        report = await find_stuck(site)
    return report
