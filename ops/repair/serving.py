"""Who serves a task queue: the workers that live, by the version they are."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import TaskQueueType, WorkerStatus, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.worker.v1 import WorkerHeartbeat
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, ListWorkersRequest
from temporalio.service import RPCError

from ops.repair.calls import CALL_TIMEOUT
from ops.repair.site import Site

POLLED_WITHIN = timedelta(minutes=2)
"""A living worker that has nothing to do polls anew every minute."""
HEARD_WITHIN = timedelta(minutes=3)
"""A worker says that it lives once a minute."""

_KINDS = (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
WORKFLOW, ACTIVITY = _KINDS


@dataclass(frozen=True)
class Version:
    """A version of the workers: a build of a deployment."""

    deployment: str
    build_id: str


Served = Version | None
"""None stands for workers without versions."""


@dataclass
class QueueServing:
    """Who serves one queue. `current` is the version that gets new work, none without versions."""

    queue: str
    current: Served = None
    versions: dict[int, set[Served]] = field(default_factory=lambda: defaultdict(set))

    def serves(self, kind: int, version: Served) -> bool:
        """Whether a worker of this version asks for tasks of this kind."""
        return version in self.versions[kind]

    @property
    def deserted(self) -> bool:
        """True when nobody asks for workflow tasks at all."""
        return not self.versions[WORKFLOW]


async def serving(site: Site, queues: Iterable[str]) -> dict[str, QueueServing]:
    """Who serves each of these queues. Raises RPCError when the engine does not answer."""
    names = list(dict.fromkeys(queues))
    found = await asyncio.gather(*(_serving(site, name) for name in names))
    return dict(zip(names, found, strict=True))


async def _serving(site: Site, queue: str) -> QueueServing:
    now = datetime.now(UTC)
    found = QueueServing(queue)
    workers = await _workers(site, queue)
    for kind in _KINDS:
        request = DescribeTaskQueueRequest(
            namespace=site.client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
        )
        said = await site.client.workflow_service.describe_task_queue(
            request, retry=True, timeout=CALL_TIMEOUT
        )
        if kind == WORKFLOW:
            found.current = version_of(said.versioning_info.current_deployment_version)
        living = {_version(worker) for worker in workers if _lives(worker, kind, now)}
        found.versions[kind] = living | _pollers(said.pollers, workers, now)
    return found


async def _workers(site: Site, queue: str) -> list[WorkerHeartbeat]:
    """The last word of each worker; none where the server keeps no account of them."""
    request = ListWorkersRequest(
        namespace=site.client.namespace, page_size=1000, query=f'TaskQueue = "{queue}"'
    )
    try:
        said = await site.client.workflow_service.list_workers(
            request, retry=True, timeout=CALL_TIMEOUT
        )
    except RPCError:
        return []
    return [info.worker_heartbeat for info in said.workers_info]


def _lives(worker: WorkerHeartbeat, kind: int, now: datetime) -> bool:
    polls = worker.workflow_poller_info if kind == WORKFLOW else worker.activity_poller_info
    return (
        worker.status == WorkerStatus.WORKER_STATUS_RUNNING
        and polls.current_pollers > 0
        and now - instant(worker.heartbeat_time) < HEARD_WITHIN
    )


def _pollers(
    pollers: Iterable[PollerInfo], workers: Iterable[WorkerHeartbeat], now: datetime
) -> set[Served]:
    """Versions that have polled lately, and since the last of their workers has said goodbye."""
    ended: dict[Served, datetime] = {}
    for worker in workers:
        if worker.status != WorkerStatus.WORKER_STATUS_RUNNING:
            at = instant(worker.heartbeat_time)
            ended[_version(worker)] = max(at, ended.get(_version(worker), at))
    found: set[Served] = set()
    for poller in pollers:
        options = poller.deployment_options
        versioned = (
            options.worker_versioning_mode == WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
        )
        version = Version(options.deployment_name, options.build_id) if versioned else None
        at = instant(poller.last_access_time)
        if now - at < POLLED_WITHIN and (version not in ended or at > ended[version]):
            found.add(version)
    return found


def _version(worker: WorkerHeartbeat) -> Served:
    return version_of(worker.deployment_version)


def version_of(said: WorkerDeploymentVersion) -> Served:
    """A version as the engine names it; none without a deployment."""
    return Version(said.deployment_name, said.build_id) if said.deployment_name else None


def instant(at: Timestamp) -> datetime:
    """An instant of the engine."""
    return at.ToDatetime(tzinfo=UTC)
