"""`python -m api`: serves until SIGTERM or Ctrl-C, then finishes what it has begun."""

import logging
import socket
import sys

import structlog
import uvicorn

from api.app import create_app
from settings import Settings

GRACE_SECONDS = 3  # whoever started us insists after four
BACKLOG = 1024


def main() -> int:
    """Serves; returns the exit code."""
    settings = Settings()
    if settings.database_url is None:
        print("The API needs DATABASE_URL; `make up` sets it.", file=sys.stderr)
        return 1
    _configure_log(settings.log_format)
    try:
        listening = _listen(settings.api_host, settings.api_port)
    except OSError as error:
        print(
            f"The API cannot listen on {settings.api_host}, port {settings.api_port} "
            f"({(error.strerror or str(error)).lower()}): stop what uses it, or choose another "
            "with DUELINE_API_PORT.",
            file=sys.stderr,
        )
        return 1
    config = uvicorn.Config(
        create_app(settings),
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,  # ours says less: no addresses, no queries
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    with listening:
        uvicorn.Server(config).run(sockets=[listening])
    return 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def _configure_log(log_format: str) -> None:
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


if __name__ == "__main__":
    sys.exit(main())
