"""Starts overdue cases: workflows of their own, which outlive their order."""

from collections.abc import Awaitable, Callable

from temporalio.client import Client
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.models import CASE_WORKFLOW, CaseStart

StartCase = Callable[[CaseStart], Awaitable[None]]

# The keys of `workflows/search.py`, which activities do not import; a test compares them.
CUSTOMER = SearchAttributeKey.for_keyword("DuelineCustomer")
PROFILE = SearchAttributeKey.for_keyword("DuelineProfile")


def case_starter(client: Client, task_queue: str) -> StartCase:
    """Starts each case once: a window that is recorded again finds its case there."""

    async def start(case: CaseStart) -> None:
        shown = [
            SearchAttributePair(CUSTOMER, case.customer),
            SearchAttributePair(PROFILE, case.profile),
        ]
        try:
            await client.start_workflow(
                CASE_WORKFLOW,
                case,
                id=case.case_id,
                task_queue=task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                search_attributes=TypedSearchAttributes(shown),
                static_summary=f"overdue: {case.window.rule} of {case.window.step}",
            )
        except WorkflowAlreadyStartedError:
            return  # it was opened and closed already

    return start
