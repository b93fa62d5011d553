"""How the log looks: one line an event, with order and trace, and no personal data in it."""

import io
import logging
import re
import sys
from typing import Any, TextIO, cast

import structlog
from opentelemetry import trace
from structlog.contextvars import bind_contextvars
from structlog.typing import EventDict, Processor

from telemetry.words import story

OTHERS = "others"
_ORDER_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def configure_log(log_format: str, stream: TextIO | None = None) -> None:
    """One line an event on standard error, for people or for machines; other libraries' too."""
    out = stream or cast(TextIO, _StandardError())
    shape: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer()
    )
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _with_trace,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_story,
    ]
    structlog.configure(
        processors=[*shared, shape],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(out),
    )
    _take_in_others(out, shared, shape)


class _StandardError(io.TextIOBase):
    """Standard error as it is when a line is written: whoever redirects it may close it again."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def about_order(order_id: str | None) -> None:
    """Every further line of this request or activity names the order. What is no id is nobody's."""
    if order_id is not None and _ORDER_ID.fullmatch(order_id):
        bind_contextvars(order_id=order_id)


def trace_id() -> str | None:
    """The trace that is running here, 32 hex digits."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def _with_trace(_: Any, __: str, event: EventDict) -> EventDict:
    if running := trace_id():
        event["trace_id"] = running
    return event


def _with_story(_: Any, __: str, event: EventDict) -> EventDict:
    """A traceback that shows neither values nor what an error says of them."""
    found = event.pop("exc_info", None)
    if isinstance(found, tuple):
        found = found[1]
    error = found if isinstance(found, BaseException) else (sys.exc_info()[1] if found else None)
    if error is not None:
        event["exception"] = story(error)
    return event


def _take_in_others(out: TextIO, shared: list[Processor], shape: Processor) -> None:
    """Warnings of the libraries come in the same shape."""
    handler = logging.StreamHandler(out)
    handler.set_name(OTHERS)
    handler.addFilter(_is_news)
    clean = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name],
            processors=[clean, *shared, shape],
        )
    )
    root = logging.getLogger()
    for earlier in [known for known in root.handlers if known.get_name() == OTHERS]:
        root.removeHandler(earlier)
    root.addHandler(handler)


def _is_news(record: logging.LogRecord) -> bool:
    # The SDK says of each failed attempt what `telemetry.watch` has said in one line.
    return getattr(record, "__temporal_error_identifier", None) != "ActivityFailure"
