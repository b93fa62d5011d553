"""Servers for the tests that need them. Each loads and starts only when a test asks for it."""

import gc
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from ops.stack.postgres import EmbeddedPostgres

TEMPLATE = "template_dueline"
INTERRUPTED = "_InterruptDeadlockError"
"""What the SDK throws into a thread whose workflow task takes longer than two seconds."""
COLLECT_AFTER = 20_000
"""Allocations before Python looks for garbage; its own 700 cost a tenth of the tests' time."""


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Lets nothing be said of an interruption that hits a destructor.

    On a busy machine a workflow task may take too long; the SDK interrupts it and does it again.
    The interruption may come while garbage is collected, where nobody can catch it.
    """
    others = sys.unraisablehook

    def hook(unraisable: "sys.UnraisableHookArgs") -> None:
        if unraisable.exc_type.__name__ != INTERRUPTED:
            others(unraisable)

    sys.unraisablehook = hook


def pytest_collection_finish() -> None:
    """What is there now stays for the whole run: no garbage collection has to look at it again.

    A long one also stops a workflow task for longer than the SDK allows.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)


@pytest.fixture(scope="session")
def servers_dir() -> Iterator[Path]:
    """A folder that PostgreSQL's user can reach, unlike pytest's own private one."""
    made = Path(tempfile.mkdtemp(prefix="dueline-tests-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
async def postgres(servers_dir: Path) -> "AsyncIterator[EmbeddedPostgres]":
    """One PostgreSQL for each test process: 1 s to make, and nothing to share or to lock."""
    from ops.stack.postgres import EmbeddedPostgres

    server = EmbeddedPostgres(servers_dir / "postgres", durable=False)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()


@pytest.fixture(scope="session")
async def template_database(postgres: "EmbeddedPostgres") -> str:
    """The name of a database at the newest migration, to be copied and never written to."""
    from store.migrate import migrate

    connection = await postgres.connect("postgres")
    try:
        await connection.execute(f'CREATE DATABASE "{TEMPLATE}"')
    finally:
        await connection.close()
    await migrate(postgres.url(TEMPLATE))
    return TEMPLATE


@pytest.fixture
async def database_url(postgres: "EmbeddedPostgres", template_database: str) -> AsyncIterator[str]:
    """The SQLAlchemy URL of a fresh, migrated database that this test has for itself."""
    name = f"test_{uuid4().hex}"
    connection = await postgres.connect("postgres")
    try:
        # FILE_COPY checkpoints the whole server; copying the log does not.
        await connection.execute(
            f'CREATE DATABASE "{name}" TEMPLATE "{template_database}" STRATEGY WAL_LOG'
        )
        try:
            yield postgres.url(name)
        finally:
            await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def temporal(servers_dir: Path) -> AsyncIterator[str]:
    """The address of a Temporal in memory that can skip time and knows our search attributes."""
    from ops.stack.preflight import free_port
    from ops.stack.temporal import EmbeddedTemporal
    from workflows.search import SEARCH_ATTRIBUTES

    server = EmbeddedTemporal(
        port=free_port(),
        ui_port=None,
        directory=servers_dir / "temporal",
        search_attributes=SEARCH_ATTRIBUTES,
        retention_days=1,
        in_memory=True,
    )
    try:
        await server.start()
        yield server.address
    finally:
        await server.stop()
