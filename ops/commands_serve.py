"""`dueline worker`, `api`, `relay` and `migrate`: one process each, where they run apart."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from domain.errors import DuelineError
from settings import Settings

AsJson = Annotated[bool, Parameter(name="--json", negative="")]


async def worker() -> int:
    """Runs a worker until SIGTERM or Ctrl-C, then lets running activities finish (20 s at most).

    Any number of them may run. It sends notices, too, unless DUELINE_RELAY_IN_WORKER is false.

    Example: DATABASE_URL=postgresql://… TEMPORAL_ADDRESS=temporal:7233 dueline worker
    """
    import worker as process
    from connecting import access_of
    from ops.stack.namespace import connect
    from ops.stack.stack import check_database
    from telemetry.log import configure_log

    settings = Settings()
    configure_log(settings.log_format)
    url, address = _servers(settings)
    await check_database(url)
    await connect(address, settings.temporal_namespace, access_of(settings))
    await process.run(settings)
    return 0


def api() -> int:
    """Serves the API until SIGTERM or Ctrl-C, then answers what it has begun.

    Example: DATABASE_URL=postgresql://… TEMPORAL_ADDRESS=temporal:7233 dueline api
    """
    from api.__main__ import main

    return main()


async def relay() -> int:
    """Sends notices and webhooks until SIGTERM or Ctrl-C, which ends nothing that is being sent.

    One is enough; two are safe, and the second takes over when the first dies.

    Example: DATABASE_URL=postgresql://… DUELINE_CHANNELS=channels.yaml dueline relay
    """
    import structlog

    from activities.relay import run_relay
    from activities.webhook_relay import run_webhooks
    from ops.stack.stack import check_database
    from store.engine import create_engine
    from telemetry.log import configure_log
    from telemetry.metrics import start_runtime

    settings = Settings()
    configure_log(settings.log_format)
    start_runtime(settings.log_format, settings.metrics_address)
    url = _database(settings)
    await check_database(url)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    log = structlog.get_logger("dueline.relay")
    engine = create_engine(url)
    log.info("relay started")
    async with asyncio.TaskGroup() as beside:
        beside.create_task(run_relay(engine, settings.channels, stop))
        beside.create_task(
            run_webhooks(engine, settings.webhook_key, stop, private=settings.webhook_private)
        )
    await engine.dispose()
    log.info("relay stopped")
    return 0


async def migrate(
    *,
    master_data: Annotated[Path | None, Parameter(negative="")] = None,
    as_json: AsJson = False,
) -> None:
    """Makes database and engine fit for this version; running it again changes nothing.

    Brings the tables to the newest migration, publishes each shipped calendar that never was, and
    adds missing search attributes to the Temporal namespace. Run it before the new version starts.

    Examples

        dueline migrate
        dueline migrate --master-data examples/master
        dueline migrate --json

    Parameters
    ----------
    master_data
        Also load customers, materials, lines and products from this folder; examples/master shows
        the files. Known ones are corrected, none is removed, stock stays as it is.
    """
    from connecting import access_of
    from ops.seed import load_master_data, seed_calendars
    from ops.stack.namespace import add_search_attributes, connect
    from ops.stack.stack import check_database
    from store.migrate import migrate as migrate_database
    from workflows.search import SEARCH_ATTRIBUTES

    settings = Settings()
    url, address = _servers(settings)
    if master_data is not None and not (master_data / "customers.json").is_file():
        raise DuelineError(f"{master_data} has no customers.json: name a folder of master data.")
    await check_database(url)
    await migrate_database(url)
    if master_data is not None:
        await load_master_data(url, master_data)
    remarks = await seed_calendars(url)
    client = await connect(address, settings.temporal_namespace, access_of(settings))
    await add_search_attributes(client, SEARCH_ATTRIBUTES)
    if as_json:
        done = {"database": "current", "search_attributes": sorted(SEARCH_ATTRIBUTES)}
        print(json.dumps(done | {"remarks": remarks}, ensure_ascii=False, indent=2))
        return
    for remark in remarks:
        print(f"{remark[0].upper()}{remark[1:]}.")
    print("Database, calendars and search attributes fit this version.")


def _servers(settings: Settings) -> tuple[str, str]:
    if settings.temporal_address is None:
        raise DuelineError(
            "TEMPORAL_ADDRESS is not set: name the Temporal server as host:port, "
            "or run everything on this machine with `dueline up`."
        )
    return _database(settings), settings.temporal_address


def _database(settings: Settings) -> str:
    if settings.database_url is None:
        raise DuelineError(
            "DATABASE_URL is not set: name the database as postgresql://user:password@host/name, "
            "or put it into the file database_url of DUELINE_SECRETS_DIR."
        )
    return settings.database_url
