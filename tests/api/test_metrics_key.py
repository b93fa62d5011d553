"""Prometheus from another machine: its key opens the numbers, and nothing else."""

from collections.abc import AsyncIterator

import httpx
import pytest

from api.app import create_app
from policy.loader import Loaded
from settings import Settings
from tests.api.conftest import NOBODY_LISTENS, House

KEY = "what-prometheus-alone-presents-0123456789"
ELSEWHERE = ("10.1.2.3", 40_000)


@pytest.fixture
async def scraper(house: House, loaded: Loaded) -> AsyncIterator[httpx.AsyncClient]:
    """A client on another machine, of an API that knows the key."""
    settings = Settings(
        database_url=house.database_url, temporal_address=NOBODY_LISTENS, metrics_key=KEY
    )
    app = create_app(settings, loaded=loaded)
    transport = httpx.ASGITransport(app, client=ELSEWHERE)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api") as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("key", "path", "status"),
    [
        (KEY, "/metrics", 200),
        (KEY[:-1], "/metrics", 401),
        ("", "/metrics", 401),
        (KEY, "/orders", 401),
    ],
)
async def test_the_key_opens_the_numbers_and_nothing_else(
    scraper: httpx.AsyncClient, key: str, path: str, status: int
) -> None:
    answer = await scraper.get(path, headers={"Authorization": f"Bearer {key}"})

    assert answer.status_code == status


def test_a_key_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        Settings(metrics_key="short")
