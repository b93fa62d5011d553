"""What the database says of orders and cases, against what the engine says of their workflows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ops.repair.looking import Look
from ops.repair.stuck_model import Evidence, StuckCause
from ops.repair.trouble import Trouble
from store.ops_reading import (
    FollowUpStanding,
    OpenCaseRow,
    ProfileFacts,
    StandingNotices,
    StandingRow,
    UnheldTask,
    UntoldBreach,
)
from workflows import search
from workflows.contract import order_workflow_id

MEANT = ("completed", "canceled")
"""How a workflow ends that has had its way."""

YOUNG = timedelta(minutes=1)
"""An order this young that is in no step may be on its way from the API to the engine."""


@dataclass(frozen=True)
class OrderDisagreements:
    """Record and workflow of one order, and where they do not fit.

    Both were read at different moments: whoever asks looks a second time before it believes them.
    """

    row: StandingRow
    look: Look | None
    profile: ProfileFacts | None
    now: datetime

    def troubles(self) -> Iterator[Trouble]:
        """Where they do not fit."""
        if self.look is None:
            yield from self._without_workflow()
        elif self.row.is_open and not self.look.is_open:
            yield self._closed(self.look)
        elif not self.row.is_open and self.look.is_quiet:
            yield self._open_too_long(self.look)
        elif self.row.is_open and self.look.is_quiet:
            yield from self._shown_wrongly(self.look)

    def _without_workflow(self) -> Iterator[Trouble]:
        if not self.row.is_open:
            return
        if self.row.step is not None:
            sentence = "its record is open, and the engine knows no workflow of it any more"
            yield self._trouble(StuckCause.WORKFLOW_GONE, self.row.updated_at, sentence)
        elif self.now - self.row.created_at >= YOUNG:
            sentence = "it was taken in, and its workflow was never started"
            yield self._trouble(StuckCause.NEVER_STARTED, self.row.created_at, sentence)

    def _closed(self, look: Look) -> Trouble:
        return self._trouble(
            StuckCause.WORKFLOW_CLOSED,
            look.closed_at,
            f"its record is open, and its workflow is {look.status}",
            Evidence(status=look.status, in_database=self.row.state, in_workflow=look.status),
            by_record=look.status in MEANT,
        )

    def _open_too_long(self, look: Look) -> Trouble:
        return self._trouble(
            StuckCause.RECORD_CLOSED,
            self.row.closed_at or self.row.updated_at,
            f"its record is closed ({self.row.state}), and its workflow waits on",
            Evidence(in_database=self.row.state, in_workflow=look.status),
        )

    def _shown_wrongly(self, look: Look) -> Iterator[Trouble]:
        stage = look.attribute(search.STAGE.name)
        stages = {self.row.stage}
        if self.profile is not None and self.row.step is not None:
            stages.add(self.profile.stages.get(self.row.step))
        if stages != {stage}:
            yield self._trouble(
                StuckCause.PROJECTION_BEHIND,
                self.row.updated_at,
                f"the record shows step {self.row.step} in stage {self.row.stage}, the workflow "
                f"is in stage {stage}",
                Evidence(in_database=self.row.step, in_workflow=str(stage)),
            )
        # Orders of the first revision do not show a hold.
        held = look.attribute(search.HELD.name) is True
        if look.attribute(search.SINCE.name) and held != (self.row.held_at is not None):
            here, there = ("is on hold", "goes on") if held else ("goes on", "is on hold")
            yield self._trouble(
                StuckCause.HOLD_DISAGREES,
                self.row.held_at or self.row.updated_at,
                f"the workflow {here}, the record says that it {there}",
                Evidence(in_database=there, in_workflow=here, reason=self.row.held_because),
            )

    def _trouble(
        self,
        cause: StuckCause,
        since: datetime,
        sentence: str,
        seen: Evidence | None = None,
        *,
        by_record: bool = False,
    ) -> Trouble:
        return Trouble(
            order_id=self.row.id,
            workflow_id=order_workflow_id(self.row.id),
            run_id=self.look.run_id if self.look else None,
            cause=cause,
            since=since,
            sentence=sentence,
            seen=seen or Evidence(),
            by_record=by_record,
        )


def case_troubles(case: OpenCaseRow, workflow_id: str, look: Look | None) -> Iterator[Trouble]:
    """An overdue case that is open in the database and whose workflow is not there, or closed."""
    if look is not None and look.is_open:
        return
    if look is None and not case.has_record:
        cause, status = StuckCause.NEVER_STARTED, None
        sentence = "a window was missed, and its overdue case was never started"
    elif look is None:
        cause, status = StuckCause.WORKFLOW_GONE, None
        sentence = "the overdue case is open, and the engine knows no workflow of it any more"
    else:
        cause, status = StuckCause.WORKFLOW_CLOSED, look.status
        sentence = f"the overdue case is open, and its workflow is {look.status}"
    yield Trouble(
        order_id=case.order_id,
        workflow_id=workflow_id,
        run_id=look.run_id if look else None,
        cause=cause,
        since=look.closed_at if look else case.opened_at,
        sentence=sentence,
        seen=Evidence(window=case.window, status=status),
        by_record=True,
    )


def follow_up_troubles(
    one: FollowUpStanding, workflow_id: str, look: Look | None, now: datetime
) -> Iterator[Trouble]:
    """A follow-up that is not closed and whose workflow never began, is not there, or has ended."""
    if look is not None and look.is_open:
        return
    status = None
    if look is not None:
        cause, status = StuckCause.WORKFLOW_CLOSED, look.status
        sentence = f"the {one.kind} is open, and its workflow is {look.status}"
    elif one.has_begun:
        cause = StuckCause.WORKFLOW_GONE
        sentence = f"the {one.kind} is open, and the engine knows no workflow of it any more"
    elif now - one.requested_at >= YOUNG:
        cause = StuckCause.NEVER_STARTED
        sentence = f"the {one.kind} is wanted, and no worker has started it"
    else:
        return
    yield Trouble(
        order_id=one.order_id,
        workflow_id=workflow_id,
        run_id=look.run_id if look else None,
        cause=cause,
        since=look.closed_at if look else one.requested_at,
        sentence=sentence,
        seen=Evidence(status=status),
        by_record=True,
    )


def unheld(task: UnheldTask) -> Trouble:
    """A task that nobody can answer."""
    role = task.role.replace("_", " ")
    return Trouble(
        order_id=task.order_id,
        workflow_id=task.workflow_id,
        cause=StuckCause.ROLE_UNHELD,
        since=task.opened_at,
        sentence=f"it waits for {role}, and no key holds that role: nobody can answer",
        seen=Evidence(task=task.task, role=task.role),
    )


def untold(breach: UntoldBreach, profiles: Mapping[str, ProfileFacts]) -> Iterator[Trouble]:
    """A missed window of which nobody has heard; a profile may want nobody told."""
    if breach.marked and not profiles[breach.profile_digest].tells_breaches:
        return
    what = "its breach is marked, and nobody was told" if breach.marked else "nobody was told"
    yield Trouble(
        order_id=breach.order_id,
        workflow_id=breach.workflow_id,
        cause=StuckCause.BREACH_UNTOLD,
        since=breach.due_at,
        sentence=f"{breach.rule} of {breach.role.replace('_', ' ')} was missed: {what}",
        seen=Evidence(window=breach.window, role=breach.role),
        by_record=breach.marked,
    )


def dead(notices: StandingNotices) -> Trouble:
    """Notices that nobody will get."""
    return _silent(notices, StuckCause.NOTICE_DEAD, "given up by")


def waiting(notices: StandingNotices) -> Trouble:
    """Notices that nobody has got yet."""
    by = "no relay takes them" if notices.channel is None else "still waiting on"
    return _silent(notices, StuckCause.NOTICE_WAITING, by)


def on_hold(row: StandingRow) -> Trouble:
    """A decision of operations that has grown old."""
    assert row.held_at is not None, "asked of held orders only"
    return Trouble(
        order_id=row.id,
        workflow_id=order_workflow_id(row.id),
        cause=StuckCause.ON_HOLD,
        since=row.held_at,
        sentence=f"operations hold it because: {row.held_because}",
        seen=Evidence(reason=row.held_because),
    )


def _silent(notices: StandingNotices, cause: StuckCause, what: str) -> Trouble:
    count = f"{notices.notices} notice{'' if notices.notices == 1 else 's'}"
    where = f"{what} channel {notices.channel}" if notices.channel else what
    why = f": {notices.error}" if notices.error else ""
    return Trouble(
        order_id=notices.order_id,
        workflow_id=order_workflow_id(notices.order_id),
        cause=cause,
        since=notices.since,
        sentence=f"{count} about it: {where}{why}",
        seen=Evidence(channel=notices.channel, notices=notices.notices, error=notices.error),
    )
