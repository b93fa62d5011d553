"""A factory of its own for each test: fresh database, example master data."""

from collections.abc import AsyncIterator

import pytest

from ops.seed import EXAMPLE_FACTORY, load_master_data
from store.engine import create_engine
from tests.sinks import Webhook, listening
from tests.store.bench import Bench
from tests.store.post import Post


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    """Departments over the example factory."""
    await load_master_data(database_url, EXAMPLE_FACTORY)
    engine = create_engine(database_url, pool_size=20)
    yield Bench(engine)
    await engine.dispose()


@pytest.fixture
async def post(database_url: str) -> AsyncIterator[Post]:
    """An outbox, and a webhook that does not listen yet."""
    engine = create_engine(database_url)
    hook = Webhook()
    async with listening(hook):
        pass  # now it has a port, and nobody answers there
    yield Post(engine, hook)
    await engine.dispose()
