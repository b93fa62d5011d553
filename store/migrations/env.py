"""Alembic's entry: uses the connection of `store.migrate`, or opens one from DATABASE_URL.

The second way is for writing a new migration:
`DATABASE_URL=postgresql+asyncpg://… alembic revision --autogenerate -m "what it does"`.
"""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from store.engine import create_engine
from store.schema import metadata


def run_migrations(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()


async def run_from_environment() -> None:
    engine = create_engine(os.environ["DATABASE_URL"])
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run_migrations)
            await connection.commit()
    finally:
        await engine.dispose()


if "connection" in context.config.attributes:
    run_migrations(context.config.attributes["connection"])
else:
    asyncio.run(run_from_environment())
