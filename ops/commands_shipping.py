"""`dueline shipments` and `dueline receipt`: what has left, and what the customer says of it."""

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from domain.changes import ReceiptCondition
from domain.errors import DuelineError
from ops.commands_orders import CUSTOMER_DESK, READER, Address, AsJson, Key, print_json
from ops.order_lookup import client_for, order_id_of
from ops.order_tables import console, local, words


def register(app: App) -> None:
    """Adds the commands to the tree."""
    app.command(shipments)
    app.command(receipt)


async def shipments(
    id: str, *, as_json: AsJson = False, api: Address = None, key: Key = None
) -> None:
    """Show what of an order has left, what could not leave, and what still waits.

    Examples

        dueline shipments SO-2026-000004
        dueline shipments 3f2a9c1e --json

    Parameters
    ----------
    id
        Its number, its id, or the beginning of the id as the lists show it.
    """
    async with client_for(api, key, READER) as client:
        found = await client.get(f"/orders/{await order_id_of(client, id)}/shipments")
    if as_json:
        print_json(found)
    else:
        print_shipments(found)


async def receipt(
    id: str,
    *,
    condition: ReceiptCondition = ReceiptCondition.COMPLETE,
    note: str | None = None,
    items: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = (),
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Say what the customer has received; complete goods end an order that has left in full.

    Examples

        dueline receipt SO-2026-000004
        dueline receipt 3f2a9c1e --condition damaged --note "two are cracked" --items EL-A4=2

    Parameters
    ----------
    id
        Its number, its id, or the beginning of the id as the lists show it.
    condition
        complete, damaged, incomplete or not-received.
    note
        What is wrong; needed unless everything is complete.
    items
        What is damaged or missing, as product=units.
    """
    body: dict[str, Any] = {"condition": condition.value, "items": [_item(one) for one in items]}
    if note is not None:
        body["note"] = note
    async with client_for(api, key, CUSTOMER_DESK) as client:
        order_id = await order_id_of(client, id)
        sent = await client.post(f"/orders/{order_id}/receipt", body)
    if as_json:
        print_json(sent.body)
    else:
        print(f"Receipt ({words(condition.value)}) of {id}: {sent.body['state']}")


def _item(text: str) -> dict[str, Any]:
    product, equals, units = text.partition("=")
    if not equals or not product or not units.isdigit():
        raise DuelineError(
            f"--items {text!r} is no quantity: write product=units, EL-A4=2 for one."
        )
    return {"product": product, "quantity": int(units)}


def print_shipments(found: Any) -> None:
    """Two tables: the shipments in their order, and the goods."""
    table = Table()
    for name in ("no.", "state", "at", "carrier", "tracking", "goods", "terms"):
        table.add_column(name)
    for item in found["items"]:
        table.add_row(
            str(item["number"]),
            words(item["state"]),
            local(item["at"]),
            item["carrier"] or "-",
            item["tracking"] or "-",
            ", ".join(f"{units} {product}" for product, units in item["quantities"].items()) or "-",
            "; ".join(f"{words(name)}: {text}" for name, text in item["details"].items()) or "-",
        )
    goods = Table()
    for name in ("product", "ordered", "packed", "shipped", "open"):
        goods.add_column(name, justify="left" if name == "product" else "right")
    for line in found["goods"]:
        goods.add_row(
            line["product"], *(str(line[n]) for n in ("ordered", "packed", "shipped", "open"))
        )
    if found["items"]:
        console().print(table)
    console().print(goods)
    count = len(found["items"])
    print(f"{count} shipment{'' if count == 1 else 's'}")
