"""A floor outside pytest, for measuring and recording: own servers, ended at the end."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from ops.seed import load_master_data
from ops.stack.postgres import EmbeddedPostgres
from ops.stack.preflight import free_port
from ops.stack.temporal import EmbeddedTemporal
from store.engine import create_engine
from store.migrate import migrate
from tests.workflow.floor import Floor
from worker import connect
from workflows.search import SEARCH_ATTRIBUTES

EXAMPLES = Path(__file__).parents[1] / "examples"


@asynccontextmanager
async def own_floor(folder: Path | None = None) -> AsyncIterator[Floor]:
    """Servers as `make up` runs them, with the example factory and no worker.

    Whoever wants to look at their files says where; the folder is removed at the end.
    """
    folder = folder or Path(tempfile.mkdtemp(prefix="dueline-floor-"))
    os.chmod(folder, 0o711)  # PostgreSQL's user passes through
    postgres = EmbeddedPostgres(folder / "postgres")
    temporal = EmbeddedTemporal(
        port=free_port(),
        ui_port=None,
        directory=folder / "temporal",
        search_attributes=SEARCH_ATTRIBUTES,
        retention_days=1,
    )
    try:
        await postgres.start()
        await temporal.start()
        connection = await postgres.connect("postgres")
        await connection.execute("CREATE DATABASE floor")
        await connection.close()
        url = postgres.url("floor")
        await migrate(url)
        await load_master_data(url, EXAMPLES / "master")
        engine = create_engine(url)
        try:
            client = await connect(temporal.address, "default")
            yield Floor(engine, client, f"floor-{uuid4()}")
        finally:
            await engine.dispose()
    finally:
        await temporal.stop()
        await postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
