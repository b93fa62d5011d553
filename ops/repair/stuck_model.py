"""What `ops stuck` finds: causes, how bad each is, and findings with evidence and cure."""

from datetime import datetime
from enum import StrEnum

from domain.base import Record


class StuckCause(StrEnum):
    """Why something cannot move. The value is its section in docs/stuck.md."""

    NON_DETERMINISM = "non-determinism"
    WORKFLOW_TASK_FAILING = "workflow-task-failing"
    WORKFLOW_NOT_REGISTERED = "workflow-not-registered"
    WORKFLOW_CLOSED = "workflow-closed"
    WORKFLOW_GONE = "workflow-gone"
    NEVER_STARTED = "never-started"
    BREACH_UNTOLD = "breach-untold"
    NO_POLLER = "no-poller"
    VERSION_UNSERVED = "version-unserved"
    ACTIVITY_NOT_REGISTERED = "activity-not-registered"
    ACTIVITY_HANGS = "activity-hangs"
    DATABASE_CONSTRAINT = "database-constraint"
    DATABASE_AWAY = "database-away"
    ACTIVITY_RETRYING = "activity-retrying"
    WORKFLOW_PAUSED = "workflow-paused"
    ACTIVITY_PAUSED = "activity-paused"
    BREAKER_OPEN = "breaker-open"
    RECORD_CLOSED = "record-closed"
    PROJECTION_BEHIND = "projection-behind"
    HOLD_DISAGREES = "hold-disagrees"
    ROLE_UNHELD = "role-unheld"
    NOTICE_DEAD = "notice-dead"
    NOTICE_WAITING = "notice-waiting"
    ON_HOLD = "on-hold"

    @property
    def words(self) -> str:
        """As a reader says it: `no poller`."""
        return self.value.replace("-", " ")


class Severity(StrEnum):
    """How bad it is, the worst first.

    Critical: without somebody's hand the order is lost, or nobody knows that it is late. High: it
    stands still. Medium: it stands still for some, or is shown wrongly. Low: it is late or silent,
    or somebody wanted it so.
    """

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return tuple(Severity).index(self)


class Evidence(Record):
    """What was seen; what does not belong to the cause is none. No personal data."""

    activity: str | None = None
    attempt: int | None = None
    next_attempt_at: datetime | None = None
    event_id: int | None = None
    error: str | None = None
    constraint: str | None = None
    queue: str | None = None
    workflow_type: str | None = None
    deployment: str | None = None
    build_id: str | None = None
    status: str | None = None
    by: str | None = None
    reason: str | None = None
    task: str | None = None
    role: str | None = None
    window: str | None = None
    channel: str | None = None
    notices: int | None = None
    in_database: str | None = None
    in_workflow: str | None = None


class FindingLinks(Record):
    """Where to look on: the Web UI's page of the workflow, the API's path of the order."""

    web_ui: str
    api: str


class Finding(Record):
    """One thing that cannot move, and why.

    `first` is what has to be mended before the command in `cure` can help. `also` are consequences
    that end with this cause. `number` is none until the order has one.
    """

    order_id: str
    number: str | None
    workflow_id: str
    run_id: str | None
    cause: StuckCause
    severity: Severity
    since: datetime
    sentence: str
    evidence: Evidence
    first: str | None
    cure: str
    also: tuple[StuckCause, ...] = ()
    links: FindingLinks


class StuckReport(Record):
    """What was looked at and what was found, the worst first.

    `orders`, `cases` and `follow_ups` are the open ones in the database, `workflows` those that the
    engine described, within `seconds`. `unasked` says what could not be asked, `remarks` what is no
    finding and yet worth knowing.
    """

    orders: int
    cases: int
    follow_ups: int = 0
    workflows: int
    seconds: float
    findings: tuple[Finding, ...]
    unasked: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
