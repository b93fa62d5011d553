"""A failure of the engine in plain words, without parameters, rows or personal data."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import Failure

from ops.repair.stuck_model import StuckCause

WORDS_LENGTH_MAX = 200

_CONSTRAINT = re.compile(r'constraint "(?P<name>\w+)"')
_TABLE = re.compile(r'(?:relation|table) "(?P<name>\w+)"')
_DRIVER = re.compile(r"^\([\w.]+\) <class '[\w.]*?(\w+)'>:\s*")
_SECRET = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.]+"  # a mail address
    r"|\+?\d[\d ()/-]{6,}\d"  # a telephone or an account number
)
_VIOLATIONS = ("IntegrityError", "ViolationError")
_AWAY = frozenset(
    {
        "ConnectionRefusedError",
        "ConnectionResetError",
        "ConnectionDoesNotExistError",
        "CannotConnectNowError",
        "TooManyConnectionsError",
        "InvalidCatalogNameError",
        "InvalidPasswordError",
        "InterfaceError",
        "OperationalError",
        "OSError",
        "gaierror",
    }
)
_KNOWN_CONSTRAINTS = {
    "ck_materials_reserved_not_negative": "more stock would be given back than was reserved",
    "ck_materials_stock_covers_reservations": "more would be reserved than lies in stock",
    "ck_goods_flows_forward": "more would leave than was made or packed",
    "ex_slots_no_double_booking": "two orders would have a line at the same time",
    "uq_tasks_one_open": "the same role would have two open tasks for one step",
    "uq_shipments_one_released": "the order would have two release notes at once",
    "ck_orders_closed_has_an_instant": "an open order would have an end",
}


@dataclass(frozen=True)
class PlainFailure:
    """What went wrong: which kind, in words, and the constraint that said no."""

    cause: StuckCause
    words: str
    error: str | None = None
    constraint: str | None = None


def activity_failure(failure: Failure) -> PlainFailure:
    """Why the last attempt of an activity failed."""
    for one in _chain(failure):
        if (found := _recognised(one)) is not None:
            return found
    kind = failure.application_failure_info.type or "an error"
    return PlainFailure(StuckCause.ACTIVITY_RETRYING, _said(kind, failure.message), kind)


def workflow_failure(failure: Failure) -> PlainFailure:
    """Why the workflow's code failed; the event says whether it was non-determinism."""
    kind = failure.application_failure_info.type or "an error"
    if kind == "NotFoundError" and "is not registered" in failure.message:
        words = "the workers on its queue do not know this workflow"
        return PlainFailure(StuckCause.WORKFLOW_NOT_REGISTERED, words, kind)
    if "[TMPRL1100]" in failure.message:
        words = without_secrets(failure.message.partition("[TMPRL1100]")[2])
        return PlainFailure(StuckCause.NON_DETERMINISM, words, "TMPRL1100")
    words = _said(kind, failure.message)
    return PlainFailure(StuckCause.WORKFLOW_TASK_FAILING, words, kind)


def without_secrets(message: str) -> str:
    """The first line of a message, without rows, statements, addresses and telephone numbers."""
    first = message.strip().partition("\n")[0].partition("[SQL")[0].partition("DETAIL:")[0]
    first = _SECRET.sub("…", _DRIVER.sub("", first)).strip().rstrip(".")
    return first if len(first) <= WORDS_LENGTH_MAX else f"{first[: WORDS_LENGTH_MAX - 1]}…"


def _chain(failure: Failure) -> Iterator[Failure]:
    yield failure
    while failure.HasField("cause"):
        failure = failure.cause
        yield failure


def _recognised(failure: Failure) -> PlainFailure | None:
    if failure.HasField("timeout_failure_info"):
        return _timeout(failure)
    kind, message = failure.application_failure_info.type, failure.message
    if kind == "NotFoundError" and "is not registered on this worker" in message:
        words = "the workers on its queue do not have this activity"
        return PlainFailure(StuckCause.ACTIVITY_NOT_REGISTERED, words, kind)
    if kind.endswith(_VIOLATIONS):
        return _violation(kind, message)
    if kind in _AWAY or (kind == "DBAPIError" and "onnect" in message) or "QueuePool" in message:
        words = "the workers cannot reach the database"
        return PlainFailure(StuckCause.DATABASE_AWAY, words, kind)
    return None


def _timeout(failure: Failure) -> PlainFailure:
    timeout = failure.timeout_failure_info.timeout_type
    name = TimeoutType.Name(timeout).removeprefix("TIMEOUT_TYPE_").replace("_", " ").lower()
    words = "each attempt runs into its timeout: it hangs, or its worker was killed"
    return PlainFailure(StuckCause.ACTIVITY_HANGS, words, name)


def _violation(kind: str, message: str) -> PlainFailure:
    named, table = _CONSTRAINT.search(message), _TABLE.search(message)
    if named is None:
        where = f" of table {table['name']}" if table else ""
        words, constraint = f"a rule of the database{where} says no", None
    else:
        constraint = named["name"]
        why = _KNOWN_CONSTRAINTS.get(constraint)
        words = f"the database says no by {constraint}" + (f": {why}" if why else "")
    return PlainFailure(StuckCause.DATABASE_CONSTRAINT, words, kind, constraint)


def _said(kind: str, message: str) -> str:
    words = without_secrets(message)
    return f"{kind}: {words}" if words else kind
