"""The two servers under the platform: ours, or those that the settings name."""

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol, Self

import asyncpg

from connecting import access_of
from ops.stack.errors import StackError
from ops.stack.namespace import add_search_attributes, connect
from ops.stack.postgres import EmbeddedPostgres
from ops.stack.preflight import Port, only_one, require_free, require_writable
from ops.stack.temporal import EmbeddedTemporal
from settings import Settings

CONNECT_SECONDS = 5.0


class Service(Protocol):
    """Something that runs until it is stopped, and can be started again when it dies."""

    @property
    def name(self) -> str:
        """What the log calls it."""

    async def start(self) -> None:
        """Starts it, and returns when it can be used."""

    async def wait(self) -> int:
        """Waits for its end; returns the exit code."""

    async def stop(self) -> None:
        """Ends it; does nothing when it never started."""


class Stack:
    """PostgreSQL and Temporal for one data directory, as an async context manager.

    Starts what the settings do not name, both at once, and closes in reverse order. `services`
    are the children it owns, `ports` what the caller needs free besides. Raises StackError with
    one sentence when that cannot be.
    """

    def __init__(
        self, settings: Settings, search_attributes: Mapping[str, str], ports: Sequence[Port] = ()
    ) -> None:
        self.settings = settings
        self.search_attributes = search_attributes
        self.ports = ports
        self.services: Sequence[Service] = ()
        self.database_url = settings.database_url or ""
        self.temporal_address = settings.temporal_address or ""
        self.ui_url: str | None = None
        self._closing = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as opening:
            require_writable(self.settings.data_dir)
            opening.enter_context(only_one(self.settings.data_dir))
            for port in (*self.ports, *self._own_ports()):
                await require_free(port)
            await self._start(opening)
            self._closing = opening.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._closing.aclose()

    async def _start(self, opening: contextlib.AsyncExitStack) -> None:
        settings = self.settings
        # PostgreSQL closes last: whoever still writes finds it.
        postgres = None if self.database_url else EmbeddedPostgres(settings.data_dir / "postgres")
        temporal = None if self.temporal_address else self._embedded_temporal()
        self.services = [service for service in (postgres, temporal) if service is not None]
        for service in self.services:
            opening.push_async_callback(service.stop)
        await _all(
            postgres.start() if postgres else check_database(self.database_url),
            temporal.start() if temporal else self._fit_namespace(),
        )
        if postgres:
            self.database_url = postgres.url()
        if temporal:
            self.temporal_address, self.ui_url = temporal.address, temporal.ui_url

    def _own_ports(self) -> Sequence[Port]:
        if self.temporal_address:
            return ()
        return (
            Port(self.settings.temporal_port, "Temporal", "DUELINE_TEMPORAL_PORT"),
            Port(self.settings.ui_port, "Temporal's Web UI", "DUELINE_UI_PORT"),
        )

    def _embedded_temporal(self) -> EmbeddedTemporal:
        settings = self.settings
        return EmbeddedTemporal(
            port=settings.temporal_port,
            ui_port=settings.ui_port,
            directory=settings.data_dir / "temporal",
            search_attributes=self.search_attributes,
            retention_days=settings.retention_days,
            namespace=settings.temporal_namespace,
        )

    async def _fit_namespace(self) -> None:
        # Retention of somebody else's server is somebody else's decision.
        client = await connect(
            self.temporal_address, self.settings.temporal_namespace, access_of(self.settings)
        )
        await add_search_attributes(client, self.search_attributes)


async def check_database(url: str) -> None:
    """Raises StackError when the database that DATABASE_URL names does not let us in."""
    try:
        connection = await asyncpg.connect(
            url.replace("postgresql+asyncpg://", "postgresql://").replace("ssl=", "sslmode="),
            timeout=CONNECT_SECONDS,
        )
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError) as error:
        place = url.rpartition("@")[2].partition("?")[0].removeprefix("postgresql+asyncpg://")
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StackError(
            f"The database at {place} does not let us in ({reason}): "
            "start it, or correct DATABASE_URL."
        ) from error
    await connection.close()


async def _all(*starts: Coroutine[Any, Any, None]) -> None:
    """Runs them side by side; the first failure cancels the others and is raised as it is."""
    tasks = [asyncio.ensure_future(start) for start in starts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
