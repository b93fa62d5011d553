"""How orders, cases and follow-ups are started: the same from API, worker, demo and tests."""

from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.follow_up_models import FOLLOW_UP_WORKFLOW, FollowUpStart
from activities.models import CASE_WORKFLOW, CaseEscalation, CaseStart, case_workflow_id
from domain.base import Record
from workflows import search
from workflows.contract import (
    ESCALATED,
    MONEY_MOVED,
    ORDER_WORKFLOW,
    REVISION,
    CaseByHand,
    CaseEscalated,
    MoneyMoved,
    OrderStart,
    order_workflow_id,
)
from workflows.showing import at_start


async def start_order(
    client: Client, task_queue: str, start: OrderStart
) -> WorkflowHandle[Any, Any]:
    """Starts the order's workflow once; a repeated start, even after the end, changes nothing.

    Raises RPCError when the engine cannot be reached.
    """
    return await _once(
        client,
        ORDER_WORKFLOW,
        start.model_copy(update={"revision": REVISION, "profile": start.profile.carried}),
        id=order_workflow_id(start.order_id),
        task_queue=task_queue,
        search_attributes=at_start(start),
        static_summary=f"{start.profile.id} order of {start.customer}",
        static_details=f"{start.profile.title} ({start.profile.title_zh})",
    )


async def start_case(client: Client, task_queue: str, case: CaseStart) -> None:
    """Starts an overdue case once; a window that is recorded again finds its case there.

    Raises RPCError when the engine cannot be reached.
    """
    await _start_case(client, task_queue, case)


async def open_case_by_hand(client: Client, task_queue: str, asked: CaseByHand) -> str:
    """Starts the case that a breach of the window would start; returns its id.

    A case that is there stays as it is. Raises RPCError when the engine cannot be reached.
    """
    case = CaseStart(
        order_id=asked.order_id,
        case_id=case_workflow_id(asked.window.key),
        customer=asked.customer,
        profile=asked.profile,
        window=asked.window,
        opened_at=asked.opened_at,
        opened_by=asked.by,
        why=asked.why,
        step_left=asked.step_left,
    )
    await start_case(client, task_queue, case)
    return case.case_id


async def escalate_case(client: Client, task_queue: str, climbed: CaseEscalation) -> None:
    """Tells a case that its window has climbed; starts the case first if it is not there yet.

    A case that has ended hears nothing more. Raises RPCError when the engine cannot be reached.
    """
    told = CaseEscalated(mark=climbed.mark, at=climbed.at)
    await _start_case(
        client, task_queue, climbed.case, start_signal=ESCALATED, start_signal_args=[told]
    )


async def _start_case(client: Client, task_queue: str, case: CaseStart, **signal: Any) -> None:
    shown = [
        SearchAttributePair(search.CUSTOMER, case.customer),
        SearchAttributePair(search.PROFILE, case.profile),
    ]
    await _once(
        client,
        CASE_WORKFLOW,
        case,
        id=case.case_id,
        task_queue=task_queue,
        search_attributes=TypedSearchAttributes(shown),
        static_summary=f"overdue: {case.window.rule} of {case.window.step}",
        **signal,
    )


async def tell_money(client: Client, order_id: str, entry: str) -> None:
    """Tells an order that its money has moved; one that has ended needs not hear of it.

    Raises RPCError when the engine cannot be reached.
    """
    handle = client.get_workflow_handle(order_workflow_id(order_id))
    try:
        await handle.signal(MONEY_MOVED, MoneyMoved(entry=entry))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def start_follow_up(client: Client, task_queue: str, start: FollowUpStart) -> None:
    """Starts a follow-up once; one that runs or ran finds itself there, and nothing changes.

    Raises RPCError when the engine cannot be reached.
    """
    shown = [
        SearchAttributePair(search.CUSTOMER, start.customer),
        SearchAttributePair(search.PROFILE, start.profile),
    ]
    await _once(
        client,
        FOLLOW_UP_WORKFLOW,
        start,
        id=start.workflow_id,
        task_queue=task_queue,
        search_attributes=TypedSearchAttributes(shown),
        static_summary=f"{start.kind.title.lower()} of {start.customer}",
        static_details=f"{start.kind.title} ({start.kind.title_zh})",
    )


async def _once(
    client: Client, workflow: str, start: Record, *, id: str, **more: Any
) -> WorkflowHandle[Any, Any]:
    """Starts a workflow, or finds the one that runs or ran under this id."""
    try:
        return await client.start_workflow(
            workflow,
            start,
            id=id,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            **more,
        )
    except WorkflowAlreadyStartedError:
        return client.get_workflow_handle(id)
