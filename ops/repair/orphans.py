"""The other direction: what runs in the engine and has no open row in the database."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from activities.follow_up_models import FOLLOW_UP_WORKFLOW
from activities.models import CASE_WORKFLOW
from domain.errors import DuelineError
from ops.repair.asking import query
from ops.repair.differences import Difference, Kind
from ops.repair.executions import execution_of, open_workflow_ids
from ops.repair.finding import order_named_by
from ops.repair.pacing import Pace
from ops.repair.reconciling import QUERY_SECONDS, Compared, compare
from ops.repair.site import Site
from store.comparing import StoredOrder, case_is_open, follow_up_is_open, read_stored
from store.engine import Connection
from workflows.contract import ORDER_WORKFLOW, STANDING, Standing


async def orphans(site: Site, pace: Pace) -> list[Compared]:
    """Running orders whose row is closed or gone, running cases likewise. Raises RPCError."""
    found = []
    looks = (
        (ORDER_WORKFLOW, _order),
        (CASE_WORKFLOW, partial(_beside, _CASE)),
        (FOLLOW_UP_WORKFLOW, partial(_beside, _FOLLOW_UP)),
    )
    for workflow_type, look in looks:
        ids = [one async for one in open_workflow_ids(site.client, site.task_queue, workflow_type)]
        async for one in pace.each(ids, partial(look, site)):
            if one is not None:
                found.append(one)
    return found


async def _order(site: Site, workflow_id: str) -> Compared | None:
    """An order that runs; the comparison proper finds those whose row is open."""
    order_id = order_named_by(workflow_id)
    row = await _row(site, order_id)
    if row is not None and row.is_open:
        return None
    compared = await compare(site, order_id)
    if not compared.differences or not await _runs(site, workflow_id):
        return None
    return compared


@dataclass(frozen=True)
class _Sort:
    """What runs beside orders, and where its rows are."""

    word: str
    kind: Kind
    is_open: Callable[[Connection, str], Awaitable[bool]]


_CASE = _Sort("case", Kind.CASE_ROW, case_is_open)
_FOLLOW_UP = _Sort("follow-up", Kind.FOLLOW_UP_ROW, follow_up_is_open)


async def _beside(sort: _Sort, site: Site, workflow_id: str) -> Compared | None:
    """A case or a follow-up that runs, is settled, and is not open in the database."""
    if await _is_open(site, sort, workflow_id):
        return None
    try:
        standing = await query(site, workflow_id, STANDING, Standing, QUERY_SECONDS)
    except DuelineError:
        return None  # it has ended, or cannot say; `dueline ops stuck` tells of the latter
    if not standing.settled or await _is_open(site, sort, workflow_id):
        return None
    order_id = order_named_by(workflow_id)
    row = await _row(site, order_id)
    difference = Difference(
        kind=sort.kind,
        subject=workflow_id,
        workflow="runs",
        database=f"has no open {sort.word} of this name",
        advice=f"look at the order's story; if the {sort.word} is settled, terminate its workflow "
        "in the Web UI, else restore its row",
    )
    return Compared(
        order_id=order_id, number=row.number if row else None, differences=(difference,)
    )


async def _runs(site: Site, workflow_id: str) -> bool:
    execution = await execution_of(site.client, workflow_id)
    return execution is not None and execution.is_open


async def _is_open(site: Site, sort: _Sort, workflow_id: str) -> bool:
    async with site.database.connect() as conn:
        return await sort.is_open(conn, workflow_id)


async def _row(site: Site, order_id: str) -> StoredOrder | None:
    async with site.database.connect() as conn:
        stored = await read_stored(conn, order_id)
    return stored.order if stored else None
