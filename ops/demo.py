"""`make demo`: the example orders, worked by stand-ins at fast-forwarded time."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text
from temporalio.client import Client
from temporalio.service import RPCError

from domain.errors import DuelineError
from ops.demo_board import Board
from ops.demo_desk import Desk
from ops.demo_life import Life, Stuck
from ops.demo_report import Report, read_report
from ops.demo_story import Story, customer_names, load_stories
from ops.demo_tables import links, print_links, print_report
from ops.demo_time import Clocks, TooSlow
from ops.order_tables import WIDE
from ops.stack import StackError
from ops.stack.preflight import Port, free_port, require_free
from ops.up import Platform, interruptible, platform
from settings import Settings

AT_ONCE = 10  # orders worked side by side; more only makes each of them slower on two cores
REFRESH_SECONDS = 1.0
LOG_LINES_KEPT = 30
ANOTHER_TERMINAL = ".venv/bin/dueline orders"
ROUTINE = "[info"


async def run_demo(settings: Settings, *, as_json: bool = False) -> int:
    """Runs the demo in a folder of its own; returns 0 when everything went as the stories say.

    On a terminal it stays up afterwards until Ctrl-C, so that the links can be opened.
    """
    # With --json the summary alone goes to standard output.
    out = sys.stderr if as_json else sys.stdout
    console = Console(file=out, width=None if out.isatty() else WIDE, highlight=False, emoji=False)
    stories = load_stories(datetime.now(UTC))
    log: deque[str] = deque(maxlen=LOG_LINES_KEPT)
    code: int | None = None
    with _own_folder() as folder, interruptible():
        own = await _settings(settings, folder)
        console.print("Starting PostgreSQL, Temporal, worker and API for the demo …")

        def note(source: str, line: str) -> None:
            plain = Text.from_ansi(line).plain
            if ROUTINE not in plain:
                log.append(f"[{source}] {plain}")

        async with platform(own, log=note) as running:
            report = await _perform(console, stories, running)
            code = 1 if report.trouble else 0
            _close(console, report, running, as_json=as_json)
            if sys.stdin.isatty() and out.isatty():
                console.print(
                    f"In another terminal: DUELINE_DATA_DIR={own.data_dir} "
                    f"DUELINE_API={running.api_url} {ANOTHER_TERMINAL}",
                    soft_wrap=True,
                )
                console.print("Press Ctrl-C to stop; the links stay open until then.")
                await asyncio.Event().wait()
    if code is None:
        console.print("Stopped before the end.")
    elif code:
        console.print("The last lines of the log:", *log, sep="\n", markup=False)
    return 1 if code is None else code


@contextmanager
def _own_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can reach, gone at the end: each demo starts afresh."""
    folder = Path(tempfile.mkdtemp(prefix="dueline-demo-"))
    try:
        # As root PostgreSQL runs as another user, who must pass through but not look around.
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        yield folder / "data"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _settings(settings: Settings, data_dir: Path) -> Settings:
    """The demo's own servers, on the usual ports or, where one is taken, on any free one."""
    ports = {}
    for name in ("api_port", "temporal_port", "ui_port"):
        ports[name] = usual = getattr(settings, name)
        try:
            await require_free(Port(usual, "the demo", f"DUELINE_{name.upper()}"))
        except StackError:
            ports[name] = free_port()
    # Somebody's real database and engine are no place for made-up orders.
    own: dict[str, object] = {
        "database_url": None,
        "temporal_address": None,
        "temporal_namespace": "default",
    }
    own |= {"secrets_dir": None, "temporal_tls": False, "temporal_api_key": None}
    own |= dict.fromkeys(f"temporal_tls_{part}" for part in ("ca", "cert", "key", "server_name"))
    here = {"data_dir": data_dir, "api_host": "127.0.0.1"}
    return settings.model_copy(update={**own, **here, **ports})


async def _perform(console: Console, stories: Sequence[Story], running: Platform) -> Report:
    console.print(f"API {running.api_url}   Temporal Web UI {running.ui_url}")
    began_at = time.monotonic()
    client = await Client.connect(running.temporal_address)
    async with Desk(running.api_url, running.keys) as desk:
        lives = await _submit(desk, Clocks(client), stories)
        console.print(f"{len(lives)} orders submitted; the departments begin to work.")
        with Board(console, customer_names(), len(lives)) as board:
            async with _refreshing(board, desk):
                gate = asyncio.Semaphore(AT_ONCE)
                async with asyncio.TaskGroup() as group:
                    for life in lives:
                        group.create_task(_work(life, board, gate))
        report = await read_report(desk, lives)
    console.print(f"Worked in {time.monotonic() - began_at:.0f} s.")
    return report


async def _submit(desk: Desk, clocks: Clocks, stories: Sequence[Story]) -> list[Life]:
    async def submit(story: Story) -> Life:
        draft = story.draft
        sent = await desk.customers.post("/orders", draft.body, idempotency_key=draft.key)
        return Life(story, sent.body["id"], desk, clocks)

    return [await submit(story) for story in stories]


async def _work(life: Life, board: Board, gate: asyncio.Semaphore) -> None:
    async with gate:
        board.begin(life)
        trouble = None
        try:
            await life.live()
        except (Stuck, TooSlow, DuelineError, RPCError, RuntimeError) as error:
            trouble = f"cannot go on: {error}"
        board.end(life, trouble)


@asynccontextmanager
async def _refreshing(board: Board, desk: Desk) -> AsyncIterator[None]:
    """Keeps the table fresh beside the work."""

    async def refresh() -> None:
        while True:
            with suppress(DuelineError):  # an API that is away shows when the work stops
                board.show(await desk.orders())
            await asyncio.sleep(REFRESH_SECONDS)

    task = asyncio.create_task(refresh())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _close(console: Console, report: Report, running: Platform, *, as_json: bool) -> None:
    if as_json:
        summary = {
            "as_told": not report.trouble,
            "trouble": report.trouble,
            "totals": report.totals,
            "orders": [told.facts() for told in report.orders],
            "overdue_cases": report.cases,
            "links": dict(links(report, running)),
        }
        print(json.dumps(summary, ensure_ascii=False, indent=2, default=str), flush=True)
        return
    print_report(console, report, customer_names())
    print_links(console, report, running)
    console.print(
        "The demo's data goes with it. For a platform that keeps its data run `make up`, then "
        "`dueline submit examples/orders.csv`, `dueline tasks` and `dueline orders`."
    )
