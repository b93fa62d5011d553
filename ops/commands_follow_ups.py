"""`dueline follow-ups` and `dueline follow-up`: what follows orders, listed, shown, asked for."""

import json
from collections.abc import Sequence
from typing import Annotated
from uuid import uuid4

from cyclopts import App, Parameter
from rich.table import Table

from domain.errors import DuelineError
from domain.roles import Role
from ops.client import Item
from ops.commands_orders import READER, Address, AsJson, Key
from ops.order_lookup import client_for, order_id_of
from ops.order_tables import console, local, words

ASKER = Role.CUSTOMER_SERVICE


def register(app: App) -> None:
    """Adds both commands."""
    app.command(follow_ups, name="follow-ups")
    app.command(follow_up, name="follow-up")


async def follow_ups(
    id: str | None = None,
    *,
    order: str | None = None,
    state: str | None = None,
    kind: str | None = None,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """List follow-ups, the newest first, or show one with all that was asked and answered.

    Examples

        dueline follow-ups --state open --kind complaint
        dueline follow-ups 3f2a9c1e0b7d4a55

    Parameters
    ----------
    id
        A follow-up, as the list names it.
    order
        Those of one order: its number, its id, or the beginning of the id.
    state
        wanted, open or closed; without it all.
    kind
        A kind of the profile, such as complaint, service or refund.
    """
    async with client_for(api, key, READER) as client:
        if id is not None:
            found = await client.get(f"/follow-ups/{id}")
        else:
            order_id = await order_id_of(client, order) if order else None
            wanted = {"state": state, "kind": kind, "order": order_id}
            found = [item async for item in client.items("/follow-ups", **wanted)]
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    elif id is not None:
        _print_one(found)
    else:
        _print_list(found)


async def follow_up(
    order: str,
    kind: str,
    *,
    text: Annotated[str, Parameter(help="What it is about, in the customer's words.")],
    fact: Annotated[
        tuple[str, ...], Parameter(help="A short fact, name=value; may be repeated.")
    ] = (),
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Ask for a follow-up of an order, also of one that is closed.

    Example: `dueline follow-up SO-2026-000004 complaint --text "Two panels flicker." --fact line=1`

    Parameters
    ----------
    order
        The order's number, its id, or the beginning of the id as the lists show it.
    kind
        A kind of the order's profile, such as complaint, service, return or exchange.
    """
    facts = dict(_fact(one) for one in fact)
    async with client_for(api, key, ASKER) as client:
        order_id = await order_id_of(client, order)
        asked = {"kind": kind, "text": text, "facts": facts}
        sent = await client.post(
            f"/orders/{order_id}/follow-ups", asked, idempotency_key=str(uuid4())
        )
    if as_json:
        print(json.dumps(sent.body, ensure_ascii=False, indent=2))
    else:
        one = sent.body
        print(f"{one['title']} {one['id']} is {one['state']}; see `dueline follow-ups {one['id']}`")


def _fact(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise DuelineError(f"{text!r} is no fact: write name=value, such as line=1.")
    return name, value


def _print_list(found: Sequence[Item]) -> None:
    table = Table("id", "kind", "order", "state", "waits in", "outcome", "since", "closed")
    for one in found:
        table.add_row(
            one["id"],
            words(one["kind"]),
            one["order_number"] or one["order_id"][:8],
            one["state"],
            words(one["step"]),
            words(one["outcome"]),
            local(one["requested_at"]),
            local(one["closed_at"]),
        )
    if found:
        console().print(table)
    print(f"{len(found)} follow-up{'' if len(found) == 1 else 's'}")


def _print_one(one: Item) -> None:
    rows = {
        "kind": f"{one['title']} ({one['title_zh']})",
        "order": one["order_number"] or one["order_id"],
        "state": one["state"],
        "waits in": words(one["step"]),
        "outcome": words(one["outcome"]),
        "asked for": f"{local(one['requested_at'])} by {one['requested_by'] or '-'}",
        "closed": local(one["closed_at"]),
        "about": one["text"] or "-",
        "facts": ", ".join(f"{name}: {value}" for name, value in (one["facts"] or {}).items()),
    }
    facts = Table(show_header=False, title=one["id"], title_justify="left")
    for name, value in rows.items():
        facts.add_row(name, str(value) or "-")
    console().print(facts)
    tasks = Table("task", "role", "state", "outcome", "due", title="Tasks", title_justify="left")
    for task in one["tasks"]:
        shown = (words(task["step"]), words(task["role"]), task["state"], words(task["outcome"]))
        tasks.add_row(*shown, local(task["due_at"]))
    console().print(tasks)
