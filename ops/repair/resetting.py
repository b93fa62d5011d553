"""Taking an order back to a step: what would happen, and doing it, so that nothing doubles.

The engine forgets what came after the point; the order's keys and recorded effects stay. Its new
run hears again what the old one was told, in the instants of then: see `workflows/repeating.py`.
"""

import asyncio
from collections.abc import Callable, Sequence
from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.service import RPCError, RPCStatusCode

from domain.base import Record
from domain.errors import DuelineError
from domain.orders import OrderState
from ops.repair.finding import FoundOrder
from ops.repair.points import Point
from ops.repair.runs import Run, Told, calls_of, describe, fetch_chain, told_after
from ops.repair.site import Site
from store.audit import OpsAction, read_actions
from store.effects import count_reset, known_effects, resets
from store.standing import Clock, standing_of
from workflows.contract import REPEAT, OrderView, Repeat
from workflows.state import RepeatedMessage

RESET = "reset"
BEGUN, DONE = "begun", "done"
MESSAGES_A_SIGNAL_MAX = 200
"""Far below the 2 MB that a signal may carry."""
LOOK_SECONDS = 0.2
LOOK_SECONDS_MAX = 2.0
"""Each look makes a worker answer; a slow one is not helped by more of them."""
PATIENCE_SECONDS = 120.0
ACTIONS_LOOKED_AT_MAX = 50

NOTHING_BY_ITSELF = [
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_NEXUS,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST,
]
"""The engine would apply everything at once, before the order can take it."""

Say = Callable[[str], None]


class ResetPlan(Record):
    """What a reset would do. Messages and effects are in their old order.

    `point.run_id` is the run in which the step was entered. `recorded` are effects that are in the
    database and stay as they are, `open` those that are not there and would be done. `clocks` keep
    their instants.
    """

    order: FoundOrder
    point: Point
    again: tuple[RepeatedMessage, ...]
    dropped: tuple[tuple[str, str], ...]
    recorded: tuple[str, ...]
    open: tuple[str, ...]
    clocks: tuple[Clock, ...]


class Begun(Record):
    """A reset that was begun: enough to go on with it."""

    origin: str
    point: Point
    count: int
    request: str


class ResetResult(Record):
    """What became of a reset: messages that were applied again, and those that could not be."""

    order: FoundOrder
    step: str | None
    again: int
    not_repeated: tuple[str, ...] = ()


async def require_open(site: Site, order: FoundOrder) -> tuple[Clock, ...]:
    """The order's running clocks. Raises DuelineError when its record is closed."""
    async with site.database.connect() as conn:
        stands = await standing_of(conn, order.id)
    if stands.state is not OrderState.OPEN:
        raise DuelineError(
            f"{order.name} is {stands.state.value}: a closed record is not lived through again. "
            "Place a new order for what is still to be done."
        )
    return stands.clocks


async def plan_reset(
    site: Site, order: FoundOrder, chain: Sequence[Run], point: Point
) -> ResetPlan:
    """What taking the order back to a point would do; `chain` are its runs, the newest first.

    Raises DuelineError when the order's record is closed.
    """
    clocks = await require_open(site, order)
    runs = _since(chain, point)
    told = await told_after(site.client, runs, point.event_id)
    keys: list[str] = []
    for number, run in enumerate(runs):
        calls = await calls_of(site.client, run)
        keys += [c.key for c in calls if c.key and (number or c.event_id > point.event_id)]
    async with site.database.connect() as conn:
        recorded = await known_effects(conn, keys)
    keys = list(dict.fromkeys(keys))
    return ResetPlan(
        order=order,
        point=point,
        again=tuple(told.messages),
        dropped=tuple(told.dropped),
        recorded=tuple(key for key in keys if key in recorded),
        open=tuple(key for key in keys if key not in recorded),
        clocks=clocks,
    )


def _since(chain: Sequence[Run], point: Point) -> list[Run]:
    """The run of the point and all after it, the oldest first."""
    found: list[Run] = []
    for run in chain:
        found.insert(0, run)
        if run.run_id == point.run_id:
            return found
    raise DuelineError(f"The engine does not keep run {point.run_id} any more.")


async def reset_order(
    site: Site,
    order: FoundOrder,
    point: Point,
    because: str,
    say: Say = lambda _: None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> ResetResult:
    """Takes the order back and waits until it has lived through its messages again.

    Interrupted, it goes on where it was: see `finish_reset`. Raises DuelineError when that takes
    longer than `patience_seconds`.
    """
    await require_open(site, order)
    async with site.database.connect() as conn:
        count = await resets(conn, order.id) + 1
    begun = Begun(
        origin=await _present_run(site, order), point=point, count=count, request=str(uuid4())
    )
    await _note(site, order, because, BEGUN, begun)
    return await finish_reset(site, order, because, begun, say, patience_seconds)


async def unfinished_reset(site: Site, order: FoundOrder) -> Begun | None:
    """The reset of this order that was begun and not brought to its end, if there is one."""
    async with site.database.connect() as conn:
        rows = await read_actions(conn, target=order.id, limit=ACTIONS_LOOKED_AT_MAX)
    last = next((row for row in rows if row.action == RESET), None)
    return Begun.model_validate(last.detail) if last and last.outcome == BEGUN else None


async def finish_reset(
    site: Site,
    order: FoundOrder,
    because: str,
    begun: Begun,
    say: Say = lambda _: None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> ResetResult:
    """Goes on with a reset that was begun; what was done already is not done again."""
    async with site.database.begin() as conn:
        await count_reset(conn, order.id, begun.count, begun.origin)
    if await _present_run(site, order) == begun.origin:
        await _reset(site, order, because, begun)
    # Only now is the old run at its end, and nothing that it was told can be missing.
    chain = await fetch_chain(site.client, order.workflow_id, begun.origin)
    told = await told_after(site.client, _since(chain, begun.point), begun.point.event_id)
    await _tell(site, order, begun, told)
    view = await _settled(site, order, begun, say, patience_seconds)
    result = ResetResult(
        order=order,
        step=begun.point.step,
        again=len(told.messages) - len(view.not_repeated),
        not_repeated=view.not_repeated,
    )
    await _note(site, order, because, DONE, begun)
    return result


async def _note(site: Site, order: FoundOrder, because: str, outcome: str, begun: Begun) -> None:
    detail = begun.model_dump(mode="json")
    await site.note(
        OpsAction(action=RESET, target=order.id, reason=because, outcome=outcome, detail=detail)
    )


async def _present_run(site: Site, order: FoundOrder) -> str:
    described = await describe(site.client, order.workflow_id)
    return described.workflow_execution_info.execution.run_id


async def _reset(site: Site, order: FoundOrder, because: str, begun: Begun) -> None:
    point = begun.point
    try:
        await site.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=site.client.namespace,
                workflow_execution=WorkflowExecution(
                    workflow_id=order.workflow_id, run_id=point.run_id
                ),
                reason=because,
                workflow_task_finish_event_id=point.event_id,
                request_id=begun.request,
                reset_reapply_exclude_types=NOTHING_BY_ITSELF,
                identity=site.by,
            )
        )
    except RPCError as error:
        raise DuelineError(f"The engine does not reset {order.name}: {error.message}.") from error


async def _tell(site: Site, order: FoundOrder, begun: Begun, told: Told) -> None:
    """Gives the new run everything that the old one was told."""
    handle = site.client.get_workflow_handle(order.workflow_id)
    messages, moments = tuple(told.messages), told.moments
    for start in range(0, max(len(messages), 1), MESSAGES_A_SIGNAL_MAX):
        repeat = Repeat(
            count=begun.count,
            since=begun.point.since,
            messages=messages[start : start + MESSAGES_A_SIGNAL_MAX],
            moments=moments,
        )
        try:
            await handle.signal(REPEAT, repeat)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return  # it has lived through everything and ended
        moments = {}


async def _settled(
    site: Site, order: FoundOrder, begun: Begun, say: Say, patience_seconds: float
) -> OrderView:
    """Waits until the order has taken everything again."""
    why, pause = "no worker answers", LOOK_SECONDS
    try:
        async with asyncio.timeout(patience_seconds):
            while True:
                try:
                    view = await _view(site, order)
                except (RPCError, WorkflowQueryFailedError, WorkflowQueryRejectedError) as error:
                    why = str(error)
                else:
                    taken = view.repeats >= begun.count and not view.repeating
                    if taken or view.state is not OrderState.OPEN:
                        return view
                    why = f"{view.owed} messages are left"
                say(f"{order.name}: {why}")
                await asyncio.sleep(pause)
                pause = min(pause * 2, LOOK_SECONDS_MAX)
    except TimeoutError:
        raise DuelineError(
            f"{order.name} is still on its way after {patience_seconds:.0f} s: {why}. "
            "Give the same command again to go on."
        ) from None


async def _view(site: Site, order: FoundOrder) -> OrderView:
    handle = site.client.get_workflow_handle(order.workflow_id)
    view: OrderView = await handle.query("view", result_type=OrderView)
    return view
