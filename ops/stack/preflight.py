"""Looks before it leaps: what would stop the servers, found before any of them starts."""

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.stack.errors import StackError

LINGER_SECONDS = 2.0
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Port:
    """A port that a server of ours is going to listen on."""

    number: int
    what: str
    variable: str  # the setting that moves it
    host: str = "127.0.0.1"


async def require_free(port: Port) -> None:
    """Raises StackError when nobody can listen on the port, now or in a moment."""
    give_up_at = time.monotonic() + LINGER_SECONDS
    while True:
        try:
            return _try_to_listen(port)
        except OSError as error:
            # The servers of a supervisor that was killed just now are still on their way out.
            if error.errno != errno.EADDRINUSE or time.monotonic() > give_up_at:
                raise StackError(_port_sentence(error, port)) from error
        await asyncio.sleep(POLL_SECONDS)


def _try_to_listen(port: Port) -> None:
    family = socket.AF_INET6 if ":" in port.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Connections of the last run that linger are no obstacle to the servers either.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((port.host, port.number))


def _port_sentence(error: OSError, port: Port) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port.number} for {port.what} is already in use: "
            "stop the program that listens there, "
            f"or choose another port with {port.variable}=<number>."
        )
    return (
        f"Port {port.number} on {port.host} for {port.what} cannot be opened ({_reason(error)}): "
        f"choose another with {port.variable}=<number>."
    )


def free_port() -> int:
    """Returns a loopback port that is free now; another program may take it before you do."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def require_writable(directory: Path) -> None:
    """Makes the data directory if it is missing. Raises StackError when we cannot write there."""
    try:
        if not directory.exists():
            directory.mkdir(parents=True)
            # As root PostgreSQL runs as another user, who must pass through but not look around.
            directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise StackError(
            f"The data directory {directory} cannot be written to ({_reason(error)}): "
            "allow it, or choose another with DUELINE_DATA_DIR=<folder>."
        ) from error


@contextmanager
def only_one(directory: Path) -> Iterator[None]:
    """Holds the data directory for this process. Raises StackError when another holds it.

    The lock is the kernel's, so a killed process leaves none behind.
    """
    path = directory / "lock"
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise StackError(
                f"Another Dueline (process {holder}) already runs on {directory}: "
                "stop it first, or choose another folder with DUELINE_DATA_DIR=<folder>."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def remove_quietly(path: Path) -> None:
    """Removes a file or an empty directory, if it is there."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
