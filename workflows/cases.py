"""How an order opens and tells its overdue cases (catalogue 4.4: a breach never stops it)."""

from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.models import CaseStart, case_workflow_id
from domain.windows import DueWindow
from workflows.contract import STEP_LEFT, OrderStart, StepLeft


def opened_case(start: OrderStart, window: DueWindow, at: datetime) -> CaseStart:
    """The case of a breached window.

    Started by the activity that records the breach, not as a child: that costs no event, and the
    case outlives its order by nature.
    """
    return CaseStart(
        order_id=start.order_id,
        case_id=case_workflow_id(window.key),
        customer=start.customer,
        profile=start.profile.id,
        window=window,
        opened_at=at,
    )


async def tell_case(window: DueWindow, left_at: datetime) -> None:
    """The breached step has been left: the case may be closed."""
    handle = workflow.get_external_workflow_handle(case_workflow_id(window.key))
    try:
        await handle.signal(STEP_LEFT, StepLeft(at=left_at))
    except ApplicationError:
        return  # operations ended the case by hand
