"""Starts an order that never began, and closes the record of one whose workflow has ended."""

from typing import Any

from activities.closing import Closing
from activities.models import OrderEnd
from domain.orders import OrderState
from ops.repair.differences import Difference
from ops.repair.reconciling import Seen, differences, profile_of
from ops.repair.site import Site
from policy.model import Profile
from store import mending
from store.audit import OpsAction
from store.comparing import StoredOrder, read_stored
from workflows.contract import OrderStart
from workflows.starting import start_order

ENDED = {
    "completed": OrderState.COMPLETED,
    "canceled": OrderState.CANCELLED,
    "terminated": OrderState.CANCELLED,
}
"""What an order is whose workflow has ended so, and whose record is still open."""


async def start(site: Site, seen: Seen) -> list[Difference]:
    """Starts the workflow of a stored order, as the API does; starting twice changes nothing."""
    row = seen.stored.order
    profile = await profile_of(site, row.profile_digest)
    await start_order(site.client, site.task_queue, start_of(row, profile))
    wrong = await differences(site, seen)
    await site.note(trail_line(row.id, wrong))
    return wrong


def start_of(row: StoredOrder, profile: Profile) -> OrderStart:
    """What an order's workflow is started with."""
    return OrderStart(
        order_id=row.id,
        customer=row.customer,
        profile=profile,
        promised_at=row.promised_at,
        rush=row.rush,
        special=row.special,
        received_at=row.received_at,
        version=row.version,
    )


async def close(site: Site, seen: Seen) -> list[Difference]:
    """Closes the record of an order whose workflow has ended; nothing stays reserved."""
    execution, row = seen.execution, seen.stored.order
    assert execution is not None, "a workflow that has ended was there"
    state = ENDED.get(execution.status)
    if state is None:
        return []
    reason = None if state is OrderState.COMPLETED else f"{execution.status} by operations"
    result = await _result(site, seen) if execution.status == "completed" else None
    if result is not None:
        state, reason = OrderState(result["state"]), result.get("reason")
    end = OrderEnd(
        order_id=row.id,
        key=f"{row.id}/end",
        now=execution.closed_at or execution.started_at,
        state=state,
        reason=reason,
    )
    async with mending.mending(site.database, row.id, end.key) as conn:
        now = await read_stored(conn, row.id)
        if now is None or not now.order.is_open:
            return []  # somebody else was faster
        await mending.reopen_order(conn, row.id)  # a record that was closed before closes again
    try:
        await Closing(site.database).close_order(end)
    except RuntimeError as error:  # it is complete and still holds what nobody may give away
        raise mending.Refused(str(error)) from error
    wrong = await differences(site, seen)
    await site.note(trail_line(row.id, wrong))
    return wrong


async def _result(site: Site, seen: Seen) -> dict[str, Any] | None:
    assert seen.execution is not None
    handle = site.client.get_workflow_handle(
        seen.execution.workflow_id, run_id=seen.execution.run_id
    )
    found: dict[str, Any] | None = await handle.result()
    return found


def trail_line(order_id: str, mended: list[Difference]) -> OpsAction:
    """What the trail says of a repair."""
    kinds = ", ".join(dict.fromkeys(one.kind.value for one in mended))
    detail = {"mended": [one.model_dump(mode="json", exclude={"advice"}) for one in mended]}
    return OpsAction(action="reconcile", target=order_id, outcome=f"mended: {kinds}", detail=detail)
