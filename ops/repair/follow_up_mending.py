"""Mends follow-ups: starts one that never began, closes one that nobody works on any more."""

from datetime import datetime

from temporalio.service import RPCError, RPCStatusCode

from activities.follow_up_kinds import kind_of
from activities.follow_up_models import FollowUpStart
from ops.repair.reconciling import profile_of
from ops.repair.site import Site
from store import mending
from store.cases import opened
from store.comparing import Stored, StoredFollowUp
from store.engine import Connection
from store.follow_ups import GIVEN_UP, close
from workflows.contract import (
    FOLLOW_UP_CLOSED,
    STEP_LEFT,
    FollowUpNews,
    StepLeft,
    order_workflow_id,
)
from workflows.starting import start_follow_up


async def start(site: Site, stored: Stored, workflow_id: str) -> None:
    """Starts its workflow as a worker does; twice changes nothing. Raises Refused."""
    one, order = _named(stored, workflow_id), stored.order
    profile = await profile_of(site, order.profile_digest)
    kind = kind_of(profile, one.kind)
    if kind is None:
        raise mending.Refused(f"no profile knows a follow-up {one.kind}")
    wanted = FollowUpStart(
        order_id=order.id,
        follow_up=one.id,
        customer=order.customer,
        profile=profile.id,
        kind=kind,
        requested_by=one.requested_by,
        requested_at=one.requested_at,
    )
    await start_follow_up(site.client, site.task_queue, wanted)


async def give_up(
    site: Site, conn: Connection, stored: Stored, workflow_id: str, at: datetime
) -> None:
    """Closes its record with its tasks and windows; its order and its cases hear of it."""
    one = _named(stored, workflow_id)
    keys = [window.key for window in stored.windows if window.key.startswith(f"{workflow_id}/")]
    await mending.stop_windows(conn, keys, at)
    await mending.withdraw_tasks_of(conn, workflow_id, at)
    await close(conn, one.id, GIVEN_UP, at)
    profile = await profile_of(site, stored.order.profile_digest)
    kind = kind_of(profile, one.kind)
    if kind is not None and kind.blocks_receipt:
        news = FollowUpNews(follow_up=one.id, kind=one.kind, blocks_receipt=True, outcome=GIVEN_UP)
        await _tell(site, order_workflow_id(stored.order.id), FOLLOW_UP_CLOSED, news)
    for case, is_closed in (await opened(conn, stored.order.id)).items():
        if not is_closed and case.startswith(f"case-{workflow_id}."):
            await _tell(site, case, STEP_LEFT, StepLeft(at=at))


def _named(stored: Stored, workflow_id: str) -> StoredFollowUp:
    return next(one for one in stored.follow_ups if one.workflow_id == workflow_id)


async def _tell(site: Site, workflow_id: str, name: str, said: object) -> None:
    try:
        await site.client.get_workflow_handle(workflow_id).signal(name, said)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # it has ended: nobody waits there
            raise
