"""`python -m api`: serves until SIGTERM or Ctrl-C, then finishes what it has begun."""

import signal
import socket
import sys
from types import FrameType

import uvicorn

from api.app import create_app
from settings import Settings
from telemetry.log import configure_log
from telemetry.metrics import start_runtime
from telemetry.tracing import start_tracing

GRACE_SECONDS = 3  # whoever started us insists after four
BACKLOG = 1024


def main() -> int:
    """Serves; returns the exit code."""
    settings = Settings()
    if settings.database_url is None:
        print("The API needs DATABASE_URL; `make up` sets it.", file=sys.stderr)
        return 1
    configure_log(settings.log_format)
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
    start_runtime(settings.log_format)
    tracing = start_tracing("dueline-api")
    config = uvicorn.Config(
        create_app(settings, tracing=tracing),
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,  # ours says less: no addresses, no queries
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    # uvicorn sends itself the signal again when it has finished; a wish to stop is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    with listening:
        uvicorn.Server(config).run(sockets=[listening])
    tracing.close()
    return 0


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


if __name__ == "__main__":
    sys.exit(main())
