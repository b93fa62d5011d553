"""A Temporal of our own, with its Web UI: the `temporal` binary of the virtual environment."""

import asyncio
import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from temporalio.client import Client

from ops.stack.children import Child, Recipe
from ops.stack.errors import StackError
from ops.stack.namespace import add_search_attributes, connect, keep_closed_for

START_SECONDS = 30.0
POLL_SECONDS = 0.1
LOG_BYTES_MAX = 20 * 1024 * 1024  # one old log is kept beside it
STOP_PLAN = ((signal.SIGTERM, 2.5),)  # a clean stop takes 1.1 s, and a kill loses nothing

# Default pragmas wait for the disk at every step: 4.4 workflows a second instead of 12.8.
PRAGMAS = ("journal_mode=WAL", "synchronous=1")
DYNAMIC_CONFIG = {
    "frontend.WorkflowPauseEnabled": "true",
    "frontend.WorkflowTimeSkippingEnabled": "true",  # the demo and the tests fast-forward
    "frontend.workflowRulesAPIsEnabled": "true",
    # A failing order shows in the Web UI's list after the second failure, not the fifth.
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": "2",
}

IN_MEMORY_CONFIG = {
    # An execution that somebody deletes is gone after 4 s, not after half a minute.
    "history.transferProcessorUpdateAckInterval": '"1s"',
}


def find_temporal() -> Path:
    """Returns the `temporal` binary. Raises StackError when there is none."""
    beside = Path(sys.executable).with_name("temporal")
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise StackError(
            "The Temporal server is not installed here: run `make up` again to install it, "
            "or name a server with TEMPORAL_ADDRESS."
        )
    return Path(found)


@dataclass
class EmbeddedTemporal:
    """Temporal's development server as a child of this process, on loopback only.

    `in_memory` forgets everything at the end, for tests; `ui_port=None` leaves the Web UI out.
    """

    name: ClassVar[str] = "temporal"

    port: int
    ui_port: int | None
    directory: Path
    search_attributes: Mapping[str, str]
    retention_days: int
    namespace: str = "default"
    in_memory: bool = False
    child: Child | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @property
    def ui_url(self) -> str | None:
        return None if self.ui_port is None else f"http://127.0.0.1:{self.ui_port}"

    async def start(self) -> None:
        """Starts the server and makes the namespace fit. Raises StackError."""
        # Orders are in there: nobody else looks in.
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            self.log.replace(self.directory / "log.1")
        with self.log.open("ab") as log:
            recipe = Recipe(self.name, self._command(find_temporal()))
            self.child = await Child.start(recipe, log)
        client = await self._answers(self.child)
        await keep_closed_for(client, self.retention_days)
        # A namespace that exists already takes no attributes from the command line.
        await add_search_attributes(client, self.search_attributes)

    async def wait(self) -> int:
        """Waits for the server's end; returns its exit code."""
        assert self.child is not None, "start() comes first"
        return await self.child.wait()

    async def stop(self) -> None:
        """Ends the server. Does nothing when it never started."""
        if self.child is not None:
            await self.child.stop(STOP_PLAN)

    def _command(self, binary: Path) -> list[str]:
        command = [str(binary), "server", "start-dev", "--ip", "127.0.0.1"]
        command += ["--port", str(self.port), "--namespace", self.namespace]
        command += ["--log-level", "warn", "--disable-config-file", "--disable-config-env"]
        if self.ui_port is None:
            command += ["--headless"]
        else:
            command += ["--ui-ip", "127.0.0.1", "--ui-port", str(self.ui_port)]
            command += ["--ui-disable-news-fetch"]  # the Web UI asks nobody outside
        if not self.in_memory:
            command += ["--db-filename", str(self.directory / "temporal.db")]
            for pragma in PRAGMAS:
                command += ["--sqlite-pragma", pragma]
        for key, value in (DYNAMIC_CONFIG | (IN_MEMORY_CONFIG if self.in_memory else {})).items():
            command += ["--dynamic-config-value", f"{key}={value}"]
        for name, kind in self.search_attributes.items():
            command += ["--search-attribute", f"{name}={kind}"]
        return command

    async def _answers(self, child: Child) -> Client:
        give_up_at = time.monotonic() + START_SECONDS
        while child.alive and time.monotonic() < give_up_at:
            with contextlib.suppress(StackError):
                return await connect(self.address, self.namespace)
            await asyncio.sleep(POLL_SECONDS)
        state = "does not answer" if child.alive else "ended at once"
        raise StackError(f"Temporal {state} ({self._last_line()}): see {self.log}.")

    def _last_line(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1].rstrip(".") if lines else "it said nothing"
