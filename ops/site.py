"""The way of the command line into a platform: its engine and its database, without the API."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from temporalio.client import Client
from temporalio.service import RPCError

from connecting import access_of, connect
from domain.errors import DuelineError, NotAllowed
from domain.roles import Role
from ops.client import local_keys
from ops.repair.site import Site
from ops.stack.postgres import local_url
from settings import Settings
from store.engine import Engine, create_engine
from store.keys import KeyHolder, holder_of

OPERATIONS = (Role.OPERATIONS,)


@asynccontextmanager
async def open_site(
    key: str | None, roles: Iterable[Role] = OPERATIONS, *, engine_may_be_away: bool = False
) -> AsyncIterator[Site]:
    """The platform that the settings name, else the one that runs here, as the key's holder.

    The key has to hold one of `roles`. Raises DuelineError when something is not there; an engine
    that `engine_may_be_away` is first called when somebody asks it.
    """
    settings = Settings()
    url = settings.database_url or local_url(settings.data_dir / "postgres")
    if url is None:
        raise DuelineError(
            f"No platform runs in {settings.data_dir}: start it with `make up`, or name its "
            "servers with DATABASE_URL and TEMPORAL_ADDRESS."
        )
    database = create_engine(url, pool_size=4)
    try:
        holder = await _holder(settings, database, key, tuple(roles))
        yield Site(
            client=await _connected(settings, lazy=engine_may_be_away),
            database=database,
            task_queue=settings.task_queue,
            by=holder.name,
            roles=holder.roles,
            ui_url=settings.web_ui_url,
        )
    except RPCError as error:
        raise DuelineError(
            f"Temporal did not do it: {error.message}. See whether it runs, then ask again; what "
            "was done before is in `dueline ops trail`."
        ) from error
    finally:
        await database.dispose()


async def _holder(
    settings: Settings, database: Engine, key: str | None, roles: tuple[Role, ...]
) -> KeyHolder:
    presented = key or local_keys(settings.data_dir).get(roles[0])
    if presented is None:
        raise DuelineError(
            f"There is no key for {roles[0].words} in {settings.data_dir}: name one with --key or "
            "DUELINE_API_KEY; what operations do is written down under its name."
        )
    try:
        async with database.connect() as conn:
            holder = await holder_of(conn, presented)
    except OSError as error:
        raise DuelineError(
            "The database does not answer: start the platform with `make up`, or correct "
            "DATABASE_URL."
        ) from error
    if holder is None:
        raise DuelineError("The key is unknown or was revoked: name another with --key.")
    if set(roles).isdisjoint(holder.roles):
        raise NotAllowed(tuple(role.value for role in roles))
    return holder


async def _connected(settings: Settings, *, lazy: bool) -> Client:
    address = settings.temporal_address or f"127.0.0.1:{settings.temporal_port}"
    try:
        return await connect(address, settings.temporal_namespace, access_of(settings), lazy=lazy)
    except RuntimeError as error:  # what the SDK raises when nobody listens
        raise DuelineError(
            f"Temporal does not answer at {address}: start the platform with `make up`, or "
            "correct TEMPORAL_ADDRESS."
        ) from error
