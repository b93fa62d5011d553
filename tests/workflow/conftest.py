"""A floor of its own for each test: a fresh database, a task queue, a worker."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.worker import Worker

from ops.seed import load_master_data
from store.engine import create_engine
from tests.workflow.floor import Floor
from worker import build_worker, connect, sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
async def idle_floor(database_url: str, temporal: str) -> AsyncIterator[Floor]:
    """A floor without a worker."""
    engine = create_engine(database_url)
    await load_master_data(database_url, EXAMPLES / "master")
    client = await connect(temporal, "default")
    yield Floor(engine, client, f"floor-{uuid4()}")
    await engine.dispose()


@pytest.fixture
async def floor(idle_floor: Floor) -> AsyncIterator[Floor]:
    """A floor at work."""
    async with staffed(idle_floor):
        yield idle_floor


def staffed(floor: Floor) -> Worker:
    """A guarded worker, to be entered; it starts overdue cases with the floor's clock."""
    return build_worker(floor.skipper.client, floor.engine, floor.task_queue, runner=sandbox())
