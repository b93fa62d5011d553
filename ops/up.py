"""The whole platform in the foreground: servers, worker and API, until somebody stops it."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.seed import seed_calendars, seed_platform, webhook_key
from ops.stack import Stack, StackError
from ops.stack.children import Child, Recipe
from ops.stack.preflight import Port
from ops.stack.stack import Service
from settings import Settings
from store.migrate import migrate
from workflows.search import SEARCH_ATTRIBUTES

# Who says it, and one line of what.
Log = Callable[[str, str], None]

ROOT = Path(__file__).resolve().parents[1]
READY_SECONDS = 30.0  # an API that takes longer is announced as not answering yet
POLL_SECONDS = 0.1
RESTART_FIRST_SECONDS = 1.0
RESTART_MAX_SECONDS = 30.0
STEADY_SECONDS = 60.0  # after this long a death is a new trouble, not the old one again
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Worker and API together, then Temporal and PostgreSQL: all of it ends within ten seconds.
STOP_PLAN = ((signal.SIGTERM, 4.0),)


@dataclass(frozen=True)
class Platform:
    """A running platform's addresses, and one API key for each role."""

    api_url: str
    ui_url: str | None  # None where somebody else runs Temporal
    database_url: str
    temporal_address: str
    keys: Mapping[str, str]


class Program:
    """One of our own modules as a child process, its output relayed line by line."""

    def __init__(self, name: str, env: Mapping[str, str], log: Log) -> None:
        self.name = name
        self.child: Child | None = None
        self._log = log
        self._relay: asyncio.Task[None] | None = None
        self._recipe = Recipe(name, [sys.executable, "-m", name], env=env, cwd=ROOT)

    async def start(self) -> None:
        """Starts the module. Does not wait until it is ready."""
        self.child = await Child.start(self._recipe)
        self._relay = asyncio.create_task(self._relay_lines(self.child))

    async def wait(self) -> int:
        """Waits for its end; returns its exit code."""
        assert self.child is not None, "start() comes first"
        return await self.child.wait()

    async def stop(self) -> None:
        """Asks it to finish, and insists after a while. Does nothing when it never started."""
        if self.child is not None:
            await self.child.stop(STOP_PLAN)
        if self._relay is not None:
            self._relay.cancel()
            await asyncio.gather(self._relay, return_exceptions=True)

    async def _relay_lines(self, child: Child) -> None:
        while (line := await child.line()) is not None:
            self._log(self.name, line)


@asynccontextmanager
async def platform(settings: Settings, *, log: Log) -> AsyncIterator[Platform]:
    """Runs everything, and ends everything on the way out.

    `log` hears what the children say and what becomes of them. Raises StackError with one
    sentence when the machine does not allow it.
    """
    log("dueline", f"starting, with data in {settings.data_dir}")
    api_port = Port(settings.api_port, "the API", "DUELINE_API_PORT", settings.api_host)
    async with Stack(settings, SEARCH_ATTRIBUTES, [api_port]) as stack:
        await migrate(stack.database_url)
        keys = await seed_platform(stack.database_url, settings.data_dir)
        for sentence in await seed_calendars(stack.database_url):
            log("dueline", sentence)
        if settings.webhook_key is None:
            key = webhook_key(settings.data_dir)
            settings = settings.model_copy(update={"webhook_key": key})
        env = environment(settings, stack)
        programs = [Program("worker", env, log), Program("api", env, log)]
        async with _running(programs, stack.services, log):
            url = api_url(settings)
            if not await _answers(f"{url}/healthz"):
                log("dueline", f"the API does not answer after {READY_SECONDS:g} s; see above")
            yield Platform(url, stack.ui_url, stack.database_url, stack.temporal_address, keys)
        log("dueline", "worker and API have stopped; stopping the servers")


def api_url(settings: Settings) -> str:
    """Returns where a browser on this machine finds the API."""
    host = "127.0.0.1" if settings.api_host in {"0.0.0.0", "::"} else settings.api_host
    return (
        f"http://[{host}]:{settings.api_port}"
        if ":" in host
        else (f"http://{host}:{settings.api_port}")
    )


def environment(settings: Settings, stack: Stack) -> dict[str, str]:
    """Returns a child's environment: the same settings, and the servers that really run."""
    values = {
        # An empty one hides what our own environment says and these settings do not.
        f"DUELINE_{name.upper()}": "" if value is None else str(value)
        for name, value in settings.model_dump(exclude={"database_url", "temporal_address"}).items()
    }
    values |= {"DATABASE_URL": stack.database_url, "TEMPORAL_ADDRESS": stack.temporal_address}
    return os.environ | values | {"PYTHONUNBUFFERED": "1"}


@asynccontextmanager
async def _running(
    programs: Sequence[Program], servers: Sequence[Service], log: Log
) -> AsyncIterator[None]:
    """Keeps programs and servers alive, and stops the programs at the end."""
    keepers: list[asyncio.Task[None]] = []
    try:
        for program in programs:
            await program.start()
        for service in (*servers, *programs):
            keepers.append(asyncio.create_task(_keep_alive(service, log)))
        yield
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await asyncio.gather(*(program.stop() for program in programs))


async def _keep_alive(service: Service, log: Log) -> None:
    """Starts a service again whenever it dies, less and less eagerly."""
    delay = RESTART_FIRST_SECONDS
    while True:
        watched_from = time.monotonic()
        code = await service.wait()
        if time.monotonic() - watched_from > STEADY_SECONDS:
            delay = RESTART_FIRST_SECONDS
        log("dueline", f"{service.name} ended with code {code}; starting it again in {delay:g} s")
        await asyncio.sleep(delay)
        delay = min(delay * 2, RESTART_MAX_SECONDS)
        try:
            await service.start()
        except StackError as error:
            log("dueline", str(error))


async def _answers(url: str) -> bool:
    give_up_at = time.monotonic() + READY_SECONDS
    # A proxy for the outside world has no business between us and our own API.
    async with httpx.AsyncClient(timeout=1.0, trust_env=False) as client:
        while time.monotonic() < give_up_at:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(url)).is_success:
                    return True
            await asyncio.sleep(POLL_SECONDS)
    return False


async def run_up(settings: Settings) -> int:
    """Runs the platform until Ctrl-C or SIGTERM; returns the exit code."""
    console = Console(highlight=False, soft_wrap=True, emoji=False)

    def log(source: str, line: str) -> None:
        console.print(Text(f"[{source}] ", style="dim") + Text.from_ansi(line))

    with interruptible():
        async with platform(settings, log=log) as running:
            welcome(console, running)
            await asyncio.Event().wait()
    log("dueline", "stopped; the data stays for the next time")
    return 0


@contextmanager
def interruptible() -> Iterator[None]:
    """Lets the first Ctrl-C, SIGTERM or SIGHUP end the block; later ones change nothing.

    The block's own clean-up runs as after any cancellation, and the caller goes on behind it.
    """
    task = asyncio.current_task()
    assert task is not None, "needs a running event loop"
    asked: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        if not asked:
            task.cancel()
        asked.append(number)

    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    except asyncio.CancelledError:
        if not asked:
            raise
        task.uncancel()
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


def welcome(console: Console, running: Platform) -> None:
    """Prints where everything is, and one API key for each role."""
    places = Table(title="Dueline is up", title_justify="left", show_header=False)
    places.add_row("API", running.api_url)
    places.add_row("API documentation", f"{running.api_url}/docs")
    places.add_row("Temporal Web UI", running.ui_url or "where its owner runs it")
    places.add_row("Temporal", running.temporal_address)
    places.add_row("PostgreSQL", running.database_url.rpartition("@")[2])
    keys = Table("role", "API key", title="Send as `Authorization: Bearer …`", title_justify="left")
    for role, key in running.keys.items():
        keys.add_row(role, key)
    console.print(places)
    console.print(keys)
    console.print("Ctrl-C stops everything; the data stays.")
