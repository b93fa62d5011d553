"""How an order opens and tells its overdue cases (catalogue 4.4: a breach never stops it)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.models import CaseEscalation, CaseStart, MarkDue, MarksRecord, case_workflow_id
from domain.windows import DueWindow, Mark
from workflows.contract import STEP_LEFT, OrderStart, StepLeft
from workflows.repeating import now_of
from workflows.state import OrderProgress, RunningWindow

DRIVEN_BY = (Mark.ANALYSIS, Mark.LEADERSHIP)
"""Rungs at which the overdue case asks for more."""


@dataclass(frozen=True)
class Late:
    """What a case says of the order whose window was breached."""

    order_id: str
    customer: str
    profile: str


def marks_record(
    start: OrderStart, progress: OrderProgress, marks: tuple[MarkDue, ...]
) -> MarksRecord:
    """Marks of an order that have fallen, the cases that they open, and those they drive on."""
    late = Late(start.order_id, start.customer, start.profile.id)
    return marks_with_cases(
        late, progress.windows, marks, now=now_of(progress), repeats=progress.repeats
    )


def marks_with_cases(
    late: Late,
    windows: Iterable[RunningWindow],
    marks: tuple[MarkDue, ...],
    *,
    now: datetime,
    repeats: int = 0,
) -> MarksRecord:
    """Marks that have fallen, the cases that they open, and those that they drive on."""
    fallen = [
        (mark, running.window)
        for mark in marks
        for running in windows
        if running.window.key == mark.window
    ]
    return MarksRecord(
        order_id=late.order_id,
        now=now,
        repeats=repeats,
        marks=marks,
        cases=tuple(
            opened_case(late, window, mark.at)
            for mark, window in fallen
            if mark.mark is Mark.BREACH
        ),
        escalations=tuple(
            CaseEscalation(
                case=opened_case(late, window, window.due_at), mark=mark.mark, at=mark.at
            )
            for mark, window in fallen
            if mark.mark in DRIVEN_BY
        ),
    )


def opened_case(late: Late, window: DueWindow, at: datetime) -> CaseStart:
    """The case of a breached window.

    Started by the activity that records the breach, not as a child: that costs no event, and the
    case outlives its order by nature.
    """
    return CaseStart(
        order_id=late.order_id,
        case_id=case_workflow_id(window.key),
        customer=late.customer,
        profile=late.profile,
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
