"""Around every attempt of an activity: where its log lines belong, its numbers, its failure."""

import time
from collections.abc import Sequence
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars
from temporalio import activity
from temporalio.exceptions import ApplicationError, TemporalError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from telemetry import words
from telemetry.metrics import numbers

log = structlog.get_logger("dueline.activities")


class ActivityWatch(Interceptor):
    """Names order, step and run on each line, and says once why an attempt has failed.

    What the engine and the Web UI hear of a failure is the same words: an error of the database
    quotes the row that it refused.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wraps every activity."""
        return _Watched(next)


class _Watched(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        began, outcome = time.perf_counter(), "cancelled"
        with bound_contextvars(**_place(info, input.args)):
            try:
                result = await self.next.execute_activity(input)
                outcome = "completed"
            except Exception as error:
                outcome = "failed"
                raise _told(info, error) from None
            finally:
                numbers().attempt(info.activity_type, outcome, time.perf_counter() - began)
        return result


def _place(info: activity.Info, args: Sequence[Any]) -> dict[str, Any]:
    request = args[0] if args else None
    known = {
        "order_id": getattr(request, "order_id", None),
        "step": _step(request),
        "activity": info.activity_type,
        "attempt": info.attempt,
        "workflow_id": info.workflow_id,
        "run_id": info.workflow_run_id,
    }
    return {name: value for name, value in known.items() if value is not None}


def _step(request: Any) -> str | None:
    """The step that a move enters, else the one that it leaves; the part of an overdue case."""
    for name in ("enter", "leave", "left"):
        visit = getattr(request, name, None)
        # A moved promise leaves several visits at once, and none of them is its step.
        step = getattr(getattr(visit, "at", visit), "step", None)
        if step is not None:
            return str(step)
    part = getattr(request, "part", None)
    return None if part is None else str(part)


def _told(info: activity.Info, error: Exception) -> Exception:
    """Logs and counts the failure; returns it as the engine may hear it."""
    kind, said = words.kind(error), words.words(error)
    numbers().failure(info.activity_type, kind)
    log.warning("activity failed", error=kind, why=said, at=words.place(error))
    if isinstance(error, TemporalError):
        return error
    # Retried like any other error; only its words are ours.
    return ApplicationError(said, type=kind).with_traceback(words.own_traceback(error))
