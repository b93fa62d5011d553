"""Signs of life, and what Prometheus scrapes."""

import asyncio

from fastapi import APIRouter, Response

from api.metrics import Standing, exposition
from api.problems import AWAY, RETRY_SECONDS, FieldError, Problem
from api.services import Services, Wired
from domain.base import Record
from store.counting import count
from store.reading import answers, database_is_away
from store.rows import Counts

router = APIRouter(tags=["health"])

READY_SECONDS = 2.0
# A scraper gives up after ten.
COUNT_SECONDS = 8.0


class Health(Record):
    """All is well."""

    status: str = "ok"


@router.get("/healthz")
async def alive() -> Health:
    """Says that the process lives; asks nobody."""
    return Health()


@router.get("/readyz")
async def ready(services: Wired) -> Health:
    """Says whether orders can be taken: 503 names what does not answer."""
    database, engine = await asyncio.gather(
        _database(services), services.temporal.ping(), return_exceptions=True
    )
    found = {"database": database, "temporal": engine}
    missing = [name for name, failure in found.items() if isinstance(failure, Exception)]
    if missing:
        raise Problem(
            AWAY,
            f"no answer from {' and '.join(missing)}",
            [FieldError(field=name, message="does not answer") for name in missing],
            headers={"Retry-After": str(RETRY_SECONDS)},
        )
    return Health()


async def _database(services: Services) -> None:
    async with asyncio.timeout(READY_SECONDS), services.reading() as conn:
        await answers(conn)


@router.get("/metrics", response_class=Response)
async def metrics(services: Wired) -> Response:
    """Counters in Prometheus' text format; without the database those that need none."""
    counts, engine_up = await asyncio.gather(_counts(services), _engine_is_up(services))
    body, media_type = exposition(services.metrics, Standing(counts, engine_up=engine_up))
    return Response(body, media_type=media_type)


async def _counts(services: Services) -> Counts | None:
    """What the database counts; none when it does not answer in time."""
    try:
        async with asyncio.timeout(COUNT_SECONDS), services.reading() as conn:
            return await count(conn)
    except Exception as error:
        if isinstance(error, TimeoutError) or database_is_away(error):
            return None
        raise


async def _engine_is_up(services: Services) -> bool:
    try:
        await services.temporal.ping()
    except Problem:
        return False
    return True
