"""Moves open workflows from one version to another: by a nudge, or after a green replay."""

from datetime import timedelta
from typing import Literal

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionOptionsRequest
from temporalio.common import OneTimeVersioningOverride, WorkerDeploymentVersion

from domain.base import Record
from ops.repair.fitness import Code, failure_of
from ops.repair.residents import Resident, pin_of
from ops.repair.site import Site
from workflows.contract import RENEW

CALL_TIMEOUT = timedelta(seconds=10)

Outcome = Literal["moved", "red", "there", "gone"]


class Move(Record):
    """What became of moving a workflow: its next task goes to the version (`moved`), its history
    does not fit this code (`red`), it is `there` already, or it has ended (`gone`).
    """

    workflow_id: str
    run_id: str | None
    outcome: Outcome
    why: str | None = None


async def nudge(site: Site, workflow_id: str, run_id: str) -> None:
    """An order goes on in a fresh run on the current version, once nothing of it is half done.

    Needs a worker that serves the version it is on. Raises RPCError.
    """
    handle = site.client.get_workflow_handle(workflow_id, run_id=run_id)
    await handle.signal(RENEW)


async def move(site: Site, code: Code, resident: Resident, deployment: str, build: str) -> Move:
    """Sends a workflow's next task to `build`, when its history fits this code; wakes it for that.

    Needs no worker on the version it is on. Raises RPCError, and DuelineError when this code is
    known to be another version.
    """
    code.require(build)
    workflow_id = resident.workflow_id
    pin = await pin_of(site, workflow_id)
    if pin is None or not pin.is_open:
        return Move(workflow_id=workflow_id, run_id=None, outcome="gone")
    if pin.build == build and pin.target in {None, build}:
        return Move(workflow_id=workflow_id, run_id=pin.run_id, outcome="there")
    failure = await failure_of(site.client, code, workflow_id, pin.run_id)
    if failure is not None:
        return Move(workflow_id=workflow_id, run_id=pin.run_id, outcome="red", why=failure)
    await _send(site, workflow_id, pin.run_id, WorkerDeploymentVersion(deployment, build))
    if resident.can_be_woken:
        await nudge(site, workflow_id, pin.run_id)
    return Move(workflow_id=workflow_id, run_id=pin.run_id, outcome="moved")


async def _send(site: Site, workflow_id: str, run_id: str, to: WorkerDeploymentVersion) -> None:
    # Once: a pin that stays would outlive the next release, over continue-as-new as well.
    options = WorkflowExecutionOptions(
        versioning_override=OneTimeVersioningOverride(to)._to_proto()
    )
    request = UpdateWorkflowExecutionOptionsRequest(
        namespace=site.client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
        workflow_execution_options=options,
        update_mask=FieldMask(paths=["versioning_override"]),
        identity=site.by,
    )
    await site.client.workflow_service.update_workflow_execution_options(
        request, timeout=CALL_TIMEOUT
    )
