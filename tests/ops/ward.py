"""Orders that are made ill for real, each in its own way: wrong deploys, torn rows, dead channels.

Each kind names the cause that has to be found and how to mend what no command can mend.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, insert, update
from temporalio import activity, workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.rules.v1 import WorkflowRuleAction, WorkflowRuleSpec
from temporalio.api.workflowservice.v1 import (
    CreateWorkflowRuleRequest,
    DeleteWorkflowExecutionRequest,
    DeleteWorkflowRuleRequest,
    PauseActivityRequest,
    PauseWorkflowExecutionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

from activities import all_activities
from activities.case_starter import CaseDoor
from activities.models import OPEN_STEP, Entered, Transition
from domain.roles import Role
from ops.repair.stuck_model import StuckCause
from policy.steps import Work
from store import tables
from store.engine import Engine, create_engine
from tests.workflow.floor import Floor, Placed
from tests.workflow.policies import changed
from worker import WORKFLOWS
from workflows import contract
from workflows.contract import ChangeNotice, OrderResult, OrderStart
from workflows.order import OrderWorkflow
from workflows.overdue_case import OverdueCaseWorkflow
from workflows.starting import escalate_case, start_case

NOBODYS_ROLE = Role.CONTROL
"""A role that no key of the ward holds."""
LONG_AGO = timedelta(days=10)
NO_DATABASE = "postgresql+asyncpg://nobody@127.0.0.1:1/nowhere"
READY_SECONDS = 30.0
BROKEN = Work.CHECK_MATERIAL.value
"""No healthy order of the ward comes to it."""
ORDERS_UNTIL_BROKEN_MAX = 20
ORDERS_UNTIL_FAILED_MAX = 5
_TASK_FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
_TASK_TIMED_OUT = EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT

Step = Callable[[], Awaitable[Any]]


@dataclass(frozen=True)
class Ill:
    """Something stuck: what has to be said of it; `mend` is done by hands before the cure."""

    kind: str
    cause: StuckCause
    order_id: str
    workflow_id: str
    mend: Step | None = None


@dataclass
class Ward:
    """A floor with healthy orders and ill ones; workers end with the stack."""

    floor: Floor
    stack: AsyncExitStack
    serving: dict[str, AsyncExitStack] = field(default_factory=dict)

    def beside(self, name: str) -> Floor:
        """The same floor with a queue of its own."""
        return replace(self.floor, task_queue=f"{self.floor.task_queue}-{name}")

    async def deploy(self, floor: Floor, **fields: Any) -> None:
        """Workers on the floor's queue, in the place of those that were there."""
        await self.retire(floor)
        serving = AsyncExitStack()
        await serving.enter_async_context(worker_on(floor, **fields))
        self.serving[floor.task_queue] = serving

    async def retire(self, floor: Floor) -> None:
        """Ends the workers on the floor's queue."""
        if (serving := self.serving.pop(floor.task_queue, None)) is not None:
            await serving.aclose()

    @property
    def deployment(self) -> str:
        """The deployment of the ward's versioned workers."""
        return f"dueline-{self.floor.task_queue[-8:]}"

    async def release(self, floor: Floor, build: str) -> None:
        """Workers of a version that gets all new work; orders are pinned to it."""
        version = WorkerDeploymentVersion(deployment_name=self.deployment, build_id=build)
        config = WorkerDeploymentConfig(
            version=version,
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.PINNED,
        )
        await self.deploy(floor, deployment=config)
        await make_current(floor, version)

    async def close(self) -> None:
        """Ends all workers, side by side: each takes its second."""
        await asyncio.gather(*(serving.aclose() for serving in self.serving.values()))
        self.serving.clear()

    async def execute(self, statement: Any) -> None:
        """Tampers with the database."""
        async with self.floor.engine.begin() as conn:
            await conn.execute(statement)


def worker_on(
    floor: Floor,
    *,
    workflows: Iterable[type] = WORKFLOWS,
    without: str | None = None,
    instead: Callable[..., Any] | None = None,
    engine: Engine | None = None,
    deployment: WorkerDeploymentConfig | None = None,
) -> Worker:
    """A worker as it is deployed, or with something missing or wrong. Never waits for its end."""
    client = floor.client
    door = CaseDoor(
        start=partial(start_case, client, floor.task_queue),
        escalate=partial(escalate_case, client, floor.task_queue),
    )
    bound = all_activities(engine or floor.engine, client, door)
    name = without or (_name(instead) if instead else None)
    offered = [one for one in bound if _name(one) != name] + ([instead] if instead else [])
    versioned = {"deployment_config": deployment} if deployment else {}
    return Worker(
        client,
        task_queue=floor.task_queue,
        workflows=list(workflows),
        activities=offered,
        workflow_runner=UnsandboxedWorkflowRunner(),
        # The engine looks at its rules only where a task goes through the queue.
        disable_eager_activity_execution=True,
        **versioned,  # type: ignore[arg-type]  # options by name
    )


def _name(offered: Callable[..., Any]) -> str | None:
    return activity._Definition.must_from_callable(offered).name


async def give_keys(engine: Engine) -> None:
    """A key for every role but one."""
    roles = set(Role) - {NOBODYS_ROLE, Role.CUSTOMER}
    rows = [{"digest": f"of-{role}", "name": role.value, "roles": [role.value]} for role in roles]
    async with engine.begin() as conn:
        await conn.execute(insert(tables.api_keys), rows)


# --- wrong code -------------------------------------------------------------------------------


@workflow.defn(name=contract.ORDER_WORKFLOW)
class RaisingOrder:
    """A bug in the workflow's own code."""

    @workflow.run
    async def run(self, start: OrderStart) -> OrderResult:
        raise RuntimeError("the route has no step of this name")


@workflow.defn(name=contract.ORDER_WORKFLOW)
class BrittleOrder(OrderWorkflow):
    """A signal handler that raises."""

    @workflow.init
    def __init__(self, start: OrderStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: OrderStart) -> OrderResult:
        return await super().run(start)

    @workflow.signal(name=contract.REQUEST_CHANGE)
    def request_change(self, notice: ChangeNotice) -> None:
        raise ValueError(f"no such field: {notice.fields}")


@workflow.defn(name=contract.ORDER_WORKFLOW)
class ReorderedOrder(OrderWorkflow):
    """A change that no history of before fits: it waits before it does what it did first."""

    @workflow.init
    def __init__(self, start: OrderStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: OrderStart) -> OrderResult:
        await asyncio.sleep(1)
        return await super().run(start)


@activity.defn(name=OPEN_STEP)
async def open_step_raises(transition: Transition) -> Entered:
    """A bug in an activity."""
    raise RuntimeError("the answer is no JSON; call +86 555 0100 0001")


@activity.defn(name=OPEN_STEP)
async def open_step_hangs(transition: Transition) -> Entered:
    """Waits for something that never comes."""
    await asyncio.sleep(3600)
    return Entered()


# --- kinds of ill -----------------------------------------------------------------------------


async def raising_code(ward: Ward) -> Ill:
    floor = ward.beside("raising")
    await ward.deploy(floor, workflows=[RaisingOrder])
    placed = await floor.place()
    return _ill("raising code", StuckCause.WORKFLOW_TASK_FAILING, placed, _right(ward, floor))


async def raising_signal_handler(ward: Ward) -> Ill:
    floor = ward.beside("brittle")
    await ward.deploy(floor, workflows=[BrittleOrder])
    placed = await floor.place()
    await placed.at("entry")
    await placed.wish("change", {"remarks": "ring twice"})
    return _ill("raising signal", StuckCause.WORKFLOW_TASK_FAILING, placed, _right(ward, floor))


async def unknown_workflow(ward: Ward) -> Ill:
    async def made(floor: Floor) -> Placed:
        await ward.deploy(floor, workflows=[OverdueCaseWorkflow])
        return await floor.place()

    placed = await _with_its_reason(ward, "unknown", made)
    mend = _right(ward, placed.floor)
    return _ill("unknown type", StuckCause.WORKFLOW_NOT_REGISTERED, placed, mend)


async def changed_order_of_activities(ward: Ward) -> Ill:
    async def made(floor: Floor) -> Placed:
        await ward.deploy(floor)
        placed = await floor.place()
        await placed.at("entry")
        await ward.deploy(floor, workflows=[ReorderedOrder])
        await placed.wish("change", {"remarks": "ring twice"})
        return placed

    placed = await _with_its_reason(ward, "reordered", made)
    mend = _right(ward, placed.floor)
    return _ill("non-determinism", StuckCause.NON_DETERMINISM, placed, mend)


async def _with_its_reason(
    ward: Ward, name: str, make: Callable[[Floor], Awaitable[Placed]]
) -> Placed:
    """An order whose history says why its task fails.

    Only a task's first attempt is recorded. On a busy machine that one may run into its timeout,
    and no later one tells the reason: such an order is mended, and another one is made.
    """
    for number in range(ORDERS_UNTIL_FAILED_MAX):
        floor = ward.beside(f"{name}-{number}")
        placed = await make(floor)
        failed = partial(_first_failure, placed)
        if await placed.until(failed, "its task fails") == _TASK_FAILED:
            return placed
        await _right(ward, floor)()
        await placed.quiet()
    raise AssertionError("each first attempt ran into its timeout")


async def _first_failure(placed: Placed) -> int | None:
    """The event that says how the workflow task failed; none before it did."""
    async for event in placed.handle.fetch_history_events():
        if event.event_type in (_TASK_FAILED, _TASK_TIMED_OUT):
            return event.event_type
    return None


async def missing_activity(ward: Ward) -> Ill:
    floor = ward.beside("missing")
    await ward.deploy(floor, without=OPEN_STEP)
    placed = await floor.place()
    return _ill("no such activity", StuckCause.ACTIVITY_NOT_REGISTERED, placed, _right(ward, floor))


async def raising_activity(ward: Ward) -> Ill:
    floor = ward.beside("failing")
    await ward.deploy(floor, instead=open_step_raises)
    placed = await floor.place()
    return _ill("failing activity", StuckCause.ACTIVITY_RETRYING, placed, _right(ward, floor))


async def hanging_activity(ward: Ward) -> Ill:
    floor = ward.beside("hanging")
    await ward.deploy(floor, instead=open_step_hangs)
    placed = await floor.place()
    return _ill("hanging activity", StuckCause.ACTIVITY_HANGS, placed, _right(ward, floor))


async def wrong_database(ward: Ward) -> Ill:
    floor = ward.beside("away")
    away = create_engine(NO_DATABASE)
    ward.stack.push_async_callback(away.dispose)
    await ward.deploy(floor, engine=away)
    placed = await floor.place()
    return _ill("database away", StuckCause.DATABASE_AWAY, placed, _right(ward, floor))


async def paused_activity(ward: Ward) -> Ill:
    floor = ward.beside("paused-activity")
    await ward.deploy(floor, instead=open_step_raises)
    placed = await floor.place()

    async def failed() -> bool:
        described = await placed.handle.describe()
        return any(one.attempt > 1 for one in described.raw_description.pending_activities)

    await placed.until(failed, "the activity has failed once")
    await floor.client.workflow_service.pause_activity(
        PauseActivityRequest(
            namespace=floor.client.namespace,
            execution=WorkflowExecution(workflow_id=placed.handle.id),
            type=OPEN_STEP,
            identity="the night shift",
            reason="the bank has stopped",
        )
    )
    return _ill("paused activity", StuckCause.ACTIVITY_PAUSED, placed, _right(ward, floor))


async def open_breaker(ward: Ward) -> Ill:
    # As `ops breaker open` does it: a rule that pauses the activity wherever it would begin.
    client, queue = ward.floor.client, ward.floor.task_queue
    rule = f"breaker/{queue}/{BROKEN}"
    only = f"ActivityType = '{BROKEN}' AND TaskQueue = '{queue}'"
    spec = WorkflowRuleSpec(
        id=rule,
        activity_start=WorkflowRuleSpec.ActivityStartingTrigger(predicate=only),
        actions=[WorkflowRuleAction(activity_pause=WorkflowRuleAction.ActionActivityPause())],
    )
    request = CreateWorkflowRuleRequest(
        namespace=client.namespace, spec=spec, identity="ops-1", description="it is down"
    )
    await client.workflow_service.create_workflow_rule(request)
    ward.stack.push_async_callback(_without_rule, ward.floor, rule)
    for _ in range(ORDERS_UNTIL_BROKEN_MAX):
        placed = await ward.floor.place()
        await placed.walk(("entry", "confirm", "review"))
        if not await _passes(placed):
            return _ill("breaker open", StuckCause.BREAKER_OPEN, placed)
    raise AssertionError("the rule was never in force")


async def _passes(placed: Placed) -> bool:
    """Whether the order comes past the activity, or waits at it because it is paused."""

    async def either() -> str | None:
        described = (await placed.handle.describe()).raw_description
        if any(one.paused for one in described.pending_activities):
            return "paused"
        return "passed" if (await placed.row())["step"] == "plan" else None

    return bool(await placed.until(either, "it passes or waits") == "passed")


async def _without_rule(floor: Floor, rule: str) -> None:
    with suppress(RPCError):  # the cure has deleted it
        await floor.client.workflow_service.delete_workflow_rule(
            DeleteWorkflowRuleRequest(namespace=floor.client.namespace, rule_id=rule)
        )


async def queue_without_worker(ward: Ward) -> Ill:
    floor = ward.beside("deserted")
    placed = await floor.place()
    return _ill("no poller", StuckCause.NO_POLLER, placed, _right(ward, floor))


async def version_without_worker(ward: Ward) -> Ill:
    floor = ward.beside("versioned")
    await ward.release(floor, "b1")
    placed = await floor.place()
    await placed.at("entry")
    await ward.retire(floor)
    mend = partial(ward.release, floor, "b2")
    return _ill("version unserved", StuckCause.VERSION_UNSERVED, placed, mend)


async def paused_workflow(ward: Ward) -> Ill:
    placed = await _at_entry(ward)
    await ward.floor.client.workflow_service.pause_workflow_execution(
        PauseWorkflowExecutionRequest(
            namespace=ward.floor.client.namespace,
            workflow_id=placed.handle.id,
            identity="the night shift",
            reason="ask in the morning",
            request_id=str(uuid4()),
        )
    )
    return _ill("paused workflow", StuckCause.WORKFLOW_PAUSED, placed)


async def violated_constraint(ward: Ward) -> Ill:
    placed = await _at_entry(ward)
    [task] = await placed.open_tasks("entry")
    stray = {name: value for name, value in task.items() if name not in {"id", "step"}}
    await ward.execute(insert(tables.tasks).values(**stray, id=f"stray-{uuid4()}", step="confirm"))
    await placed.answer(task)
    mend = partial(
        ward.execute,
        delete(tables.tasks).where(
            tables.tasks.c.order_id == placed.order_id, tables.tasks.c.id.startswith("stray-")
        ),
    )
    return _ill("constraint", StuckCause.DATABASE_CONSTRAINT, placed, mend)


async def terminated(ward: Ward) -> Ill:
    placed = await _at_entry(ward)
    await placed.handle.terminate("the wrong window in the Web UI")
    return _ill("terminated", StuckCause.WORKFLOW_CLOSED, placed)


async def deleted(ward: Ward) -> Ill:
    placed = await _at_entry(ward)
    await placed.handle.terminate()
    client = ward.floor.client
    await client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=placed.handle.id),
        )
    )

    async def gone() -> bool:
        try:
            await placed.handle.describe()
        except RPCError:
            return True
        return False

    await placed.until(gone, "the workflow is gone")
    return _ill("deleted", StuckCause.WORKFLOW_GONE, placed)


async def never_started(ward: Ward) -> Ill:
    # The API has stored the order and died before it started the workflow.
    placed = await deleted(ward)
    for table in (tables.tasks, tables.window_ledger, tables.windows, tables.timeline):
        await ward.execute(delete(table).where(table.c.order_id == placed.order_id))
    for table in (tables.effects, tables.outbox):
        await ward.execute(delete(table).where(table.c.order_id == placed.order_id))
    fresh = {"step": None, "stage": None, "step_since": None, "waiting_role": None, "due_at": None}
    await _tamper(ward, placed.order_id, **fresh, created_at=datetime.now(UTC) - LONG_AGO)
    return replace(placed, kind="never started", cause=StuckCause.NEVER_STARTED)


async def completed_behind_the_record(ward: Ward) -> Ill:
    placed = await _at_entry(ward)
    await placed.wish("cancellation")
    await placed.handle.result()
    await _tamper(ward, placed.order_id, state="open", closed_at=None)
    return _ill("completed", StuckCause.WORKFLOW_CLOSED, placed)


async def record_closed(ward: Ward) -> Ill:
    placed = await _at_entry(ward)
    await _tamper(ward, placed.order_id, state="cancelled", closed_at=datetime.now(UTC))
    return _ill("record closed", StuckCause.RECORD_CLOSED, placed)


async def projection_behind(ward: Ward) -> Ill:
    placed = await _at_entry(ward)
    await placed.do("entry")
    await placed.at("confirm")
    await _tamper(ward, placed.order_id, step="entry", stage="L05")
    return _ill("projection behind", StuckCause.PROJECTION_BEHIND, placed)


async def hold_disagrees(ward: Ward) -> Ill:
    placed = await _at_entry(ward)
    held = {"held_at": datetime.now(UTC), "held_because": "by hand in the database"}
    await _tamper(ward, placed.order_id, **held)
    return _ill("hold disagrees", StuckCause.HOLD_DISAGREES, placed)


async def role_without_key(ward: Ward) -> Ill:
    placed = await ward.floor.place(policy=changed(entry={"role": NOBODYS_ROLE}))
    await placed.at("entry")
    return _ill("role unheld", StuckCause.ROLE_UNHELD, placed)


async def breach_without_mark(ward: Ward) -> Ill:
    placed = await _at_entry(ward)
    window = await placed.window("S08.W01")
    past = update(tables.windows).where(tables.windows.c.key == window["key"])
    await ward.execute(past.values(due_at=datetime.now(UTC) - timedelta(hours=3)))
    return _ill("breach without mark", StuckCause.BREACH_UNTOLD, placed)


async def breach_without_notice(ward: Ward) -> Ill:
    placed = await late(ward)
    window = await placed.window("S08.W01")
    told = tables.outbox.c.key.startswith(f"{window['key']}/breach/")
    await ward.execute(delete(tables.outbox).where(told))
    return _ill("breach without notice", StuckCause.BREACH_UNTOLD, placed)


async def terminated_case(ward: Ward) -> Ill:
    placed = await late(ward)
    [case] = await placed.rows(tables.overdue_cases)
    await ward.floor.client.get_workflow_handle(case["id"]).terminate()
    return Ill("terminated case", StuckCause.WORKFLOW_CLOSED, placed.order_id, case["id"])


async def dead_notice(ward: Ward) -> Ill:
    placed = await _at_entry(ward)
    [first, *_] = await placed.rows(tables.outbox)
    await ward.execute(insert(tables.channels).values(name="desk"))
    dead = {"notice": first["id"], "channel": "desk", "state": "dead", "attempts": 9}
    error = "the service cannot be reached"
    await ward.execute(insert(tables.deliveries).values(**dead, error=error))
    await ward.execute(
        update(tables.outbox).where(tables.outbox.c.id == first["id"]).values(state="routed")
    )
    return _ill("dead notice", StuckCause.NOTICE_DEAD, placed)


async def waiting_notice(ward: Ward) -> Ill:
    placed = await _at_entry(ward)
    of_order = tables.outbox.c.order_id == placed.order_id
    two_hours_ago = datetime.now(UTC) - timedelta(hours=2)
    await ward.execute(update(tables.outbox).where(of_order).values(queued_at=two_hours_ago))
    return _ill("waiting notice", StuckCause.NOTICE_WAITING, placed)


KINDS = (
    # The slow ones first: they fail while the others are made.
    hanging_activity,
    raising_code,
    raising_signal_handler,
    unknown_workflow,
    changed_order_of_activities,
    missing_activity,
    raising_activity,
    wrong_database,
    paused_activity,
    open_breaker,
    queue_without_worker,
    version_without_worker,
    paused_workflow,
    violated_constraint,
    terminated,
    deleted,
    never_started,
    completed_behind_the_record,
    record_closed,
    projection_behind,
    hold_disagrees,
    role_without_key,
    breach_without_mark,
    breach_without_notice,
    terminated_case,
    dead_notice,
    waiting_notice,
)


async def late(ward: Ward) -> Placed:
    """An order that is late, and everybody concerned was told: no fault of the platform."""
    ordered_at = datetime.now(UTC) - LONG_AGO
    placed = await ward.floor.place(ordered_at=ordered_at.isoformat())
    window = await placed.window("S08.W01")
    await placed.marked(window["key"], "breach")

    async def opened() -> list[dict[str, Any]]:
        return [task for task in await placed.open_tasks() if task["workflow_id"][:5] == "case-"]

    await placed.until(opened, "the overdue case asks for the cause")
    return placed


async def make_current(floor: Floor, version: WorkerDeploymentVersion) -> None:
    """New work goes to this version, as soon as the engine has heard of its workers."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=floor.client.namespace,
        deployment_name=version.deployment_name,
        build_id=version.build_id,
    )
    async with asyncio.timeout(READY_SECONDS):
        while True:
            try:
                await floor.client.workflow_service.set_worker_deployment_current_version(request)
                return
            except RPCError:
                await asyncio.sleep(0.2)


async def _at_entry(ward: Ward) -> Placed:
    placed = await ward.floor.place()
    await placed.at("entry")
    return placed


async def _tamper(ward: Ward, order_id: str, **columns: Any) -> None:
    await ward.execute(
        update(tables.orders).where(tables.orders.c.id == order_id).values(**columns)
    )


def _right(ward: Ward, floor: Floor) -> Step:
    """The right workers take the place of the wrong ones, as a deploy does."""
    return partial(ward.deploy, floor)


def _ill(kind: str, cause: StuckCause, placed: Placed, mend: Step | None = None) -> Ill:
    return Ill(kind, cause, placed.order_id, placed.handle.id, mend)
