"""How the log looks: one line an event, and no personal data in its tracebacks."""

import logging
import sys

import structlog


def configure_log(log_format: str) -> None:
    """One line an event on standard error, for people or for machines."""
    shape = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        # The coloured kind prints every local variable: slow, and personal data in the log.
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if log_format == "json" else _unchanged,
            shape,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _unchanged(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    # The console renders exceptions by itself.
    return event
