"""The periodic assessment (catalogue 4.1): a schedule starts it when a period is over."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from activities.assessment_models import ASSESS_PERIOD, AssessmentRequest, AssessmentResult
from domain.base import Record
from domain.periods import Length, Period
from workflows.calls import PATIENCE

ASSESSMENT_WORKFLOW = "AssessmentWorkflow"

COUNTING_TIMEOUT = timedelta(minutes=2)
"""A quarter of a busy company is counted in seconds."""

_SCHEDULED_AT = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


class AssessmentStart(Record):
    """Assesses the last month or quarter that was over at the scheduled time."""

    length: Length


@workflow.defn(name=ASSESSMENT_WORKFLOW)
class AssessmentWorkflow:
    """Computes one report, keeps it and tells the control department."""

    @workflow.run
    async def run(self, start: AssessmentStart) -> AssessmentResult:
        """The period comes from the scheduled time: a late or repeated run assesses the same."""
        period = Period.around(start.length, _scheduled_at()).before
        done: AssessmentResult = await workflow.execute_activity(
            ASSESS_PERIOD,
            AssessmentRequest(period=str(period), now=workflow.now()),
            result_type=AssessmentResult,
            start_to_close_timeout=COUNTING_TIMEOUT,
            retry_policy=PATIENCE,
            summary=f"assess {period}",
        )
        workflow.set_current_details(
            f"**Assessment** of {period}: {done.breached} of {done.decided} windows were breached"
        )
        return done


def _scheduled_at() -> datetime:
    """When the schedule meant to start this; for a start by hand, when it was started."""
    info = workflow.info()
    return info.typed_search_attributes.get(_SCHEDULED_AT) or info.start_time
