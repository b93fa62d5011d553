"""Errors as RFC 9457 problems: one table from what went wrong to a status and a stable type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from domain.base import Record
from domain.errors import (
    BeingChanged,
    CalendarError,
    FourEyes,
    IncompleteOrder,
    InvalidField,
    KeyReused,
    NotAllowed,
    NothingRuns,
    OnHold,
    PaymentKnown,
    RefundNotOpen,
    Refused,
    TaskNotOpen,
    Unanswered,
    UnknownThing,
)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5


@dataclass(frozen=True)
class Kind:
    """A sort of problem. `slug` never changes: clients branch on it."""

    status: HTTPStatus
    slug: str
    title: str

    @property
    def type(self) -> str:
        """The problem's type, a stable URN."""
        return f"urn:dueline:problem:{self.slug}"


UNAUTHENTICATED = Kind(HTTPStatus.UNAUTHORIZED, "unauthenticated", "A valid API key is needed")
NOT_ALLOWED = Kind(HTTPStatus.FORBIDDEN, "not-allowed", "The key may not do this")
UNKNOWN = Kind(HTTPStatus.NOT_FOUND, "unknown", "There is no such thing")
WRONG_METHOD = Kind(HTTPStatus.METHOD_NOT_ALLOWED, "wrong-method", "This is not done here")
CLOSED = Kind(HTTPStatus.CONFLICT, "order-closed", "The order is closed")
VERSION_CONFLICT = Kind(
    HTTPStatus.CONFLICT, "version-conflict", "The order has changed since this version"
)
NOT_POSSIBLE = Kind(HTTPStatus.CONFLICT, "not-possible", "This change is not possible any more")
TOO_MANY_WISHES = Kind(
    HTTPStatus.CONFLICT, "too-many-wishes", "Too many wishes of this order wait for an answer"
)
NOT_CANCELLABLE = Kind(HTTPStatus.CONFLICT, "not-cancellable", "The order cannot be cancelled")
COST_NOT_ACCEPTED = Kind(
    HTTPStatus.CONFLICT, "cost-not-accepted", "Cancelling costs something that was not accepted"
)
CASE_EXISTS = Kind(HTTPStatus.CONFLICT, "case-exists", "The window has a case already")
NOT_OPEN = Kind(HTTPStatus.CONFLICT, "task-not-open", "The task is no longer open")
PAYMENT_KNOWN = Kind(HTTPStatus.CONFLICT, "payment-known", "The payment is known otherwise")
REFUND_NOT_OPEN = Kind(HTTPStatus.CONFLICT, "refund-not-open", "The refund stands otherwise")
FOUR_EYES = Kind(HTTPStatus.FORBIDDEN, "four-eyes", "Another key has to do it")
UNSIGNED = Kind(HTTPStatus.UNAUTHORIZED, "unsigned", "The signature does not hold")
ON_HOLD = Kind(HTTPStatus.CONFLICT, "order-on-hold", "The order is on hold")
BEING_CHANGED = Kind(HTTPStatus.CONFLICT, "order-being-changed", "The order is being changed")
NOTHING_RUNS = Kind(HTTPStatus.CONFLICT, "nothing-runs", "Its workflow does not run")
NOT_DEAD = Kind(HTTPStatus.CONFLICT, "nothing-dead", "There is nothing to send again")
ENDPOINT_EXISTS = Kind(HTTPStatus.CONFLICT, "endpoint-exists", "The endpoint is there already")
ENDPOINT_DISABLED = Kind(HTTPStatus.CONFLICT, "endpoint-disabled", "The endpoint is disabled")
TOO_LARGE = Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "The body is too large")
NOT_JSON = Kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not-json", "The body has to be JSON")
BROKEN = Kind(HTTPStatus.BAD_REQUEST, "broken-json", "The body cannot be read")
INVALID = Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "The request breaks a rule")
INCOMPLETE = Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "incomplete-order", "The order is incomplete")
KEY_REUSED = Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused", "The Idempotency-Key was used")
AWAY = Kind(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "Not available at the moment")
BUG = Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side")

KINDS: Mapping[type[Exception], Kind] = {
    UnknownThing: UNKNOWN,
    NotAllowed: NOT_ALLOWED,
    InvalidField: INVALID,
    IncompleteOrder: INCOMPLETE,
    TaskNotOpen: NOT_OPEN,
    KeyReused: KEY_REUSED,
    PaymentKnown: PAYMENT_KNOWN,
    RefundNotOpen: REFUND_NOT_OPEN,
    FourEyes: FOUR_EYES,
    OnHold: ON_HOLD,
    BeingChanged: BEING_CHANGED,
    NothingRuns: NOTHING_RUNS,
    Unanswered: AWAY,
    Refused: INVALID,
    CalendarError: INVALID,
}


class FieldError(Record):
    """What is wrong with one field, and what would be right."""

    field: str = Field(description="Dotted, with indexes", examples=["lines[0].quantity"])
    message: str = Field(examples=["should be at least 1"])
    cure: str | None = Field(default=None, examples=["write a whole number such as 12"])


class ProblemBody(Record):
    """An RFC 9457 problem."""

    type: str = Field(examples=[INVALID.type])
    title: str = Field(examples=[INVALID.title])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["lines[0].quantity should be at least 1"])
    errors: tuple[FieldError, ...] = ()


class Problem(Exception):  # noqa: N818  the RFC's own word
    """A problem of HTTP itself; what the domain refuses has its own errors."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def invalid(errors: Sequence[FieldError]) -> Problem:
    """One problem for all fields that are wrong."""
    first = errors[0]
    more = f"; {len(errors) - 1} more" if len(errors) > 1 else ""
    return Problem(INVALID, f"{first.field} {first.message}{more}", errors)


def away(what: str) -> Problem:
    """Something that we need does not answer; asking again later can help."""
    return Problem(AWAY, what, headers={"Retry-After": str(RETRY_SECONDS)})


def as_problem(error: Exception) -> Problem | None:
    """The problem that an error of the domain becomes; none for a bug."""
    if isinstance(error, Problem):
        return error
    kind = next((KINDS[base] for base in type(error).__mro__ if base in KINDS), None)
    if kind is None:
        return None
    if isinstance(error, UnknownThing) and error.field:
        kind = INVALID  # a name inside the request, not the address that was asked for
    headers = {"Retry-After": str(RETRY_SECONDS)} if kind is AWAY else None
    return Problem(kind, str(error), _fields(error), headers)


def _fields(error: Exception) -> Sequence[FieldError]:
    match error:
        case InvalidField():
            rule, _, cure = error.rule.partition("; ")
            return (FieldError(field=error.field, message=rule, cure=cure or None),)
        case IncompleteOrder():
            needed = f"is required by profile {error.profile}"
            return [FieldError(field=f, message=needed, cure="add it") for f in error.missing]
        case UnknownThing() if error.field:
            known = f"write one of {', '.join(error.known)}" if error.known else None
            message = f"there is no {error.kind} {error.key!r}"
            return (FieldError(field=error.field, message=message, cure=known),)
        case KeyReused():
            fresh = "send a fresh key with each new request"
            return (FieldError(field="Idempotency-Key", message=str(error), cure=fresh),)
        case _:
            return ()


def respond(problem: Problem) -> Response:
    """The problem on the wire."""
    body = ProblemBody(
        type=problem.kind.type,
        title=problem.kind.title,
        status=problem.kind.status,
        detail=problem.detail,
        errors=problem.errors,
    )
    return Response(
        body.model_dump_json(exclude_none=True),
        status_code=int(problem.kind.status),
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


async def on_error(_: Request, error: Exception) -> Response:
    """The handler of `Problem` and of every error in `KINDS`."""
    problem = as_problem(error)
    assert problem is not None, "registered for errors of the table only"
    return respond(problem)
