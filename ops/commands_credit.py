"""`dueline rush`, `queue` and `credit`: what comes first, and what customers may owe."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from domain.errors import DuelineError
from domain.roles import Role
from ops.commands_orders import CUSTOMER_DESK, READER, Address, AsJson, Key
from ops.order_lookup import client_for, order_id_of
from ops.order_tables import console, local, short


def register(app: App) -> None:
    """Adds the commands to the tree."""
    app.command(rush)
    app.command(queue)
    app.command(credit)


async def rush(
    order: str,
    *,
    preview: Annotated[bool, Parameter(negative="")] = False,
    reason: Annotated[str | None, Parameter(name=("--reason", "--because"))] = None,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Ask that an order comes first, once its rush fee is paid.

    Examples

        dueline rush SO-2026-000004 --preview
        dueline rush SO-2026-000004 --reason "the opening is a week earlier"

    Parameters
    ----------
    order
        Its number, its id, or the beginning of the id.
    preview
        Say what it costs, and ask for nothing.
    reason
        Why.
    """
    async with client_for(api, key, CUSTOMER_DESK) as client:
        path = f"/orders/{await order_id_of(client, order)}/rush"
        body = {} if reason is None else {"reason": reason}
        answer = (await client.post(f"{path}?preview=true" if preview else path, body)).body
    if as_json:
        _print_json(answer)
    elif not preview:
        print(
            f"Asked for; `dueline changes {order}` shows whether it is agreed, "
            f"`dueline ledger {order}` what is to be paid."
        )
    elif answer["possible"]:
        print(f"The rush fee is {answer['fee']} {answer['currency']}.")
    else:
        print(f"It cannot come first: {answer['because']}.")


async def queue(*, as_json: AsJson = False, api: Address = None, key: Key = None) -> None:
    """List the orders that are being planned, the first one first.

    Examples

        dueline queue
        dueline queue --json
    """
    async with client_for(api, key, READER) as client:
        found = (await client.get("/planning/queue"))["items"]
    if as_json:
        _print_json(found)
        return
    if not found:
        print("0 orders are being planned")
        return
    table = Table("place", "order", "priority", "paid", "first payment", "received", "promised")
    for place, item in enumerate(found, start=1):
        table.add_row(
            str(place),
            item["number"] or short(item["order_id"]),
            item["priority"],
            "in full" if item["paid_in_full"] else "",
            local(item["paid_at"]) if item["paid_at"] else "",
            local(item["received_at"]),
            local(item["promised_at"]),
        )
    console().print(table)


async def credit(
    customer: str,
    *,
    limit: Decimal | None = None,
    advance: Annotated[bool, Parameter(negative="")] = False,
    block: Annotated[bool, Parameter(negative="")] = False,
    unblock: Annotated[bool, Parameter(negative="")] = False,
    because: str | None = None,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Show what a customer may owe, or change it.

    Examples

        dueline credit C-0001
        dueline credit C-0001 --limit 80000 --because "yearly review"
        dueline credit C-0002 --block --because "three invoices are overdue"

    Parameters
    ----------
    customer
        The customer's code.
    limit
        What its open orders may cost together, in the customer's currency.
    advance
        No credit any more: it pays in advance.
    block
        Its orders wait, whatever the limit says.
    unblock
        They go on.
    because
        Why; needed for every change.
    """
    wanted = _wanted(limit, because, advance=advance, block=block, unblock=unblock)
    async with client_for(api, key, Role.FINANCE) as client:
        path = f"/customers/{customer}/credit"
        found = (await client.post(path, wanted)).body if wanted else await client.get(path)
    if as_json:
        _print_json(found)
    else:
        _print_credit(found)


def _wanted(
    limit: Decimal | None, because: str | None, *, advance: bool, block: bool, unblock: bool
) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if limit is not None or advance:
        wanted["limit"] = None if advance else str(limit)
    if block or unblock:
        wanted["blocked"] = block
    if (block and unblock) or (advance and limit is not None):
        raise DuelineError("Say one of the two: --block or --unblock, --limit or --advance.")
    if wanted and not because:
        raise DuelineError("Say why with --because; it stands in the history.")
    return {**wanted, "because": because} if wanted else {}


def _print_credit(found: Mapping[str, Any]) -> None:
    currency = found["currency"]
    limit = "pays in advance" if found["limit"] is None else f"{found['limit']} {currency}"
    print(f"{found['customer']}: {limit}; its orders still cost {found['unpaid']} {currency}.")
    if found["blocked_at"]:
        print(f"Blocked since {local(found['blocked_at'])}: {found['blocked_because']}.")
    table = Table("at", "by", "what", "because")
    for line in found["history"]:
        table.add_row(local(line["at"]), line["by"], line["what"], line["because"])
    if found["history"]:
        console().print(table)


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))
