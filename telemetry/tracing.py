"""Traces: one trace id from the request through the workflow to SQL.

Without `OTEL_EXPORTER_OTLP_ENDPOINT` nothing is recorded, but ids are still made and handed on, so
that log lines of one order can be found together.
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
)
from opentelemetry.trace import Link, NoOpTracer, Span, SpanKind, Status, Tracer, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes
from temporalio.contrib.opentelemetry import TracingInterceptor

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PARENT = "traceparent"
UNTRACED = "dueline.untraced"

# What a pool says to a connection before it gives it away, and at its end: three spans for nothing.
CHATTER = frozenset({"BEGIN;", ";", "ROLLBACK;"})

SHOWN = frozenset(
    {
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "db.system",
        "db.name",
        "db.statement",
        "temporalWorkflowID",
        "temporalRunID",
        "temporalActivityID",
        "temporalUpdateID",
    }
)
"""The attributes that leave the process; what a library adds later does not, until it is read."""


class Tracing:
    """What makes spans in this process, and where they go. Close it, or the last ones are lost."""

    def __init__(self, service: str, exporter: SpanExporter | None = None) -> None:
        """Records and exports with an `exporter`; without one only ids are made."""
        # OpenTelemetry's own variable wins.
        named = {} if "OTEL_SERVICE_NAME" in os.environ else {SERVICE_NAME: service}
        self.is_recording = exporter is not None
        self._provider = TracerProvider(
            sampler=_sampler() if exporter else ALWAYS_OFF, resource=Resource.create(named)
        )
        if exporter is not None:
            self._provider.add_span_processor(BatchSpanProcessor(Discreet(exporter)))

    @cached_property
    def tracer(self) -> Tracer:
        """For spans of our own."""
        return self._provider.get_tracer("dueline")

    @cached_property
    def interceptor(self) -> TracingInterceptor:
        """For a client, and by it for the worker that is built on it."""
        return TracingInterceptor(self.tracer)

    def follow_sql(self) -> None:
        """From now on each statement is a span, if spans are recorded."""
        if self.is_recording:
            # Late: a process that records nothing does not load it.
            from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor

            follower = AsyncPGInstrumentor()  # type: ignore[no-untyped-call]  # it ships no types
            follower.instrument(tracer_provider=self._provider)

    def flush(self) -> None:
        """Exports what has ended."""
        self._provider.force_flush()

    def close(self) -> None:
        """Exports what is left, and makes no more."""
        self._provider.shutdown()


def start_tracing(service: str) -> Tracing:
    """The tracing of a process, as the environment wants it; statements included."""
    tracing = Tracing(service, _exporter())
    tracing.follow_sql()
    return tracing


def _exporter() -> SpanExporter | None:
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    # A collector that is away costs one line a batch, not one a try.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    return OTLPSpanExporter()


@contextmanager
def request_span(
    tracer: Tracer | None, method: str, headers: Mapping[str, str], *, untraced: bool
) -> Iterator[Span]:
    """The span of a request, the caller's trace going on; an `untraced` one is never recorded.

    Takes the `traceparent` header and no other: what a caller adds could hold anything.
    """
    carrier = {PARENT: headers[PARENT]} if PARENT in headers else {}
    attributes: Attributes = {UNTRACED: True} if untraced else {"http.request.method": method}
    with (tracer or NoOpTracer()).start_as_current_span(
        method,
        context=TraceContextTextMapPropagator().extract(carrier),
        kind=SpanKind.SERVER,
        attributes=attributes,
    ) as span:
        yield span


class Discreet(SpanExporter):
    """Lets spans out without what may be personal: unknown attributes, and words of errors."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Exports the spans as they may be seen."""
        return self._inner.export([_discreet(span) for span in spans])

    def shutdown(self) -> None:
        """Ends the exporter inside."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Exports what is waiting inside."""
        return self._inner.force_flush(timeout_millis)


def _discreet(span: ReadableSpan) -> ReadableSpan:
    attributes = span.attributes or {}
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={name: value for name, value in attributes.items() if name in SHOWN},
        events=[_only_kind(event) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _only_kind(event: Event) -> Event:
    """An error's class; PostgreSQL's words quote the row, and a traceback ends with them."""
    kind = (event.attributes or {}).get("exception.type")
    return Event(event.name, {"exception.type": kind} if kind else {}, event.timestamp)


def _sampler() -> Sampler | None:
    """Everything with a cause; none where OpenTelemetry's own variable says how much."""
    if os.environ.get("OTEL_TRACES_SAMPLER"):
        return None
    # An order that began before tracing was switched on is traced from now on, too.
    return ParentBased(
        root=_Telling(roots=True),
        local_parent_sampled=_Telling(roots=False),
        remote_parent_not_sampled=ALWAYS_ON,
    )


class _Telling(Sampler):
    """Drops what tells nothing: a pool's chatter; of `roots` probes and a relay that looks."""

    def __init__(self, *, roots: bool) -> None:
        self._roots = roots

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        given = attributes or {}
        idle = given.get("db.statement") in CHATTER
        if self._roots:
            idle = UNTRACED in given or "db.system" in given
        chosen = ALWAYS_OFF if idle else ALWAYS_ON
        return chosen.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        return "what tells something"
