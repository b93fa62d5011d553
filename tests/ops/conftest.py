"""Operations at a floor of their own: a site to work at, and the command line as people call it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from domain.roles import Role
from ops.repair.site import Site
from store.keys import digest_of
from store.tables import api_keys
from tests.ops.ward import Ward, give_keys
from tests.workflow.conftest import idle_floor, staffed
from tests.workflow.floor import Floor
from tests.workflow.operating import site_of
from worker import build_worker

__all__ = ["idle_floor", "staffed"]

ROOT = Path(__file__).parents[2]
COMMAND_SECONDS = 120.0
KEYS = {"ops-1": Role.OPERATIONS, "ops-2": Role.OPERATIONS, "leader": Role.LEADERSHIP}
"""Keys of the site, by their names; the key itself is `key-of-<name>`."""


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.out)


Dueline = Callable[..., Awaitable[Said]]


@pytest.fixture
async def floor(idle_floor: Floor) -> AsyncIterator[Floor]:
    """A floor at work as in production, without the guard that imports workflows for each order."""
    worker = build_worker(idle_floor.skipper.client, idle_floor.engine, idle_floor.task_queue)
    async with worker:
        yield idle_floor


@pytest.fixture
async def site(idle_floor: Floor) -> Site:
    """The floor as operations reach it, with keys for two operators and the leadership."""
    async with idle_floor.engine.begin() as conn:
        await conn.execute(
            api_keys.insert(),
            [
                {"digest": digest_of(f"key-of-{name}"), "name": name, "roles": [role.value]}
                for name, role in KEYS.items()
            ],
        )
    return site_of(idle_floor)


@pytest.fixture
async def ward(idle_floor: Floor) -> AsyncIterator[Ward]:
    """The floor at work, where orders can be made ill; every role but one has a key."""
    await give_keys(idle_floor.engine)
    async with AsyncExitStack() as stack:
        made = Ward(idle_floor, stack)
        await made.deploy(idle_floor)
        try:
            yield made
        finally:
            await made.close()


@pytest.fixture
def dueline(site: Site, database_url: str, temporal: str, tmp_path: Path) -> Dueline:
    """Runs `dueline …` as a process of its own against the floor: `await dueline("ops", "stuck")`.

    `by` is whose key it uses, `engine` the address where it looks for Temporal.
    """

    async def run(*arguments: str, by: str = "ops-1", engine: str = temporal) -> Said:
        env = os.environ | {
            "DATABASE_URL": database_url,
            "TEMPORAL_ADDRESS": engine,
            "DUELINE_TASK_QUEUE": site.task_queue,
            "DUELINE_API_KEY": f"key-of-{by}",
            "DUELINE_DATA_DIR": str(tmp_path),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ops.cli",
            *arguments,
            cwd=ROOT,
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())

    return run
