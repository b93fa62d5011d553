"""A calendar's new version reaches every open window: tell, wait, look again."""

from datetime import timedelta

from temporalio import workflow

from activities.models import TELL_WORKFLOWS, CalendarPublished, Told
from workflows.calls import PATIENCE
from workflows.contract import PUBLICATION_WORKFLOW, PublicationResult

ROUND_TIMEOUT = timedelta(minutes=10)
"""Telling one workflow takes some milliseconds; a round tells some ten thousand."""

HEARTBEAT_TIMEOUT = timedelta(seconds=30)

# An order may be parked, or its worker down: patience grows.
PAUSES = (
    timedelta(seconds=2),
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
)
LOOKS_MIN = 2
"""A step that read the version before may commit its window some seconds later."""


@workflow.defn(name=PUBLICATION_WORKFLOW)
class CalendarPublicationWorkflow:
    """Runs once for a version, and ends when no window is behind or after the last pause."""

    @workflow.run
    async def run(self, published: CalendarPublished) -> PublicationResult:
        """Tells everybody in rounds. What is left at the end, no workflow answers for."""
        round_ = await _tell(published)
        for looks, pause in enumerate(PAUSES, start=1):
            await workflow.sleep(pause, summary="until they have moved")
            round_ = await _tell(published)
            if round_.left_count == 0 and looks >= LOOKS_MIN:
                break
        workflow.set_current_details(
            f"**{published.label}**: {round_.moved} windows counted anew, {round_.left_count} left"
        )
        return PublicationResult(
            label=published.label,
            moved=round_.moved,
            left_count=round_.left_count,
            left=round_.left,
        )


async def _tell(published: CalendarPublished) -> Told:
    told: Told = await workflow.execute_activity(
        TELL_WORKFLOWS,
        published,
        result_type=Told,
        start_to_close_timeout=ROUND_TIMEOUT,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=PATIENCE,
        summary=f"tell of {published.label}",
    )
    return told
