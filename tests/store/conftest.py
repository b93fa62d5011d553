"""A factory of its own for each test: fresh database, example master data."""

from collections.abc import AsyncIterator

import pytest

from ops.seed import EXAMPLE_FACTORY, load_master_data
from store.engine import create_engine
from tests.store.bench import Bench


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    """Departments over the example factory."""
    await load_master_data(database_url, EXAMPLE_FACTORY)
    engine = create_engine(database_url, pool_size=20)
    yield Bench(engine)
    await engine.dispose()
