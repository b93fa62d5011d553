"""API, two workers and relay as processes of their own, started as the compose file starts them.

The engine and the database are the tests' own, and speak no TLS; everything else is what Compose
would run: the commands, the variables, the secrets by file.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from ops.stack.postgres import EmbeddedPostgres
from ops.stack.preflight import free_port
from settings import Settings
from tests.api.factory import fresh_key, order_body
from tests.deploy.composition import ROOT, services
from tests.sinks import Webhook, listening

# Generous, for a busy machine; on an idle one the whole test takes fifteen seconds.
PATIENCE_SECONDS = 90.0
POLL_SECONDS = 0.1
METRICS_KEY = "metrics-key-of-thirty-two-characters"

CHANNELS = """
channels:
  desk:
    url_file: hook
    language: en
    roles: all
"""


@dataclass
class Machine:
    """Starts processes by the compose file's lines, with this machine's addresses instead."""

    folder: Path
    changed: dict[str, str]
    started: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    metrics: dict[str, str] = field(default_factory=dict)

    def environment(self, service: str, name: str) -> dict[str, str]:
        """A service's variables, with the places of this test."""
        inside: dict[str, Any] = services()[service]["environment"]
        ours = {name: str(value) for name, value in inside.items()}
        here = dict(self.changed)
        if "DUELINE_METRICS_ADDRESS" in ours:
            self.metrics[name] = f"127.0.0.1:{free_port()}"
            here["DUELINE_METRICS_ADDRESS"] = self.metrics[name]
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return kept | ours | here

    async def once(self, service: str, *more: str) -> str:
        """Runs a service that ends by itself; returns what it printed."""
        return await self.job([*services()[service]["command"], *more], service)

    async def job(self, command: list[str], service: str) -> str:
        """Runs a command as this service. Fails when the command does."""
        process = await self._start(command, self.environment(service, service))
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        assert process.returncode == 0, err.decode()
        return out.decode()

    async def run(self, service: str, name: str | None = None) -> None:
        """Starts a process that stays."""
        log = self.folder / f"{name or service}.log"
        with log.open("wb") as output:
            self.started[name or service] = await self._start(
                services()[service]["command"], self.environment(service, name or service), output
            )

    async def _start(
        self, command: list[str], env: dict[str, str], output: Any = asyncio.subprocess.PIPE
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ops.cli",
            *command,
            cwd=ROOT,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

    async def stop(self, name: str, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal; returns the exit code."""
        process = self.started.pop(name)
        process.send_signal(number)
        return await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)

    def said(self, name: str) -> str:
        """What a process has logged so far."""
        return (self.folder / f"{name}.log").read_text()

    async def says(self, name: str, words: str) -> None:
        """Waits until a process has logged these words."""
        await until(lambda: words in self.said(name), lambda: f"{name}: {self.said(name)}")


async def until(holds: Callable[[], bool], otherwise: Callable[[], str]) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > give_up_at:
            pytest.fail(otherwise())
        await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def empty_database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The URL of a database that no migration has seen."""
    name = f"apart_{uuid4().hex}"
    connection = await postgres.connect("postgres")
    await connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield postgres.url(name).replace("+asyncpg", "")
    finally:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await connection.close()


@pytest.fixture
async def machine(
    postgres: EmbeddedPostgres, temporal: str, hook: Webhook, tmp_path: Path
) -> AsyncIterator[Machine]:
    """A machine with secrets and channels laid out, and nothing running on it yet."""
    (tmp_path / "channels.yaml").write_text(CHANNELS)
    (tmp_path / "hook").write_text(hook.url)
    (tmp_path / "hook").chmod(0o600)
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "dueline_metrics_key").write_text(METRICS_KEY)
    changed = {
        "DUELINE_SECRETS_DIR": str(secrets),
        "TEMPORAL_ADDRESS": temporal,
        "DUELINE_TEMPORAL_NAMESPACE": "default",
        "DUELINE_TASK_QUEUE": f"apart-{uuid4()}",
        "DUELINE_API_HOST": "127.0.0.1",
        "DUELINE_API_PORT": str(free_port()),
        "DUELINE_CHANNELS": str(tmp_path / "channels.yaml"),
        # A versioned worker waits until somebody makes its version the current one.
        "DUELINE_BUILD": "",
    }
    async with AsyncExitStack() as leaving:
        url = await leaving.enter_async_context(empty_database(postgres))
        (secrets / "database_url").write_text(url)
        machine = Machine(tmp_path, changed)
        try:
            yield machine
        finally:
            for process in machine.started.values():
                if process.returncode is None:  # one that has died of itself hides no other
                    process.kill()
                    await process.wait()


@pytest.fixture
async def hook() -> AsyncIterator[Webhook]:
    """Where the notices go."""
    sink = Webhook()
    async with listening(sink):
        yield sink


@dataclass(frozen=True)
class Desk:
    """A person with a key."""

    http: httpx.AsyncClient

    async def answers(self, path: str, body: Any = None) -> Any:
        """Asks until the platform takes it; the same key makes asking again harmless."""
        headers, last = fresh_key(), ""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            try:
                answer = await (
                    self.http.get(path)
                    if body is None
                    else self.http.post(path, json=body, headers=headers)
                )
            except httpx.TransportError as error:
                last = repr(error)
            else:
                if answer.is_success:
                    return answer.json()
                last = answer.text
                assert answer.status_code == 503, last
            await asyncio.sleep(POLL_SECONDS)
        return pytest.fail(f"{path}: {last}")

    async def does(self, order_id: str, step: str, outcome: str) -> None:
        """Waits for a step's task, and completes it."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            page = await self.answers(f"/tasks?order={order_id}")
            for task in page["items"]:
                if task["step"] == step:
                    await self.answers(f"/tasks/{task['id']}/completion", {"outcome": outcome})
                    return
            await asyncio.sleep(POLL_SECONDS)
        pytest.fail(f"no task for {step}")


async def test_processes_apart_carry_an_order_on_while_one_of_them_dies(
    machine: Machine, hook: Webhook
) -> None:
    factory = ("--master-data", str(ROOT / "examples" / "master"))
    who = ["--name", "desk", "--role", "sales", "--role", "operations", "--json"]
    first = await machine.once("migrate", *factory, "--json")
    again, made = await asyncio.gather(
        machine.once("migrate", *factory, "--json"),
        machine.job(["keys", "add", *who], "migrate"),
    )
    assert again == first

    await asyncio.gather(
        machine.run("api"),
        machine.run("worker", "worker-1"),
        machine.run("worker", "worker-2"),
        machine.run("relay"),
    )
    url = f"http://127.0.0.1:{machine.changed['DUELINE_API_PORT']}"
    headers = {"Authorization": f"Bearer {json.loads(made)['key']}"}
    async with httpx.AsyncClient(
        base_url=url, headers=headers, trust_env=False, timeout=30
    ) as http:
        desk = Desk(http)
        await desk.answers("/readyz")
        order = await desk.answers("/orders", order_body())
        await desk.does(order["id"], "entry", "done")
        await machine.says("worker-1", "worker started")
        await machine.says("worker-2", "worker started")

        assert await machine.stop("worker-1", signal.SIGKILL) == -signal.SIGKILL
        await desk.does(order["id"], "confirm", "confirmed")

        await until(
            lambda: any(f"{order['id']}.review" in key for key in hook.keys),
            lambda: f"no notice of the review among {hook.keys}: {machine.said('relay')}",
        )
        scraped = await http.get("/metrics", headers={"Authorization": f"Bearer {METRICS_KEY}"})
        assert "dueline_http_requests_total" in scraped.text
        if "metrics_address" in Settings.model_fields:
            page = await http.get(f"http://{machine.metrics['worker-2']}/metrics")
            assert "temporal_worker_task_slots_available" in page.text
            assert "dueline_activity_seconds_bucket" in page.text

    codes = await asyncio.gather(*(machine.stop(name) for name in list(machine.started)))

    assert codes == [0, 0, 0]
    assert "relay stopped" in machine.said("relay")
    assert "worker stopped" in machine.said("worker-2")
    assert '"notice"' not in machine.said("worker-2"), "the worker relayed, too"
    database_url = (machine.folder / "secrets" / "database_url").read_text()
    for log in machine.folder.glob("*.log"):
        assert "Traceback" not in log.read_text(), log.read_text()
        assert database_url not in log.read_text()
