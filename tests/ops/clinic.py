"""Runs what `ops stuck` proposes, as an operator would: on the command line, a few at a time.

The first command of each kind runs as a process of its own, which takes seconds to start; the
others run the same command line here.
"""

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from api.app import create_app
from ops import cli
from ops.repair.site import Site
from ops.repair.stuck_model import Finding
from settings import Settings
from tests import loopback
from tests.ops.conftest import ROOT, Dueline

AT_ONCE = 3  # commands; each is a process
SERVING = ("dueline worker", "dueline relay")
"""Cures that are processes: they run until they are told to end."""


@dataclass
class Clinic:
    """Where commands are run. Workers that a cure starts live as long as the stack."""

    site: Site
    dueline: Dueline
    database_url: str
    temporal: str
    folder: Path
    stack: AsyncExitStack
    tried: set[str] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        """What commands have to know of the place."""
        return {
            "DATABASE_URL": self.database_url,
            "TEMPORAL_ADDRESS": self.temporal,
            "DUELINE_TASK_QUEUE": self.site.task_queue,
            "DUELINE_DATA_DIR": str(self.folder),
            "DUELINE_API_KEY": f"key-of-{self.site.by}",
        }

    async def cure(self, findings: list[Finding]) -> list[tuple[str, int, str]]:
        """Runs the command of each finding, the same one once; what failed, and how."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def run(command: str) -> tuple[str, int, str]:
            async with gate:
                return command, *(await self._run(shlex.split(command)[1:]))

        for finding in findings:
            if finding.cure in SERVING:
                queue = finding.evidence.queue or self.site.task_queue
                await self.stack.enter_async_context(self._process(finding.cure, queue))
        commands = dict.fromkeys(one.cure for one in findings if one.cure not in SERVING)
        said = await asyncio.gather(*(run(command) for command in commands))
        return [(command, code, words) for command, code, words in said if code != 0]

    async def _run(self, arguments: list[str]) -> tuple[int, str]:
        kind = " ".join(arguments[:2])
        if kind in self.tried:
            return await asyncio.to_thread(cli.run, arguments), ""
        self.tried.add(kind)
        said = await self.dueline(*arguments)
        return said.code, said.out + said.err

    @asynccontextmanager
    async def _process(self, command: str, queue: str) -> AsyncIterator[None]:
        """A process on a queue, until it is told to end."""
        env = os.environ | self.environment | {"DUELINE_TASK_QUEUE": queue}
        with (self.folder / "serving.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ops.cli", *shlex.split(command)[1:]),
                cwd=ROOT,
                env=env,
                stdout=log,
                stderr=log,
            )
        try:
            yield
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()


@asynccontextmanager
async def served(database_url: str, temporal: str, task_queue: str) -> AsyncIterator[str]:
    """The API on loopback, for the commands that ask it; its address."""
    settings = Settings(database_url=database_url, temporal_address=temporal, task_queue=task_queue)
    async with loopback.served(create_app(settings), lifespan="on") as address:
        yield address
