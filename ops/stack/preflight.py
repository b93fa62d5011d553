"""Looks before it leaps: what would stop the servers, found before any of them starts."""

import contextlib
import errno
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.stack.errors import StackError


def require_free_port(port: int, what: str, variable: str, host: str = "127.0.0.1") -> None:
    """Raises StackError when nobody can listen on the port any more."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Connections of the last run that linger are no obstacle to the servers either.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StackError(_port_sentence(error, host, port, what, variable)) from error


def _port_sentence(error: OSError, host: str, port: int, what: str, variable: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} for {what} is already in use: stop the program that listens there, "
            f"or choose another port with {variable}=<number>."
        )
    return (
        f"Port {port} on {host} for {what} cannot be opened ({_reason(error)}): "
        f"choose another with {variable}=<number>."
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
