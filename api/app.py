"""The application: routers behind one door, errors in one shape, connections for its lifetime."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api import (
    calendars,
    cancelling,
    changes,
    credit,
    differences,
    follow_ups,
    health,
    ledgers,
    notices,
    openapi,
    operations,
    ops_views,
    order_events,
    orders,
    overdue,
    payment_notices,
    payment_reports,
    payments,
    planning,
    profiles,
    refunds,
    reports,
    settlement,
    shipments,
    tasks,
    webhooks,
    windows,
)
from api.access import authorise
from api.faults import field_errors
from api.metrics import Metrics
from api.problems import (
    INVALID,
    KINDS,
    UNKNOWN,
    WRONG_METHOD,
    Kind,
    Problem,
    invalid,
    on_error,
    respond,
)
from api.services import Services
from api.temporal import Temporal
from api.trace import Trace
from policy.loader import Loaded, load_all
from settings import Settings
from store.engine import create_engine
from telemetry.tracing import Tracing

ROUTERS = (
    orders.router,
    windows.router,
    cancelling.router,
    changes.router,
    shipments.router,
    tasks.router,
    differences.router,  # its address would be the id of a payment
    payments.router,
    payment_notices.router,
    payment_reports.router,
    ledgers.router,
    refunds.router,
    settlement.router,
    credit.router,
    planning.router,
    overdue.router,
    follow_ups.router,
    notices.router,
    webhooks.router,
    order_events.router,
    profiles.router,
    calendars.router,
    reports.router,
    operations.router,
    ops_views.router,
    health.router,
)


def create_app(
    settings: Settings,
    *,
    loaded: Loaded | None = None,
    temporal: Temporal | None = None,
    tracing: Tracing | None = None,
) -> FastAPI:
    """The API over the database and the engine that `settings` name.

    Needs `settings.database_url`. `loaded` are the profiles that orders can name, else those of
    the profiles folder; `temporal` is the way to the engine, `tracing` makes spans. Nothing is
    connected before it starts, and it starts without either server: what needs one says 503 until
    it is there.
    """
    assert settings.database_url is not None, "name the database with DATABASE_URL"
    database_url = settings.database_url
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = Services(
            settings=settings,
            database=create_engine(database_url),
            temporal=temporal or Temporal(settings, tracing),
            loaded=loaded if loaded is not None else load_all(),
            metrics=metrics,
        )
        app.state.services = services
        try:
            yield
        finally:
            await services.database.dispose()

    app = FastAPIOffline(  # its page brings its own scripts: a factory may have no internet
        title="Dueline",
        version="0.1.0",
        lifespan=lifespan,
        dependencies=[Depends(authorise)],
        # A redirect would repeat a POST's body at an address nobody wrote down.
        redirect_slashes=False,
        redoc_url=None,
    )
    for router in ROUTERS:
        app.include_router(router)
    kinds: tuple[type[Exception], ...] = (Problem, *KINDS)
    for kind in kinds:
        app.add_exception_handler(kind, on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_parameters)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_middleware(Trace, metrics=metrics, tracer=tracing.tracer if tracing else None)
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]  # FastAPI's own way
    return app


async def _on_invalid_parameters(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return respond(invalid(field_errors(error.errors())))


async def _on_http_error(_: Request, error: Exception) -> Response:
    """What the router refuses by itself: unknown addresses and methods."""
    assert isinstance(error, HTTPException)
    kinds: dict[int, tuple[Kind, str]] = {
        UNKNOWN.status: (UNKNOWN, "nothing lives at this address; see /docs"),
        WRONG_METHOD.status: (WRONG_METHOD, "this address takes other methods; see Allow"),
    }
    kind, detail = kinds.get(error.status_code, (INVALID, str(error.detail)))
    return respond(Problem(kind, detail, headers=error.headers))
