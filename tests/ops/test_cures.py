"""Operations cure one order: try again, hold, release, skip; the trail says who and why."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import (
    PauseActivityExecutionRequest,
    PauseWorkflowExecutionRequest,
)
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.errors import InvalidField, NotAllowed, NothingRuns, OnHold, Unanswered
from ops.repair import acting, asking
from ops.repair.executions import Execution, execution_of
from ops.repair.finding import FoundOrder, find_order
from ops.repair.site import Site
from store import tables
from store.audit import OpsActionRow, read_actions
from tests.ops.conftest import Dueline
from tests.workflow.floor import Floor, Placed
from workflows.contract import ORDER_WORKFLOW, OrderStart

BROKEN = "ALTER TABLE timeline ADD CONSTRAINT broken CHECK (step <> 'confirm') NOT VALID"
MENDED = "ALTER TABLE timeline DROP CONSTRAINT broken"


async def run_sql(floor: Floor, statement: str) -> None:
    async with floor.engine.begin() as conn:
        await conn.execute(text(statement))


async def found(site: Site, placed: Placed) -> FoundOrder:
    return await find_order(site, placed.order_id)


async def trail(site: Site) -> list[OpsActionRow]:
    async with site.database.connect() as conn:
        return await read_actions(conn)


async def pending(placed: Placed, site: Site, attempt: int) -> Execution:
    """The order's execution once an activity has failed that often."""

    async def failing() -> Execution | None:
        execution = await execution_of(site.client, placed.handle.id)
        assert execution is not None
        return execution if any(a.attempt > attempt for a in execution.activities) else None

    execution: Execution = await placed.until(failing, "an activity is tried again")
    return execution


async def blocked_at_confirm(floor: Floor) -> Placed:
    """An order whose way to `confirm` the database refuses."""
    await run_sql(floor, BROKEN)
    placed = await floor.place()
    await placed.do("entry")
    return placed


async def test_retry_tries_a_pending_activity_at_once_as_its_first_attempt(
    site: Site, floor: Floor
) -> None:
    placed = await blocked_at_confirm(floor)
    before = await pending(placed, site, attempt=4)
    await run_sql(floor, MENDED)

    done = await acting.retry(site, await found(site, placed))

    [retried] = done.workflows
    [activity] = retried.activities
    assert activity.type == "open_step"
    assert activity.attempt >= before.activities[0].attempt
    assert "broken" in str(activity.error)
    await placed.at("confirm")
    attempts = [
        event.activity_task_started_event_attributes.attempt
        for event in (await placed.handle.fetch_history()).events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    ]
    assert set(attempts) == {1}, "a late attempt would have counted on"
    [line] = await trail(site)
    assert (line.action, line.target, line.by) == ("retry", placed.order_id, "ops-1")
    assert line.outcome.startswith("tried again: open_step")


async def test_retry_of_an_order_that_only_waits_for_people_says_so(
    site: Site, floor: Floor, dueline: Dueline
) -> None:
    placed = await floor.place()
    await placed.at("entry")

    said = await dueline("ops", "retry", placed.order_id[:8])

    assert said.code == 0, said.err
    assert "0 things are tried again now." in said.out


async def test_an_order_is_held_and_released_by_name_and_the_trail_says_why(
    site: Site, floor: Floor, dueline: Dueline
) -> None:
    first, second = await floor.place(), await floor.place()
    await first.at("entry")
    await second.at("entry")

    held = await dueline(
        "ops", "hold", first.order_id, second.order_id, "--because", "recall of batch 7", "--json"
    )
    again = await dueline("ops", "hold", first.order_id, "--because", "once more")
    released = await dueline("ops", "release", first.order_id, second.order_id)

    assert held.code == 0, held.err
    assert [one["order"]["id"] for one in held.json] == [first.order_id, second.order_id]
    assert again.code == 1
    assert "is on hold since" in again.err
    assert "recall of batch 7" in again.err
    assert released.out.count("the hold is released.") == 2, released.err
    assert [(line.action, line.target) for line in reversed(await trail(site))] == [
        ("hold", first.order_id),
        ("hold", second.order_id),
        ("hold", first.order_id),
        ("release", first.order_id),
        ("release", second.order_id),
    ]


async def test_one_order_that_cannot_be_held_stops_none_of_the_others(
    site: Site, floor: Floor, dueline: Dueline
) -> None:
    placed = await floor.place()
    await placed.at("entry")

    said = await dueline("ops", "hold", "SO-1999-000001", placed.order_id, "--because", "a strike")

    assert said.code == 1
    assert "SO-1999-000001: there is no order" in said.err
    assert "is on hold. Let it go on:" in said.out


async def test_release_lets_a_paused_workflow_and_its_paused_activities_go_on(
    site: Site, floor: Floor
) -> None:
    placed = await blocked_at_confirm(floor)
    [activity] = (await pending(placed, site, attempt=1)).activities
    service, namespace = site.client.workflow_service, site.client.namespace
    await service.pause_activity_execution(
        PauseActivityExecutionRequest(
            namespace=namespace,
            workflow_id=placed.handle.id,
            activity_id=activity.id,
            reason="looking",
            request_id=str(uuid4()),
        )
    )
    await service.pause_workflow_execution(
        PauseWorkflowExecutionRequest(
            namespace=namespace,
            workflow_id=placed.handle.id,
            reason="looking",
            request_id=str(uuid4()),
        )
    )
    await run_sql(floor, MENDED)

    done = await acting.release(site, await found(site, placed))

    assert (done.hold, done.workflow, done.activities) == (False, True, ("open_step",))
    await placed.at("confirm")
    nothing = await acting.release(site, await found(site, placed))
    assert nothing.words == "nothing stood still"


async def test_skipping_a_step_takes_two_keys_and_both_stand_in_the_trail(
    site: Site, floor: Floor, dueline: Dueline
) -> None:
    placed = await floor.place()
    await placed.do("entry")
    await placed.at("confirm")
    words = ("ops", "skip-step", placed.order_id, "confirm", "--because", "confirmed on paper")

    asked = await dueline(*words)
    alone = await dueline(*words)
    agreed = await dueline(*words, by="leader")

    assert "Another key of operations, leadership or control agrees" in asked.out, asked.err
    assert alone.code == 1
    assert "somebody else has to agree" in alone.err
    assert "is skipped" in agreed.out, agreed.err
    await placed.at("review")
    lines = [(line.action, line.by, line.outcome) for line in reversed(await trail(site))]
    assert lines == [
        ("skip-step", "ops-1", "asked"),
        ("skip-step", "ops-1", f"refused: {alone.err.strip()}"),
        ("skip-step", "leader", "skipped"),
    ]


async def test_a_step_that_the_order_is_not_in_is_refused_with_the_step_it_is_in(
    site: Site, floor: Floor
) -> None:
    placed = await floor.place()
    await placed.at("entry")

    with pytest.raises(InvalidField, match="the order is in 'entry'"):
        await acting.skip_step(site, await found(site, placed), "review", "no time")

    [line] = await trail(site)
    assert line.outcome.startswith("refused: step: cannot be skipped")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for a worker that never comes, but not for long."""
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 1.0)


@pytest.mark.usefixtures("hasty")
async def test_without_a_worker_a_hold_says_what_to_start(site: Site, idle_floor: Floor) -> None:
    placed = await idle_floor.place()

    with pytest.raises(Unanswered, match=r"no worker lives on task queue .*dueline worker"):
        await acting.hold(site, await found(site, placed), "a strike")

    [line] = await trail(site)
    assert line.outcome.startswith("refused: no worker lives")


async def test_an_ended_order_cannot_be_operated(site: Site, floor: Floor) -> None:
    placed = await floor.place()
    await placed.at("entry")
    await placed.wish("cancellation")
    await placed.handle.result()
    order = await found(site, placed)

    for do in (acting.retry, acting.release):
        with pytest.raises(NothingRuns, match=r"has ended \(completed\)"):
            await do(site, order)
    with pytest.raises(NothingRuns):
        await acting.hold(site, order, "too late")


async def test_only_operations_hold(site: Site, floor: Floor) -> None:
    placed = await floor.place()
    await placed.at("entry")
    order = await found(site, placed)
    leader: Any = Site(**{**site.__dict__, "by": "leader", "roles": ("leadership",)})

    with pytest.raises(NotAllowed, match="this is for operations"):
        await acting.hold(leader, order, "I say so")
    await acting.hold(site, order, "a strike")
    with pytest.raises(OnHold, match="a strike"):
        await acting.hold(site, order, "another strike")
    row = await placed.until(lambda: _held(placed), "the hold is shown")
    assert row["held_because"] == "a strike"


async def _held(placed: Placed) -> dict[str, Any] | None:
    [row] = await placed.floor.rows(tables.orders, id=placed.order_id)
    return row if row["held_at"] else None


@workflow.defn(name=ORDER_WORKFLOW)
class BrokenBuild:
    """What a bad deploy does: its own code fails at the first step."""

    @workflow.run
    async def run(self, start: OrderStart) -> None:
        raise RuntimeError("this build is broken")


@asynccontextmanager
async def broken_build(floor: Floor) -> AsyncIterator[None]:
    """A worker of the broken build."""
    async with Worker(
        floor.client,
        task_queue=floor.task_queue,
        workflows=[BrokenBuild],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield


async def failing(placed: Placed, site: Site) -> Execution:
    """The order's execution once its own code has failed."""

    async def found() -> Execution | None:
        execution = await execution_of(site.client, placed.handle.id)
        assert execution is not None
        return execution if execution.failing else None

    execution: Execution = await placed.until(found, "the workflow task fails")
    return execution


@pytest.mark.usefixtures("hasty")
async def test_an_order_whose_own_code_fails_is_told_so_by_every_cure(
    site: Site, idle_floor: Floor, dueline: Dueline
) -> None:
    async with broken_build(idle_floor):
        placed = await idle_floor.place()
        await failing(placed, site)

        with pytest.raises(Unanswered, match=r"its own code fails: .*this build is broken"):
            await acting.hold(site, await found(site, placed), "a strike")
        said = await dueline("ops", "retry", placed.order_id)

    assert said.code == 0, said.err
    assert "fails: RuntimeError: this build is broken" in said.out
    assert "dueline ops recover" in said.out
