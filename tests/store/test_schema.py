"""The migrations make exactly the tables that the code knows."""

import asyncio
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from store.engine import create_engine
from store.migrate import migrate
from store.schema import metadata

# Everything that a table is made of, as PostgreSQL itself says it; schema names left out.
CATALOGUE = """
SELECT 'column', table_name, column_name,
       concat_ws(' ', data_type, character_maximum_length, numeric_precision, numeric_scale,
                 is_nullable, column_default, udt_name, is_identity)
  FROM information_schema.columns WHERE table_schema = :schema
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = cast(:schema AS regnamespace) AND conrelid <> 0
UNION ALL
SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = :schema
UNION ALL
SELECT 'sequence', sequencename, '', data_type::text FROM pg_sequences WHERE schemaname = :schema
"""


def catalogue(connection: Connection, schema: str) -> set[tuple[str, ...]]:
    rows = connection.execute(text(CATALOGUE), {"schema": schema})
    return {
        tuple(str(value).replace(f"{schema}.", "") for value in row)
        for row in rows
        if "alembic_version" not in str(row)
    }


async def run(url: str, work: Any) -> Any:
    engine = create_engine(url)
    async with engine.begin() as conn:
        done = await conn.run_sync(work)
    await engine.dispose()
    return done


async def test_the_migrations_and_the_tables_agree_in_every_detail(database_url: str) -> None:
    def both(connection: Connection) -> tuple[set[Any], set[Any]]:
        migrated = catalogue(connection, "public")
        connection.execute(text("CREATE SCHEMA mirror"))
        connection.execute(text("SET LOCAL search_path TO mirror, public"))
        metadata.create_all(connection, checkfirst=False)
        return migrated, catalogue(connection, "mirror")

    migrated, declared = await run(database_url, both)

    assert len(declared) > 200
    hint = 'write one: alembic revision --autogenerate -m "what it does"'
    assert migrated == declared, f"tables.py has changed without a migration; {hint}"


async def test_alembic_finds_nothing_to_migrate(database_url: str) -> None:
    def difference(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    assert await run(database_url, difference) == []


async def test_migrating_again_from_several_processes_changes_nothing(database_url: str) -> None:
    await asyncio.gather(*(migrate(database_url) for _ in range(3)))
