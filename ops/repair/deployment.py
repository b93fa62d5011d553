"""A deployment of workers: which versions it has, which one gets new work, and changing that."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import RoutingConfigUpdateState, WorkerDeploymentVersionStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.base import Record
from domain.errors import DuelineError, InvalidField, UnknownThing
from ops.repair.serving import WORKFLOW, Version, serving
from ops.repair.site import Site

CALL_TIMEOUT = timedelta(seconds=15)
"""Changing the routes of a deployment takes some hundred milliseconds, more when it is new."""

ROUTED_SECONDS = 15.0
POLL_SECONDS = 0.2
_STATUS = "WORKER_DEPLOYMENT_VERSION_STATUS_"
_EPOCH = datetime.fromtimestamp(0, UTC)


class BuildState(Record):
    """One version. `status` is created, inactive, current, ramping, draining or drained; `served`
    says whether a worker asks for its tasks.
    """

    build: str
    status: str
    served: bool
    created_at: datetime | None
    last_current_at: datetime | None
    ramp_percent: float = 0.0


class Deployment(Record):
    """A deployment as it stands; a change made with its `token` fails when it is out of date."""

    name: str
    token: bytes
    current: str | None
    ramping: str | None
    builds: tuple[BuildState, ...]

    def build(self, build: str) -> BuildState:
        """The version of that name. Raises UnknownThing."""
        for known in self.builds:
            if known.build == build:
                return known
        names = tuple(known.build for known in self.builds)
        raise UnknownThing("version", build, known=names)

    @property
    def previous(self) -> str | None:
        """The version that was current before: the last one of those that are older than it."""
        if self.current is None:
            return None
        born = self.build(self.current).created_at or _EPOCH
        older = [
            known
            for known in self.builds
            if known.last_current_at is not None and (known.created_at or _EPOCH) < born
        ]
        older.sort(key=lambda known: known.last_current_at or _EPOCH)
        return older[-1].build if older else None


async def find_deployment(site: Site, name: str) -> Deployment | None:
    """The deployment as the engine knows it; none when no worker of it has ever asked for work."""
    said = await _described(site, name)
    if said is None:
        return None
    info, queues = said.worker_deployment_info, await serving(site, [site.task_queue])
    routing = info.routing_config
    ramping = routing.ramping_deployment_version.build_id or None
    builds = []
    for summary in info.version_summaries:
        build = summary.deployment_version.build_id
        status = WorkerDeploymentVersionStatus.Name(summary.status).removeprefix(_STATUS)
        builds.append(
            BuildState(
                build=build,
                status=status.lower(),
                served=queues[site.task_queue].serves(WORKFLOW, Version(name, build)),
                created_at=_instant(summary, "create_time"),
                last_current_at=_instant(summary, "last_current_time"),
                ramp_percent=routing.ramping_version_percentage if build == ramping else 0.0,
            )
        )
    builds.sort(key=lambda known: known.created_at or _EPOCH, reverse=True)
    return Deployment(
        name=name,
        token=said.conflict_token,
        current=routing.current_deployment_version.build_id or None,
        ramping=ramping,
        builds=tuple(builds),
    )


async def read_deployment(site: Site, name: str) -> Deployment:
    """The deployment as it stands. Raises DuelineError when there is none."""
    found = await find_deployment(site, name)
    if found is None:
        raise DuelineError(
            f"There is no deployment {name!r}: workers here are unversioned. Start a worker with "
            "DUELINE_BUILD to make a version of it, or name the deployment in DUELINE_DEPLOYMENT."
        )
    return found


def require_served(known: BuildState) -> None:
    """Raises InvalidField when nobody serves a version: orders sent there would wait for ever."""
    if not known.served:
        raise InvalidField(
            "build",
            f"no worker serves {known.build}; start one with DUELINE_BUILD={known.build}, "
            "or insist with --force",
        )


async def make_current(
    site: Site, deployment: Deployment, build: str | None, *, force: bool = False
) -> None:
    """New orders begin on `build`, and renewed ones go on there; a ramp to it is over.

    None stands for unversioned workers.

    Raises UnknownThing, InvalidField when nobody serves it, and DuelineError when the engine
    refuses or somebody else has changed the deployment meanwhile.
    """
    if build is not None and not force:
        require_served(deployment.build(build))
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=site.client.namespace,
        deployment_name=deployment.name,
        build_id=build or "",
        conflict_token=deployment.token,
        identity=site.by,
        allow_no_pollers=force,
        ignore_missing_task_queues=force,
    )
    try:
        await site.client.workflow_service.set_worker_deployment_current_version(
            request, timeout=CALL_TIMEOUT
        )
    except RPCError as error:
        raise _refused(error) from error
    await _routed(site, deployment.name)


async def ramp_to(
    site: Site, deployment: Deployment, build: str | None, percent: float, *, force: bool = False
) -> None:
    """So many of a hundred new orders begin on `build`; none stops the ramp.

    Raises as `make_current`, and InvalidField for what is no percentage or current already.
    """
    if build is not None:
        if not 0 < percent <= 100:
            raise InvalidField("percent", "write more than 0 and at most 100")
        if build == deployment.current:
            raise InvalidField("build", f"{build} is current already; there is nothing to ramp")
        if not force:
            require_served(deployment.build(build))
    request = SetWorkerDeploymentRampingVersionRequest(
        namespace=site.client.namespace,
        deployment_name=deployment.name,
        build_id=build or "",
        percentage=percent if build else 0.0,
        conflict_token=deployment.token,
        identity=site.by,
        allow_no_pollers=force,
        ignore_missing_task_queues=force,
    )
    try:
        await site.client.workflow_service.set_worker_deployment_ramping_version(
            request, timeout=CALL_TIMEOUT
        )
    except RPCError as error:
        raise _refused(error) from error
    await _routed(site, deployment.name)


async def _routed(site: Site, name: str) -> None:
    """Waits until every part of the engine routes as it was told."""
    for _ in range(int(ROUTED_SECONDS / POLL_SECONDS)):
        said = await _described(site, name)
        done = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_COMPLETED
        if said is None or said.worker_deployment_info.routing_config_update_state in {0, done}:
            return
        await asyncio.sleep(POLL_SECONDS)


async def _described(site: Site, name: str) -> DescribeWorkerDeploymentResponse | None:
    request = DescribeWorkerDeploymentRequest(namespace=site.client.namespace, deployment_name=name)
    try:
        return await site.client.workflow_service.describe_worker_deployment(
            request, retry=True, timeout=CALL_TIMEOUT
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


def _refused(error: RPCError) -> DuelineError:
    return DuelineError(
        f"The engine refuses ({error.message}). Nothing has changed: look at `dueline ops "
        "versions` and try again."
    )


def _instant(message: Any, field: str) -> datetime | None:
    if not message.HasField(field):
        return None
    stamp: Timestamp = getattr(message, field)
    return stamp.ToDatetime(tzinfo=UTC)
