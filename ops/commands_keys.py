"""`dueline keys`: who may call the API; on the database itself, for the first key has no API."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from domain.errors import DuelineError
from domain.roles import Role
from ops.commands_serve import AsJson
from ops.seed import KEY_BYTES
from ops.stack.postgres import local_url
from ops.stack.stack import check_database
from settings import Settings
from store import keys
from store.engine import Conflict, Connection, create_engine
from store.migrate import is_migrated

KEY_LENGTH_MIN = 32  # shorter ones can be guessed; ours have 43 characters of chance

app = App(
    name="keys",
    help="Make, list and revoke API keys, in DATABASE_URL or the platform of `dueline up`.",
)


@app.command
async def add(
    *,
    name: str,
    role: Annotated[list[Role], Parameter(negative="")],
    customer: str | None = None,
    key_file: Annotated[Path | None, Parameter(negative="")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it once; the database keeps its digest only.

    Examples

        dueline keys add --name "Wang Li" --role planning --role production
        dueline keys add --name portal-c1 --role customer --customer C-0001
        dueline keys add --name prometheus --role operations --key-file /run/secrets/metrics_key

    Parameters
    ----------
    name
        Whose key it is: a person's or a program's name. Stories and audit say it.
    role
        What its holder may do; name several by repeating it.
    customer
        The customer for whom a key with the role customer speaks.
    key_file
        Let in the key of this file instead of making one, and print nothing secret. The same file
        again changes nothing.
    """
    if not name.strip():
        raise DuelineError("--name is blank: say whose key it is.")
    if (Role.CUSTOMER in role) != (customer is not None):
        raise DuelineError("--customer and --role customer go together: give both or neither.")
    key = _from(key_file) if key_file else f"dl_{role[0].value}_{secrets.token_urlsafe(KEY_BYTES)}"
    made: dict[str, Any] = {"name": name, "roles": sorted(set(role)), "customer": customer}
    async with _database() as conn:
        there = await keys.open_keys(conn, name)
        if key_file and keys.digest_of(key) in there:
            _say(as_json, made | {"added": False}, f"The key {name} is there already.")
            return
        if there:
            raise DuelineError(
                f"There is a key {name} that opens: revoke it first with "
                f"`dueline keys revoke {name}`, or give the new one another name."
            )
        try:
            await keys.add_key(conn, key, name, set(role), customer)
        except Conflict as error:
            raise DuelineError(
                f"There is no customer {customer}: load the master data first, or correct it."
                if customer
                else "This key was used before: take another one."
            ) from error
    if key_file:
        _say(as_json, made | {"added": True}, f"The key {name} opens from now on.")
    else:
        _say(as_json, made | {"added": True, "key": key}, f"{key}\n\nNobody can show it again.")


@app.command(name="list")
async def list_(*, as_json: AsJson = False) -> None:
    """Show who has a key, never the key.

    Example: dueline keys list --json
    """
    async with _database() as conn:
        found = await keys.list_keys(conn)
    if as_json:
        print(json.dumps([entry.model_dump(mode="json") for entry in found], ensure_ascii=False))
        return
    table = Table("name", "roles", "customer", "state")
    for entry in found:
        state = f"revoked {entry.revoked_at:%Y-%m-%d}" if entry.revoked_at else "opens"
        table.add_row(entry.name, ", ".join(entry.roles), entry.customer or "", state)
    Console(highlight=False, soft_wrap=True).print(table)


@app.command
async def revoke(name: str, *, as_json: AsJson = False) -> None:
    """Shut a key at once; requests with it get 401 from then on.

    Example: dueline keys revoke "Wang Li"
    """
    async with _database() as conn:
        shut = await keys.revoke_keys(conn, name)
    if not shut:
        raise DuelineError(f"No key {name} opens: see `dueline keys list`.")
    _say(as_json, {"name": name, "revoked": shut}, f"The key {name} opens nothing any more.")


def _say(as_json: bool, fields: dict[str, Any], sentence: str) -> None:
    print(json.dumps(fields, ensure_ascii=False) if as_json else sentence)


def _from(file: Path) -> str:
    try:
        key = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DuelineError(f"{file} cannot be read: name a text file with one key.") from error
    if len(key) < KEY_LENGTH_MIN or len(key.split()) != 1:
        raise DuelineError(
            f"{file} holds no usable key: put one word of at least {KEY_LENGTH_MIN} characters "
            "into it, for example from `openssl rand -hex 32`."
        )
    return key


@asynccontextmanager
async def _database() -> AsyncIterator[Connection]:
    settings = Settings()
    url = settings.database_url or local_url(settings.data_dir / "postgres")
    if url is None:
        raise DuelineError(
            "No database is named and none runs here: set DATABASE_URL, or start `dueline up`."
        )
    await check_database(url)
    if not await is_migrated(url):
        raise DuelineError("The database has no tables of ours yet: run `dueline migrate` first.")
    engine = create_engine(url, pool_size=1)
    try:
        async with engine.begin() as conn:
            yield conn
    finally:
        await engine.dispose()
