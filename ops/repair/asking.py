"""Asks an order for something that a worker has to answer; says plainly why none does."""

import asyncio
from typing import TypeVar

from temporalio.client import (
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.base import Record
from domain.errors import BeingChanged, InvalidField, NotAllowed, NothingRuns, OnHold, Unanswered
from ops.repair.executions import Execution, execution_of
from ops.repair.serving import serving
from ops.repair.site import Site
from workflows.contract import FROZEN, ON_HOLD

ANSWER_SECONDS = 10.0
"""A healthy worker answers within 20 ms; one that starts now has this long."""

_NOBODY = (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.UNAVAILABLE)
_CANNOT = (RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.INVALID_ARGUMENT)

Answer = TypeVar("Answer", bound=Record)


async def update(
    site: Site, workflow_id: str, name: str, wished: Record, request_id: str, answer: type[Answer]
) -> Answer:
    """Has the workflow do something; its answer.

    Raises NothingRuns, what the workflow refused with (OnHold, NotAllowed, InvalidField), and
    Unanswered when no worker takes it in time.
    """
    handle = site.client.get_workflow_handle(workflow_id)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            done: Answer = await handle.execute_update(
                name, wished, id=request_id, result_type=answer
            )
            return done
    except WorkflowUpdateFailedError as error:
        raise refusal(error) from error
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise await _unanswered(site, workflow_id) from error
    except RPCError as error:
        raise await _failed(site, workflow_id, error) from error


async def query(
    site: Site, workflow_id: str, name: str, answer: type[Answer], seconds: float = ANSWER_SECONDS
) -> Answer:
    """What the workflow says of itself. Raises NothingRuns and Unanswered."""
    handle = site.client.get_workflow_handle(workflow_id)
    try:
        async with asyncio.timeout(seconds):
            told: Answer = await handle.query(name, result_type=answer)
            return told
    except WorkflowQueryFailedError as error:
        raise Unanswered(
            f"{workflow_id} cannot say how it stands ({error}): its worker is of another version "
            "or its code fails; see `dueline ops stuck`"
        ) from error
    except TimeoutError as error:
        raise await _unanswered(site, workflow_id) from error
    except RPCError as error:
        raise await _failed(site, workflow_id, error) from error


def refusal(error: WorkflowUpdateFailedError) -> Exception:
    """What the workflow said, as the domain's error."""
    cause = error.cause
    if not isinstance(cause, ApplicationError):
        return Unanswered(f"the workflow did not take it: {cause}")
    field = str(cause.details[0]) if cause.details else "order"
    refusals: dict[str, Exception] = {
        ON_HOLD: OnHold(cause.message),
        FROZEN: BeingChanged(cause.message),
        "NotAllowed": Forbidden(cause.message),
        "InvalidField": InvalidField(field, cause.message),
    }
    otherwise = Unanswered(
        f"the workflow did not take it: {cause.message}; its worker may be of an older version, "
        "see `dueline ops versions`"
    )
    return refusals.get(cause.type or "", otherwise)


class Forbidden(NotAllowed):
    """The workflow says in its own words who may."""

    def __init__(self, words: str) -> None:
        super().__init__(())
        self._words = words

    def __str__(self) -> str:
        return self._words


async def _failed(site: Site, workflow_id: str, error: RPCError) -> Exception:
    if error.status is RPCStatusCode.NOT_FOUND:
        found = await execution_of(site.client, workflow_id)
        return NothingRuns(workflow_id, found.status if found else None)
    if error.status in _NOBODY or error.status in _CANNOT:
        return await _unanswered(site, workflow_id)
    return error


async def _unanswered(site: Site, workflow_id: str) -> Exception:
    try:
        found = await execution_of(site.client, workflow_id)
    except RPCError:
        return Unanswered("the workflow engine does not answer; start it, then ask again")
    if found is None or not found.is_open:
        return NothingRuns(workflow_id, found.status if found else None)
    return Unanswered(await _why(site, found))


async def _why(site: Site, found: Execution) -> str:
    late = "it may still be taken later, so look before you ask again"
    if found.status == "paused":
        return f"{found.workflow_id} is paused in the engine; `dueline ops release` lets it go on"
    if found.failing is not None:
        return (
            f"{found.workflow_id} cannot answer, its own code fails: {found.failing.error}; deploy "
            f"a worker that mends it, then `dueline ops recover`; {late}"
        )
    if (await serving(site, [site.task_queue]))[site.task_queue].deserted:
        return (
            f"no worker lives on task queue {site.task_queue}: start one with `dueline worker` "
            f"(or `make up`); {late}"
        )
    return f"no worker answered within {ANSWER_SECONDS:g} s; {late}"
