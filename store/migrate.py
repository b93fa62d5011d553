"""Brings a database to the schema of `tables.py`; safe to run from several processes at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

MIGRATIONS = Path(__file__).parent / "migrations"
# Any constant will do, as long as every process uses the same one.
MIGRATION_LOCK = 20_417_003


async def migrate(database_url: str) -> None:
    """Runs every migration that the database has not seen; does nothing when there is none."""
    engine = create_async_engine(database_url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK}
            )
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


async def is_migrated(database_url: str) -> bool:
    """Tells whether any migration has run on this database."""
    engine = create_async_engine(database_url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return bool(
                await connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
            )
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
