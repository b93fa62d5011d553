"""`dueline webhooks`: where customers' systems listen, what did not arrive, sending it again."""

import json
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from domain.errors import DuelineError
from domain.roles import Role
from ops.commands_orders import Address, AsJson, Key
from ops.order_lookup import client_for, order_id_of
from ops.order_tables import Item, console, local, short

app = App(name="webhooks", help="Where customers' systems listen, and what did not arrive there.")

KEEPER = Role.SALES
"""Whose key is used when none is named: it sees every customer's endpoints."""

Endpoint = Annotated[str, Parameter(help="Its id, as `dueline webhooks` shows it.")]


@app.default
async def list_(
    *, customer: str | None = None, as_json: AsJson = False, api: Address = None, key: Key = None
) -> None:
    """List endpoints: whether each is enabled, what waits, what was given up.

    Examples

        dueline webhooks
        dueline webhooks --customer C-0001 --json

    Parameters
    ----------
    customer
        Only this customer's.
    """
    async with client_for(api, key, KEEPER) as client:
        found = (await client.get("/webhook-endpoints", customer=customer))["items"]
    if as_json:
        _print_json(found)
        return
    table = Table("endpoint", "customer", "address", "events", "state", "waiting", "dead", "test")
    for one in found:
        because = f" ({one['disabled_because']})" if one["disabled_because"] else ""
        table.add_row(
            one["id"],
            one["customer"],
            one["url"],
            ", ".join(one["events"]) or "all",
            f"{one['state']}{because}",
            str(one["pending"]),
            str(one["dead"]),
            one["ping_said"] or one["ping_state"] or "-",
        )
    if found:
        console().print(table)
    print(f"{len(found)} {'endpoint' if len(found) == 1 else 'endpoints'}")


@app.command
async def add(
    url: str,
    *,
    customer: str | None = None,
    event: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Register where a customer's system listens. Its secret is printed once.

    Examples

        dueline webhooks add https://erp.example.com/dueline --customer C-0001
        dueline webhooks add https://erp.example.com/dueline --event order.shipped --json

    Parameters
    ----------
    url
        An address that begins with https:// and that the internet reaches.
    customer
        Whose system it is; a customer's own key needs none.
    event
        A type of event, such as order.shipped; more than one may be named. Without any: all.
    """
    body = {"url": url, "events": list(event), "customer": customer}
    async with client_for(api, key, KEEPER) as client:
        made = (await client.post("/webhook-endpoints", body)).body
    _print_secret(made, as_json=as_json)


@app.command
async def rotate(
    endpoint: Endpoint, *, as_json: AsJson = False, api: Address = None, key: Key = None
) -> None:
    """Give an endpoint a new secret. It is printed once; for 24 h the old one signs, too.

    Example: `dueline webhooks rotate 5f0c1a52-3a0e-4c58-9d0c-9a4a4b7f6a10`
    """
    async with client_for(api, key, KEEPER) as client:
        made = (await client.post(f"/webhook-endpoints/{endpoint}/rotation", {})).body
    _print_secret(made, as_json=as_json)


@app.command
async def enable(
    endpoint: Endpoint, *, as_json: AsJson = False, api: Address = None, key: Key = None
) -> None:
    """Send to a disabled endpoint again. What came while it was disabled needs a replay.

    Example: `dueline webhooks enable 5f0c1a52-3a0e-4c58-9d0c-9a4a4b7f6a10`
    """
    async with client_for(api, key, KEEPER) as client:
        found = (await client.post(f"/webhook-endpoints/{endpoint}/enable", {})).body
    _say(found, f"enabled; {_number(found['pending'])} to be sent", as_json=as_json)


@app.command(name="test")
async def send_test(
    endpoint: Endpoint, *, as_json: AsJson = False, api: Address = None, key: Key = None
) -> None:
    """Send one ping to an endpoint; `dueline webhooks` shows a moment later what came of it.

    Example: `dueline webhooks test 5f0c1a52-3a0e-4c58-9d0c-9a4a4b7f6a10`
    """
    async with client_for(api, key, KEEPER) as client:
        found = (await client.post(f"/webhook-endpoints/{endpoint}/test", {})).body
    _say(found, "a ping is on its way", as_json=as_json)


@app.command
async def remove(endpoint: Endpoint, *, api: Address = None, key: Key = None) -> None:
    """Forget an endpoint. The events stay in the list.

    Example: `dueline webhooks remove 5f0c1a52-3a0e-4c58-9d0c-9a4a4b7f6a10`
    """
    async with client_for(api, key, KEEPER) as client:
        await client.delete(f"/webhook-endpoints/{endpoint}")
    print("removed")


@app.command
async def replay(
    endpoint: Endpoint,
    *,
    order: str | None = None,
    after: int | None = None,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Send events once more, with the ids and bodies that they had.

    Examples

        dueline webhooks replay 5f0c1a52-3a0e-4c58-9d0c-9a4a4b7f6a10 --order SO-2026-000004
        dueline webhooks replay 5f0c1a52-3a0e-4c58-9d0c-9a4a4b7f6a10 --after 4711

    Parameters
    ----------
    order
        All events of this order: its number, its id or the beginning of the id.
    after
        Everything behind this position, as `dueline webhooks events` shows it; 0 for all. With
        --order behind this number of the order.
    """
    if order is None and after is None:
        raise DuelineError("Name --order or --after: see `dueline webhooks events`.")
    async with client_for(api, key, KEEPER) as client:
        named = {"order": await order_id_of(client, order)} if order else {}
        body = named if after is None else {**named, "after": after}
        done = (await client.post(f"/webhook-endpoints/{endpoint}/replay", body)).body
    more = f"; the rest with --after {done['next']}" if done["next"] is not None else ""
    _say(done, f"{_number(done['events'])} will be sent again{more}", as_json=as_json)


@app.command
async def events(
    *,
    customer: str | None = None,
    order: str | None = None,
    after: int = 0,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """List what a customer's systems were told, of all its orders or of one.

    Examples

        dueline webhooks events --customer C-0001 --after 4711
        dueline webhooks events --order SO-2026-000004 --json

    Parameters
    ----------
    customer
        Whose events; a customer's own key needs none.
    order
        Only this order's: its number, its id or the beginning of the id.
    after
        Begin behind this position, with --order behind this number of the order.
    """
    async with client_for(api, key, KEEPER) as client:
        if order is None:
            found = await client.get("/events", customer=customer, after=after, limit=200)
        else:
            here = f"/orders/{await order_id_of(client, order)}/events"
            found = await client.get(here, after=after, limit=200)
    if as_json:
        _print_json(found)
        return
    table = Table("position", "when", "order", "number", "event", "step")
    for one in found["items"]:
        body, data = one["body"], one["body"]["data"]
        table.add_row(
            str(one["position"]),
            local(body["timestamp"]),
            data["order_number"] or short(data["order_id"]),
            str(data["sequence"]),
            body["type"],
            data.get("step") or "-",
        )
    if found["items"]:
        console().print(table)
    more = f"; more with --after {found['next']}" if found["more"] else ""
    print(f"{_number(len(found['items']))}{more}")


def _number(events: int) -> str:
    return f"{events} event{'' if events == 1 else 's'}"


def _print_secret(made: Item, *, as_json: bool) -> None:
    if as_json:
        _print_json(made)
        return
    print(f"endpoint {made['endpoint']['id']} of {made['endpoint']['customer']}")
    print(f"secret   {made['secret']}")
    print("Nobody can show the secret again.")
    if made["old_secret_until"]:
        print(f"The one before signs, too, until {local(made['old_secret_until'])}.")


def _say(answer: Item, sentence: str, *, as_json: bool) -> None:
    if as_json:
        _print_json(answer)
    else:
        print(sentence)


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))
