"""Finds the API, its key, and what people mean by a number or the beginning of an id."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from domain.errors import DuelineError
from domain.roles import Role
from ops.client import Api, Item, local_keys
from ops.order_tables import short

UUID_LENGTH = 36


@asynccontextmanager
async def client_for(api: str | None, key: str | None, role: Role) -> AsyncIterator[Api]:
    """The API at `api` with `key`; by default the platform here, with its key for `role`."""
    async with Api(api or _local_api(), key or _local_key(role)) as client:
        yield client


def _local_api() -> str:
    from settings import Settings

    return f"http://127.0.0.1:{Settings().api_port}"


def _local_key(role: Role) -> str:
    from settings import Settings

    data_dir = Settings().data_dir
    key = local_keys(data_dir).get(role)
    if key is None:
        raise DuelineError(
            f"There is no key for {role.words} in {data_dir}: start the platform here with "
            "`make up`, or name a key with --key or DUELINE_API_KEY."
        )
    return key


async def order_id_of(client: Api, wanted: str) -> str:
    """The id behind a number or the beginning of an id. Raises DuelineError."""
    if len(wanted) == UUID_LENGTH:
        return wanted
    found = [
        item["id"]
        async for item in client.items("/orders")
        if item["number"] == wanted or item["id"].startswith(wanted)
    ]
    if len(found) == 1:
        return str(found[0])
    how = f"{len(found)} orders begin with" if found else "There is no order"
    raise DuelineError(f"{how} {wanted}: write its number or its whole id.")


async def inbox(client: Api, roles: Sequence[Role | None]) -> list[Item]:
    """Open tasks of these roles, None for the key's own; the most urgent first."""
    found = [
        item for role in roles async for item in client.items("/tasks", role=role, state="open")
    ]
    return sorted(found, key=lambda item: (item["due_at"] or "~", item["id"]))


async def task_of(client: Api, wanted: str, *, anybody: bool) -> Item:
    """The task behind an id or its short form. Raises DuelineError."""
    if short(wanted) != wanted:
        found: Item = await client.get(f"/tasks/{wanted}")
        return found
    tasks = await inbox(client, list(Role) if anybody else [None])
    matches = [item for item in tasks if wanted in {item["id"], short(item["id"])}]
    if len(matches) == 1:
        return matches[0]
    how = "Several open tasks are" if matches else "There is no open task"
    raise DuelineError(f"{how} {wanted}: see `dueline tasks`, or write the whole id.")
