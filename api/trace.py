"""Around every request: its access line, its numbers, and a plain answer when we have a bug."""

import time
from uuid import uuid4

import structlog
from opentelemetry.trace import Span, StatusCode, Tracer
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics
from api.problems import BUG, Problem, away, respond
from store.reading import database_is_away
from telemetry.tracing import request_span

UNMATCHED = "unmatched"
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
SERVER_FAULT = 500
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CLIENT_LEFT = 499  # the usual number for it in access logs; nobody receives it

log = structlog.get_logger("api")


class Trace:
    """Logs route templates only: addresses and queries may hold what is nobody's business."""

    def __init__(self, app: ASGIApp, metrics: Metrics, tracer: Tracer | None = None) -> None:
        self._app = app
        self._metrics = metrics
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; other kinds of connection pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        structlog.contextvars.clear_contextvars()
        with request_span(
            self._tracer,
            _method(scope),
            Headers(scope=scope),
            untraced=scope["path"] in PROBES,
        ) as span:
            await self._serve(scope, receive, send, span)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, span: Span) -> None:
        began = time.perf_counter()
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except ClientDisconnect:
            status = CLIENT_LEFT
        except Exception as error:
            if status:
                raise  # half an answer is out; only closing the connection can say so
            await respond(_answer_to(error))(scope, receive, noted)
        finally:
            self._note(scope, status, time.perf_counter() - began, span)

    def _note(self, scope: Scope, status: int, seconds: float, span: Span) -> None:
        route = getattr(scope.get("route"), "path", UNMATCHED)
        method = _method(scope)
        span.update_name(f"{method} {route}")
        span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= SERVER_FAULT:
            span.set_status(StatusCode.ERROR)
        self._metrics.observe(method, route, status, seconds)
        log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in METHODS else "OTHER"


def _answer_to(error: Exception) -> Problem:
    """What the caller hears of an error that no table knows. The log has the rest, by its id."""
    if database_is_away(error):
        log.warning("database away", error=type(error).__name__)
        return away("the database cannot be reached at the moment")
    incident = uuid4().hex
    log.error("unexpected error", incident=incident, exc_info=error)
    return Problem(BUG, f"it is logged as {incident}; tell operations if it stays")
