"""Child processes that end when we end, whichever way we end."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LAUNCHER = Path(__file__).with_name("launch.py")
LINE_BYTES_MAX = 1024 * 1024  # a traceback inside one JSON log line is long
AFTER_KILL_SECONDS = 5.0  # the kernel needs a moment to take a killed process away

# What to send and how many seconds to wait for its effect, in order.
StopPlan = Sequence[tuple[signal.Signals, float]]


@dataclass(frozen=True)
class Identity:
    """The user that a child runs as; see `launch.py` for what the words mean."""

    word: str = "self"
    uid: int | None = None  # who owns its files; None leaves them alone
    gid: int | None = None


SELF = Identity()


@dataclass(frozen=True)
class Recipe:
    """How to start one kind of child; the command's path is absolute."""

    name: str
    command: Sequence[str]
    identity: Identity = SELF
    death_signal: signal.Signals = signal.SIGKILL  # what it gets when we are killed
    env: Mapping[str, str] | None = None  # None hands ours on
    cwd: Path = Path("/")


def launch_command(
    command: Sequence[str],
    *,
    identity: Identity = SELF,
    death_signal: signal.Signals = signal.SIGKILL,
) -> list[str]:
    """Returns the command line that starts `command` through the launcher."""
    # -I -S: the launcher needs nothing but the standard library, and starts in 20 ms without it.
    own = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(int(death_signal))]
    return [*own, identity.word, *command]


def run_briefly(
    command: Sequence[str], *, identity: Identity = SELF, seconds: float
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end. Raises subprocess.TimeoutExpired after `seconds`."""
    return subprocess.run(
        launch_command(command, identity=identity),
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds,
        cwd="/",
        stdin=subprocess.DEVNULL,
    )


class Child:
    """One running child process in a session of its own.

    The session keeps the terminal's Ctrl-C away from it: the supervisor decides the order.
    """

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self.process = process

    @classmethod
    async def start(cls, recipe: Recipe, output: IO[bytes] | None = None) -> "Child":
        """Starts one; its output goes to the file, or can be read with `line`.

        Raises RuntimeError outside the main thread: the kernel ties the death signal to the
        thread that forked, and a pool's thread ends long before the process.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("children start from the main thread")
        command = launch_command(
            recipe.command, identity=recipe.identity, death_signal=recipe.death_signal
        )
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=DEVNULL,
            stdout=PIPE if output is None else output,
            stderr=STDOUT,
            cwd=recipe.cwd,
            env=None if recipe.env is None else dict(recipe.env),
            start_new_session=True,
            limit=LINE_BYTES_MAX,
        )
        return cls(recipe.name, process)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def wait(self) -> int:
        """Waits for its end; returns the exit code, minus the signal's number if one ended it."""
        return await self.process.wait()

    async def line(self) -> str | None:
        """Returns its next line of output, or None at the end."""
        if self.process.stdout is None:
            return None
        try:
            raw = await self.process.stdout.readline()
        except ValueError:  # longer than LINE_BYTES_MAX; asyncio has dropped it
            return "(a line too long to show)"
        return raw.decode(errors="replace").rstrip("\r\n") if raw else None

    async def stop(self, plan: StopPlan) -> None:
        """Ends it with each signal in turn, and by SIGKILL when none of them helps."""
        for number, seconds in (*plan, (signal.SIGKILL, AFTER_KILL_SECONDS)):
            if not self.alive:
                return
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), seconds)
