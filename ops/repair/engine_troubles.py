"""What keeps an open workflow from moving, as the engine shows it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import EventType, PendingActivityState, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo

from ops.repair.failures import PlainFailure, activity_failure, workflow_failure
from ops.repair.finding import order_named_by
from ops.repair.looking import Look, tail
from ops.repair.serving import ACTIVITY, WORKFLOW, QueueServing, Served, instant
from ops.repair.site import Site
from ops.repair.stuck_model import Evidence, StuckCause
from ops.repair.trouble import Trouble

RETRIES_MIN = 3
"""From this attempt on an activity counts as retrying; one failure heals in a second."""
FAILING_MIN = timedelta(minutes=1)
UNSERVED_MIN = timedelta(seconds=10)
"""A task that nobody has taken for so long, with nobody there to take it."""
FAILED_ATTEMPTS_MIN = 2
TAIL_EVENTS = 60

_TASK_FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
_TASK_TIMED_OUT = EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT
_TASK_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
_SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
_SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
_NONDETERMINISTIC = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR
# The server takes such a task back by itself; it is no failure of the code.
_HARMLESS = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_STICKY_TASK_QUEUE,
)
_PAUSED = (
    PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED,
    PendingActivityState.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED,
)


@dataclass(frozen=True)
class EngineDesk:
    """Looks at one open workflow of an order after the other."""

    site: Site
    serving: dict[str, QueueServing]

    async def troubles(self, look: Look) -> list[Trouble]:
        """All that keeps it from moving. Raises RPCError."""
        seen = _Seen(order_named_by(look.workflow_id), look, datetime.now(UTC))
        found = [*seen.paused(), *seen.unserved(self.serving[look.queue])]
        events: list[HistoryEvent] = []
        if seen.is_suspect:
            events = await tail(self.site, look, TAIL_EVENTS)
        return [*found, *seen.failing_task(events), *seen.failing_activities(events)]


@dataclass(frozen=True)
class _Seen:
    order_id: str
    look: Look
    now: datetime

    @property
    def is_suspect(self) -> bool:
        """Whether its last events are worth a second call."""
        failing = self.look.task_attempt >= FAILED_ATTEMPTS_MIN
        return failing or any(self._is_retrying(activity) for activity in self.look.activities)

    def paused(self) -> Iterator[Trouble]:
        """The workflow or one of its activities is paused, which no window of the order sees."""
        if self.look.is_paused:
            info = self.look.said.workflow_extended_info.pause_info
            yield self._trouble(
                StuckCause.WORKFLOW_PAUSED,
                instant(info.paused_time),
                f"the workflow is paused by {info.identity or 'somebody'}"
                f"{_because(info.reason)}; its timers run on, and nobody gets an answer",
                Evidence(by=info.identity or None, reason=info.reason or None),
            )
        for activity in self.look.activities:
            if activity.state in _PAUSED or activity.paused:
                yield self._paused_activity(activity)

    def unserved(self, serving: QueueServing) -> Iterator[Trouble]:
        """Nobody asks for its tasks, or nobody of the version that may have them."""
        pinned = self.look.pinned_to
        wanted = pinned or serving.current
        if pinned is not None and not serving.serves(WORKFLOW, pinned):
            yield self._unserved(serving, pinned, self.look.task_since, "workflow tasks")
            return
        since = self.look.task_since
        if since and self._is_long(since) and not serving.serves(WORKFLOW, wanted):
            yield self._unserved(serving, wanted, since, "workflow tasks")
        for activity in self.look.activities:
            since = instant(activity.scheduled_time)
            waits = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
            if waits and self._is_long(since) and not serving.serves(ACTIVITY, wanted):
                yield self._unserved(serving, wanted, since, activity.activity_type.name)

    def failing_task(self, events: list[HistoryEvent]) -> Iterator[Trouble]:
        """Its workflow task fails again and again: the code raises, or does not fit the history."""
        if self.look.task_attempt < FAILED_ATTEMPTS_MIN:
            return
        since_done = _until(events, _TASK_COMPLETED)
        failed = [event for event in since_done if event.event_type == _TASK_FAILED]
        if failed:
            attributes = failed[0].workflow_task_failed_event_attributes
            if attributes.cause not in _HARMLESS:
                yield self._failing(failed[-1], since_done)
        elif any(event.event_type == _TASK_TIMED_OUT for event in since_done):
            yield self._timed_out(since_done)

    def failing_activities(self, events: list[HistoryEvent]) -> Iterator[Trouble]:
        """Activities that are tried again and again."""
        for activity in self.look.activities:
            if self._is_retrying(activity) and activity.state not in _PAUSED:
                yield self._retrying(activity, events)

    def _is_long(self, since: datetime) -> bool:
        return self.now - since >= UNSERVED_MIN

    def _is_retrying(self, activity: PendingActivityInfo) -> bool:
        if not activity.HasField("last_failure"):
            return False
        failed_at = instant(activity.last_attempt_complete_time)
        return activity.attempt >= RETRIES_MIN or self.now - failed_at > FAILING_MIN

    def _paused_activity(self, activity: PendingActivityInfo) -> Trouble:
        info, name = activity.pause_info, activity.activity_type.name
        by_rule = info.HasField("rule")
        by = info.rule.identity if by_rule else info.manual.identity
        reason = info.rule.reason if by_rule else info.manual.reason
        last = f"; it failed last with: {_last(activity).words}" if _has_failed(activity) else ""
        cause = StuckCause.BREAKER_OPEN if by_rule else StuckCause.ACTIVITY_PAUSED
        what = "is stopped for all orders" if by_rule else "is paused"
        return self._trouble(
            cause,
            instant(info.pause_time),
            f"{name} {what} by {by or 'somebody'}{_because(reason)}{last}",
            Evidence(activity=name, attempt=activity.attempt, by=by or None, reason=reason or None),
        )

    def _unserved(
        self, serving: QueueServing, wanted: Served, since: datetime | None, what: str
    ) -> Trouble:
        pinned = self.look.pinned_to is not None
        if wanted is None:
            cause = StuckCause.NO_POLLER
            sentence = f"no worker asks queue {serving.queue} for work; {what} wait"
        else:
            cause = StuckCause.VERSION_UNSERVED
            how = "it is pinned to" if pinned else "new work goes to"
            sentence = f"{how} version {wanted.build_id} of {wanted.deployment}, and no worker is"
        return self._trouble(
            cause,
            since or self.look.started_at,
            sentence,
            Evidence(
                queue=serving.queue,
                deployment=wanted.deployment if wanted else None,
                build_id=wanted.build_id if wanted else None,
            ),
            pinned=pinned,
        )

    def _failing(self, event: HistoryEvent, since_done: list[HistoryEvent]) -> Trouble:
        attributes = event.workflow_task_failed_event_attributes
        plain = workflow_failure(attributes.failure)
        if attributes.cause == _NONDETERMINISTIC:
            plain = PlainFailure(StuckCause.NON_DETERMINISM, plain.words, plain.error)
        signal = next((e for e in reversed(since_done) if e.event_type == _SIGNALED), None)
        after = ""
        if signal is not None and signal.event_id < event.event_id:
            name = signal.workflow_execution_signaled_event_attributes.signal_name
            after = f" since the message {name} came"
        what = {
            StuckCause.NON_DETERMINISM: "the code does not fit the history",
            StuckCause.WORKFLOW_NOT_REGISTERED: "its workflow task fails",
        }.get(plain.cause, f"the workflow's code fails{after}")
        said = attributes.worker_version
        return self._trouble(
            plain.cause,
            instant(event.event_time),
            f"{what}: {plain.words}",
            Evidence(
                attempt=self.look.task_attempt,
                event_id=event.event_id,
                error=plain.error,
                queue=self.look.queue,
                workflow_type=self.look.workflow_type,
                build_id=said.build_id or None,
            ),
        )

    def _timed_out(self, since_done: list[HistoryEvent]) -> Trouble:
        timed_out = [event for event in since_done if event.event_type == _TASK_TIMED_OUT]
        return self._trouble(
            StuckCause.WORKFLOW_TASK_FAILING,
            instant(timed_out[-1].event_time),
            "its task ran into its timeout, and no attempt since then has left a word: the code "
            "hangs, raises or kills its worker; the worker's log says which",
            Evidence(
                attempt=self.look.task_attempt,
                event_id=timed_out[0].event_id,
                error="timeout",
                queue=self.look.queue,
                workflow_type=self.look.workflow_type,
            ),
        )

    def _retrying(self, activity: PendingActivityInfo, events: list[HistoryEvent]) -> Trouble:
        plain, name = _last(activity), activity.activity_type.name
        since, event_id = _scheduled(activity, events)
        version = activity.last_deployment_version
        next_at = activity.next_attempt_schedule_time
        waits = activity.HasField("next_attempt_schedule_time")
        return self._trouble(
            plain.cause,
            since,
            f"{name} fails at attempt {activity.attempt}: {plain.words}",
            Evidence(
                activity=name,
                attempt=activity.attempt,
                next_attempt_at=instant(next_at) if waits else None,
                event_id=event_id,
                error=plain.error,
                constraint=plain.constraint,
                queue=self.look.queue,
                deployment=version.deployment_name or None,
                build_id=version.build_id or None,
            ),
        )

    def _trouble(
        self,
        cause: StuckCause,
        since: datetime,
        sentence: str,
        seen: Evidence,
        *,
        pinned: bool = True,
    ) -> Trouble:
        return Trouble(
            order_id=self.order_id,
            workflow_id=self.look.workflow_id,
            run_id=self.look.run_id,
            cause=cause,
            since=since,
            sentence=sentence,
            seen=seen,
            pinned=pinned,
        )


def _has_failed(activity: PendingActivityInfo) -> bool:
    return activity.HasField("last_failure")


def _last(activity: PendingActivityInfo) -> PlainFailure:
    return activity_failure(activity.last_failure)


def _because(reason: str) -> str:
    return f" because: {reason}" if reason else ""


def _until(events: list[HistoryEvent], kind: EventType.ValueType) -> list[HistoryEvent]:
    """The newest events, as far back as the last one of this kind."""
    found = []
    for event in events:
        if event.event_type == kind:
            break
        found.append(event)
    return found


def _scheduled(
    activity: PendingActivityInfo, events: list[HistoryEvent]
) -> tuple[datetime, int | None]:
    """When the activity was first asked for, and by which event."""
    for event in events:
        if event.event_type == _SCHEDULED:
            attributes = event.activity_task_scheduled_event_attributes
            if attributes.activity_id == activity.activity_id:
                return instant(event.event_time), event.event_id
    return instant(activity.last_attempt_complete_time), None
