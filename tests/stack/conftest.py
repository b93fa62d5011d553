"""Whole stacks of their own, and supervisors to be killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.stack.children import SELF, Identity, launch_command, run_briefly
from ops.stack.preflight import free_port
from settings import Settings

ROOT = Path(__file__).resolve().parents[2]
GONE_SECONDS = 5.0
UP_SECONDS = 30.0


class Supervisor:
    """A process that holds a stack, started as a given user."""

    def __init__(self, settings: Settings, identity: Identity = SELF) -> None:
        command = [sys.executable, "-m", "tests.stack.supervisor", str(settings.data_dir)]
        command += [str(settings.temporal_port), str(settings.ui_port)]
        self.process = subprocess.Popen(
            launch_command(command, identity=identity),
            cwd=ROOT,
            env=os.environ | {"HOME": str(settings.data_dir.parent)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def report(self) -> dict[str, Any]:
        """Waits until the stack is up; returns what the supervisor says about it."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            pytest.fail(f"the supervisor ended: {self.complaint()}")
        report: dict[str, Any] = json.loads(line)
        return report

    def complaint(self) -> str:
        """Waits for its end; returns what it said on stderr."""
        return self.process.communicate(timeout=UP_SECONDS)[1].strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=GONE_SECONDS)

    def stop(self) -> None:
        """Ends it cleanly, so that it leaves no socket behind."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=UP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


Supervise = Callable[..., Supervisor]


@pytest.fixture
def supervise() -> Iterator[Supervise]:
    """Starts supervisors; stops the ones that are left at the end."""
    started: list[Supervisor] = []

    def start(settings: Settings, identity: Identity = SELF) -> Supervisor:
        started.append(Supervisor(settings, identity))
        return started[-1]

    yield start
    for supervisor in started:
        supervisor.stop()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings for a stack that meets no other: own folder, own ports."""
    return Settings(data_dir=tmp_path / "data", temporal_port=free_port(), ui_port=free_port())


@pytest.fixture(scope="session")
def ordinary_user() -> Identity:
    """Somebody who is not root: ourselves, or root in a user namespace, without its powers."""
    if os.geteuid() != 0:
        return SELF
    hidden = Identity("namespace:1000:1000")
    assert run_briefly(["/bin/true"], identity=hidden, seconds=5).returncode == 0, (
        "As root these tests need user namespaces to try an ordinary user; "
        "run them as an ordinary user instead."
    )
    return hidden


def alive(pid: int) -> bool:
    """Tells whether the process runs; one that has ended and waits to be collected does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


async def all_gone(pids: list[int]) -> bool:
    """Waits a bounded time until none of the processes is left."""
    give_up_at = time.monotonic() + GONE_SECONDS
    while any(alive(pid) for pid in pids):
        if time.monotonic() > give_up_at:
            return False
        await asyncio.sleep(0.05)
    return True


def is_one_sentence(text: str) -> bool:
    """One line, one full stop at its end, and something to do in it."""
    return "\n" not in text and text.endswith(".") and ": " in text
