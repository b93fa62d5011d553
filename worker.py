"""The worker: runs workflows and activities, and sends notices where no relay runs by itself."""

import asyncio
import signal
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import structlog
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import (
    Interceptor,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerDeploymentConfig,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities import all_activities
from activities.case_starter import CaseDoor
from activities.follow_up_starter import FollowUpStarter
from activities.money_teller import MoneyTeller
from activities.relay import run_relay
from activities.webhook_relay import run_webhooks
from activities.wish_teller import WishTeller
from connecting import access_of, connect
from settings import Settings
from store.engine import Engine, create_engine
from store.rows import WishRow
from telemetry.log import configure_log
from telemetry.metrics import start_runtime
from telemetry.tracing import start_tracing
from telemetry.watch import ActivityWatch
from workflows.assessment import AssessmentWorkflow
from workflows.breakable import Breakable
from workflows.follow_up import FollowUpWorkflow
from workflows.order import OrderWorkflow
from workflows.overdue_case import OverdueCaseWorkflow
from workflows.publication import CalendarPublicationWorkflow
from workflows.schedules import ensure_schedules
from workflows.starting import escalate_case, start_case, start_follow_up, tell_money
from workflows.wish_notices import tell_wish, wish_notice

__all__ = ["GRACE", "WORKFLOWS", "build_worker", "connect", "run", "sandbox"]

GRACE = timedelta(seconds=20)
"""Longer than one activity, so that a rolling restart interrupts none."""

STICKY_TIMEOUT = timedelta(seconds=10)
"""The SDK's own: less would have a busy worker's orders read anew by another."""

WORKFLOWS = [
    OrderWorkflow,
    OverdueCaseWorkflow,
    FollowUpWorkflow,
    AssessmentWorkflow,
    CalendarPublicationWorkflow,
]

IMPORTED_ONCE = (
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "domain",
    "policy",
    "activities",
    "workflows.contract",
    "workflows.state",
)

log = structlog.get_logger("worker")


def sandbox() -> SandboxedWorkflowRunner:
    """The guard of the tests: refuses clocks, randomness and files inside workflow code.

    Production runs without it, because it imports the workflows anew for every order. What
    holds no workflow is imported once: building its models was most of that time.
    """
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*IMPORTED_ONCE)
    )


def build_worker(
    client: Client,
    engine: Engine,
    task_queue: str,
    *,
    case_queue: str | None = None,
    interceptors: Sequence[Interceptor] = (),
    runner: WorkflowRunner | None = None,
    deployment: WorkerDeploymentVersion | None = None,
    sticky_timeout: timedelta = STICKY_TIMEOUT,
) -> Worker:
    """All workflows and activities on one task queue; enter it to work.

    Overdue cases begin on `case_queue`, by default the same: another worker may have them. As a
    version of a deployment it gets new work only once that version is current or ramping; without
    one it is unversioned and gets work at once. An order waits `sticky_timeout` for the worker that
    has it in memory, which may have died, before any other goes on with it.
    """
    door = CaseDoor(
        start=partial(start_case, client, case_queue or task_queue),
        escalate=partial(escalate_case, client, case_queue or task_queue),
    )
    return Worker(
        client,
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=all_activities(engine, client, door),
        workflow_runner=runner or UnsandboxedWorkflowRunner(),
        interceptors=[ActivityWatch(), Breakable(), *interceptors],
        graceful_shutdown_timeout=GRACE,
        sticky_queue_schedule_to_start_timeout=sticky_timeout,
        deployment_config=versioned(deployment) if deployment else None,
    )


def versioned(version: WorkerDeploymentVersion) -> WorkerDeploymentConfig:
    """Serves one version; a workflow that says nothing else stays on the version it began with."""
    return WorkerDeploymentConfig(
        version=version,
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.PINNED,
    )


def version_of(settings: Settings) -> WorkerDeploymentVersion | None:
    """The version that this process serves; none without a build."""
    if settings.build is None:
        return None
    return WorkerDeploymentVersion(deployment_name=settings.deployment, build_id=settings.build)


async def tell_of_wish(client: Client, wish: WishRow) -> bool:
    """Tells an order of a stored wish; false when no workflow of it is open. Raises RPCError."""
    name, notice = wish_notice(
        wish.id, wish.kind, version=wish.against_version, patch=wish.patch, touches=wish.touches
    )
    return await tell_wish(client, wish.order_id, name, notice)


async def run(settings: Settings) -> None:
    """Works until SIGINT or SIGTERM, then lets running activities finish.

    Raises RuntimeError when no engine answers.
    """
    if settings.database_url is None or settings.temporal_address is None:
        raise SystemExit("The worker needs DATABASE_URL and TEMPORAL_ADDRESS; `make up` sets both.")
    start_runtime(settings.log_format, settings.metrics_address)
    tracing = start_tracing("dueline-worker")
    engine = create_engine(settings.database_url)
    client = await connect(
        settings.temporal_address,
        settings.temporal_namespace,
        access_of(settings),
        interceptors=[tracing.interceptor],
    )
    await ensure_schedules(client, settings.task_queue)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    worker = build_worker(client, engine, settings.task_queue, deployment=version_of(settings))
    starter = FollowUpStarter(engine, partial(start_follow_up, client, settings.task_queue))
    teller = MoneyTeller(engine, lambda news: tell_money(client, news.order_id, news.entry))
    wishes = WishTeller(engine, partial(tell_of_wish, client))
    async with asyncio.TaskGroup() as beside:
        beside.create_task(starter.run(stop))
        beside.create_task(teller.run(stop))
        beside.create_task(wishes.run(stop))
        if settings.relay_in_worker:
            beside.create_task(run_relay(engine, settings.channels, stop))
            private = settings.webhook_private
            beside.create_task(run_webhooks(engine, settings.webhook_key, stop, private=private))
        async with worker:
            log.info("worker started", task_queue=settings.task_queue, build=settings.build)
            await stop.wait()
    await engine.dispose()
    tracing.close()
    log.info("worker stopped")


if __name__ == "__main__":
    settings = Settings()
    configure_log(settings.log_format)
    asyncio.run(run(settings))
