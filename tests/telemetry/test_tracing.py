"""Spans: recorded only when somebody wants them, and discreet when they leave."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telemetry.log import trace_id
from telemetry.tracing import ENDPOINTS, Tracing, request_span, start_tracing

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
NOT_SAMPLED = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-00"}
PHONE = "+86-555-0100-0101"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """Keeps what leaves."""
    return InMemorySpanExporter()


@pytest.fixture
def collector() -> Iterator[tuple[str, list[str]]]:
    """A collector's address, and the paths that it was sent spans on."""
    paths: list[str] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()
        thread.join()


def test_without_an_endpoint_there_are_ids_and_nothing_is_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    tracing = start_tracing("test")

    with tracing.tracer.start_as_current_span("here") as span:
        running = trace_id()

    assert not tracing.is_recording
    assert not span.is_recording()
    assert running is not None
    assert len(running) == 32


def test_with_an_endpoint_spans_leave_over_http_at_the_latest_when_it_closes(
    monkeypatch: pytest.MonkeyPatch, collector: tuple[str, list[str]]
) -> None:
    address, paths = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    tracing = start_tracing("test")

    with tracing.tracer.start_as_current_span("here"):
        pass
    tracing.close()
    AsyncPGInstrumentor().uninstrument()  # type: ignore[no-untyped-call]  # it ships no types

    assert tracing.is_recording
    assert paths == ["/v1/traces"]


def test_a_span_leaves_without_words_of_errors_and_unknown_attributes(
    exporter: InMemorySpanExporter,
) -> None:
    tracing = Tracing("test", exporter)

    with (
        pytest.raises(ValueError, match="555"),
        tracing.tracer.start_as_current_span("here", attributes={"phone": PHONE, "db.name": "d"}),
    ):
        raise ValueError(PHONE)
    tracing.close()

    [span] = exporter.get_finished_spans()
    assert dict(span.attributes or {}) == {"db.name": "d"}
    assert [dict(event.attributes or {}) for event in span.events] == [
        {"exception.type": "ValueError"}
    ]
    assert PHONE not in span.to_json()
    assert not span.status.is_ok


def test_an_order_that_began_before_recording_is_recorded_from_then_on(
    exporter: InMemorySpanExporter,
) -> None:
    tracing = Tracing("test", exporter)

    with request_span(tracing.tracer, "GET", NOT_SAMPLED, untraced=False):
        assert trace_id() == TRACE_ID
    tracing.close()

    assert len(exporter.get_finished_spans()) == 1


def test_a_probe_has_an_id_and_is_never_recorded(exporter: InMemorySpanExporter) -> None:
    tracing = Tracing("test", exporter)

    with request_span(tracing.tracer, "GET", {}, untraced=True):
        assert trace_id() is not None
    tracing.close()

    assert exporter.get_finished_spans() == ()


def test_what_else_a_caller_sends_along_is_not_taken(exporter: InMemorySpanExporter) -> None:
    tracing = Tracing("test", exporter)
    sent = {**NOT_SAMPLED, "tracestate": f"who={PHONE}", "baggage": f"who={PHONE}"}

    with request_span(tracing.tracer, "GET", sent, untraced=False):
        headers = tracing.interceptor._context_to_headers({})

    assert headers
    assert PHONE not in str(headers)
