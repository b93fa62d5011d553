"""What cures each cause: how bad it is, what has to be mended first, and the exact command."""

from collections.abc import Mapping
from dataclasses import dataclass
from shlex import quote

from ops.repair.stuck_model import Severity, StuckCause


@dataclass(frozen=True)
class Cure:
    """`first` and `command` are filled in with `it` (how to name the order) and the evidence."""

    severity: Severity
    command: str
    first: str | None = None


_RECOVER = 'dueline ops recover {it} --because "{words}"'
_RETRY = "dueline ops retry {it}"
_RELEASE = "dueline ops release {it}"
_RECONCILE = "dueline ops reconcile {it} --repair"
_TELL = "dueline ops tell {it}"

_CURES: dict[StuckCause, Cure] = {
    StuckCause.NON_DETERMINISM: Cure(
        Severity.CRITICAL,
        _RECOVER,
        "deploy code that fits its history; `dueline ops replay {it}` shows whether this code does",
    ),
    StuckCause.WORKFLOW_TASK_FAILING: Cure(
        Severity.CRITICAL,
        _RECOVER,
        "deploy code that does not fail; `dueline ops replay {it}` shows whether this code does",
    ),
    StuckCause.WORKFLOW_NOT_REGISTERED: Cure(
        Severity.CRITICAL, _RECOVER, "deploy workers that have {workflow_type} on queue {queue}"
    ),
    StuckCause.WORKFLOW_CLOSED: Cure(Severity.CRITICAL, _RECOVER),
    StuckCause.WORKFLOW_GONE: Cure(Severity.CRITICAL, _RECONCILE),
    StuckCause.NEVER_STARTED: Cure(Severity.CRITICAL, _RECONCILE),
    StuckCause.BREACH_UNTOLD: Cure(Severity.CRITICAL, _RECONCILE),
    StuckCause.NO_POLLER: Cure(
        Severity.HIGH, "dueline worker", "DUELINE_TASK_QUEUE has to name the queue {queue}"
    ),
    StuckCause.VERSION_UNSERVED: Cure(
        Severity.HIGH,
        "dueline ops versions move {it}",
        "a worker of the version that is current has to live; or start one of {build_id} again",
    ),
    StuckCause.ACTIVITY_NOT_REGISTERED: Cure(
        Severity.HIGH, _RETRY, "deploy workers that have the activity {activity}"
    ),
    StuckCause.ACTIVITY_HANGS: Cure(
        Severity.HIGH, _RETRY, "mend what {activity} waits for, or the code that hangs"
    ),
    StuckCause.DATABASE_CONSTRAINT: Cure(
        Severity.HIGH, _RETRY, "mend the rows that stand against {constraint}"
    ),
    StuckCause.DATABASE_AWAY: Cure(
        Severity.HIGH, _RETRY, "start the database, or correct DATABASE_URL of the workers"
    ),
    StuckCause.ACTIVITY_RETRYING: Cure(
        Severity.HIGH, _RETRY, "mend what the error of {activity} names"
    ),
    StuckCause.WORKFLOW_PAUSED: Cure(Severity.HIGH, _RELEASE),
    StuckCause.ACTIVITY_PAUSED: Cure(Severity.HIGH, _RELEASE),
    StuckCause.BREAKER_OPEN: Cure(
        Severity.HIGH,
        'dueline ops breaker close {activity} --because "it works again"',
        "whoever it was stopped for has to work again",
    ),
    StuckCause.RECORD_CLOSED: Cure(Severity.HIGH, _RECONCILE),
    StuckCause.PROJECTION_BEHIND: Cure(Severity.MEDIUM, _RECONCILE),
    StuckCause.HOLD_DISAGREES: Cure(Severity.MEDIUM, _RECONCILE),
    StuckCause.ROLE_UNHELD: Cure(
        Severity.MEDIUM, "dueline keys add --role {role} --name {role}", "say who shall do it"
    ),
    StuckCause.NOTICE_DEAD: Cure(
        Severity.MEDIUM,
        "dueline notices resend --all",
        "mend the channel {channel}; `dueline notices test {channel}` tries it",
    ),
    StuckCause.NOTICE_WAITING: Cure(
        Severity.LOW, "dueline relay", "a channel that fails has to work again"
    ),
    StuckCause.ON_HOLD: Cure(Severity.LOW, _RELEASE),
}

_CURRENT_UNSERVED = Cure(
    Severity.HIGH, "dueline ops versions rollback", "or start workers of {build_id} again"
)


def cure_of(cause: StuckCause, *, by_record: bool = False, pinned: bool = True) -> Cure:
    """The cure of a cause.

    `by_record`: what has ended or fallen is right, and only the record or its notices are behind.
    A version that nobody serves and to which the order is not `pinned` is the current one.
    """
    if by_record and cause in _BY_RECORD:
        return Cure(Severity.CRITICAL, _BY_RECORD[cause])
    if cause is StuckCause.VERSION_UNSERVED and not pinned:
        return _CURRENT_UNSERVED
    return _CURES[cause]


_BY_RECORD = {StuckCause.WORKFLOW_CLOSED: _RECONCILE, StuckCause.BREACH_UNTOLD: _TELL}


def filled(template: str, facts: Mapping[str, str | None], it: str, cause: StuckCause) -> str:
    """The command or the sentence with its facts in place."""
    known = {name: value or "?" for name, value in facts.items()}
    return template.format(**known, it=quote(it), words=cause.words)
