"""The way into PostgreSQL: one engine a process."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Executable
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

Engine = AsyncEngine
"""Where connections come from; others name it without importing sqlalchemy."""

Connection = AsyncConnection
"""One connection, inside a transaction."""

Conflict = IntegrityError
"""A constraint said no; the transaction is lost."""

Result = TypeVar("Result")

DEADLOCK = "40P01"

POOL_SIZE = 10
OVERFLOW_CONNECTIONS_MAX = 10
POOL_TIMEOUT_SECONDS = 30.0


def create_engine(url: str, pool_size: int = POOL_SIZE) -> Engine:
    """An engine for a `postgresql+asyncpg://` URL; connects at first use. Dispose of it."""
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=OVERFLOW_CONNECTIONS_MAX,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        # A database that was restarted costs one round trip, not one failed request a connection.
        pool_pre_ping=True,
        hide_parameters=True,  # an order body in an error would put personal data into the log
    )


async def execute_each(
    conn: Connection, statement: Executable, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Executes a statement for each row, in their order, for the price of about one."""
    # Without rows SQLAlchemy would insert one of defaults.
    if rows:
        await conn.execute(statement, rows)


async def written(engine: Engine, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Does `work` in one transaction; once more when it and another waited for each other.

    The database ends one of the two, of which nothing stays. Raises whatever goes wrong otherwise.
    """
    try:
        async with engine.begin() as conn:
            return await work(conn)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != DEADLOCK:
            raise
    async with engine.begin() as conn:
        return await work(conn)


def database_words(error: BaseException) -> str | None:
    """What the database said, without the values it said it of; none for any other error.

    PostgreSQL's own words quote the whole row that it refused.
    """
    if not isinstance(error, DBAPIError):
        return None
    cause = error.orig.__cause__ if error.orig is not None else None
    named = [type(cause or error.orig or error).__name__]
    for what in ("constraint", "table", "column"):
        if name := getattr(cause, f"{what}_name", None):
            named.append(f"{what} {name}")
    return f"the database says {', '.join(named)}"
