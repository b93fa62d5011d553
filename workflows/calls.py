"""How workflows call activities: one deadline, one patience, one summary each."""

from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

from domain.base import Record

TRANSACTION_TIMEOUT = timedelta(seconds=5)
"""An activity is one database transaction; a killed worker's is tried again after this."""

MARKS_TIMEOUT = timedelta(seconds=15)
"""Recording marks also starts overdue cases, and a thousand may begin in the same second."""

PATIENCE = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=30),
)
"""For ever: a database that is down delays an order and never fails one."""

SUMMARY_LENGTH_MAX = 200

Result = TypeVar("Result", bound=Record)


async def act(name: str, request: Record, result: type[Result], summary: str) -> Result:
    """Runs the activity `name` and returns its answer; `summary` says in the Web UI what for."""
    answer: Result = await workflow.execute_activity(
        name,
        request,
        result_type=result,
        start_to_close_timeout=TRANSACTION_TIMEOUT,
        retry_policy=PATIENCE,
        summary=summary[:SUMMARY_LENGTH_MAX],
    )
    return answer


async def note(
    name: str, request: Record, summary: str, timeout: timedelta = TRANSACTION_TIMEOUT
) -> None:
    """Runs an activity that only writes something down."""
    await workflow.execute_activity(
        name,
        request,
        start_to_close_timeout=timeout,
        retry_policy=PATIENCE,
        summary=summary[:SUMMARY_LENGTH_MAX],
    )
