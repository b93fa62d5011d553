"""The schedules of the platform: made once, and brought up to date by every worker that starts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from domain.periods import COMPANY_ZONE, Length
from workflows.assessment import ASSESSMENT_WORKFLOW, AssessmentStart

CATCHUP_WINDOW = timedelta(days=31)
"""An engine that was down for weeks still makes up for the reports it missed."""


@dataclass(frozen=True)
class _Timetable:
    """Local time on the first day of these months, and which period is over then."""

    schedule_id: str
    length: Length
    calendar: ScheduleCalendarSpec


_FIRST = (ScheduleRange(1),)
TIMETABLES = (
    _Timetable(
        "dueline-assessment-monthly",
        Length.MONTH,
        ScheduleCalendarSpec(
            hour=(ScheduleRange(6),), day_of_month=_FIRST, comment="the month before"
        ),
    ),
    _Timetable(
        "dueline-assessment-quarterly",
        Length.QUARTER,
        ScheduleCalendarSpec(
            hour=(ScheduleRange(6),),
            minute=(ScheduleRange(30),),
            day_of_month=_FIRST,
            month=(ScheduleRange(1, 10, 3),),
            comment="the quarter before",
        ),
    ),
)


async def ensure_schedules(client: Client, task_queue: str) -> None:
    """Creates the schedules that are missing and updates those that differ; a pause stays."""
    for timetable in TIMETABLES:
        wanted = _schedule(timetable, task_queue)
        try:
            await client.create_schedule(timetable.schedule_id, wanted)
        except ScheduleAlreadyRunningError:
            await client.get_schedule_handle(timetable.schedule_id).update(_updating(wanted))


def _updating(wanted: Schedule) -> Callable[[ScheduleUpdateInput], ScheduleUpdate | None]:
    def update(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
        stands = found.description.schedule
        if _essence(stands) == _essence(wanted):
            return None
        return ScheduleUpdate(replace(wanted, state=stands.state))

    return update


def _essence(schedule: Schedule) -> tuple[object, ...]:
    """What tells one release's schedule from another's; its input follows from its id."""
    action = schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    return schedule.spec, schedule.policy, action.workflow, action.id, action.task_queue


def _schedule(timetable: _Timetable, task_queue: str) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            ASSESSMENT_WORKFLOW,
            AssessmentStart(length=timetable.length),
            id=timetable.schedule_id,
            task_queue=task_queue,
        ),
        spec=ScheduleSpec(calendars=[timetable.calendar], time_zone_name=COMPANY_ZONE.key),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCHUP_WINDOW),
    )
