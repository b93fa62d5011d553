"""`dueline windows`: an order's clocks, each explained; pause, resume, reset, judge at risk."""

import json
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table
from rich.text import Text

from domain.roles import Role
from domain.windows import MAY_PAUSE, PauseReason
from ops.commands_orders import CUSTOMER_DESK, Address, AsJson, Key
from ops.order_lookup import client_for, order_id_of
from ops.order_tables import Item, console, local, words

app = App(name="windows", help="An order's clocks: explained, paused, resumed, reset.")

ACTOR = {
    PauseReason.CUSTOMER: Role.SALES,
    PauseReason.PAYMENT: Role.FINANCE,
    PauseReason.SUPPLIER: Role.PURCHASING,
}
"""Whose key says so on the local platform; each of them may."""
assert all(role in MAY_PAUSE[reason] for reason, role in ACTOR.items())

Rule = Annotated[str | None, Parameter(help="One rule's window alone, S08.W03 for example.")]
Note = Annotated[str | None, Parameter(help="A remark for the ledger.")]
Because = Annotated[PauseReason, Parameter(name="--because", help="Whom the order waits for.")]


@app.default
async def show(
    order: str, *, as_json: AsJson = False, api: Address = None, key: Key = None
) -> None:
    """Explain each clock of an order: when it is due and why, what is used, what happened to it.

    Examples

        dueline windows SO-2026-000004
        dueline windows SO-2026-000004 --json

    Parameters
    ----------
    order
        Its number, its id, or the beginning of the id as the lists show it.
    """
    async with client_for(api, key, CUSTOMER_DESK) as client:
        found = await client.get(f"/orders/{await order_id_of(client, order)}/windows")
    if as_json:
        _print_json(found)
        return
    for window in found:
        _print(window)


@app.command
async def pause(
    order: str,
    *,
    because: Because,
    rule: Rule = None,
    note: Note = None,
    api: Address = None,
    key: Key = None,
) -> None:
    """Stop the clock while the order waits for somebody outside; what is used is kept.

    Example: `dueline windows pause SO-2026-000004 --because customer --note "drawing is missing"`
    """
    body = {"action": "pause", "reason": because.value, "rule": rule, "note": note}
    await _adjust(order, body, ACTOR[because], api, key)


@app.command
async def resume(
    order: str,
    *,
    because: Because,
    rule: Rule = None,
    note: Note = None,
    api: Address = None,
    key: Key = None,
) -> None:
    """Let the clock go on: what remained is counted again from now.

    Example: `dueline windows resume SO-2026-000004 --because customer`
    """
    body = {"action": "resume", "reason": because.value, "rule": rule, "note": note}
    await _adjust(order, body, ACTOR[because], api, key)


@app.command
async def reset(
    order: str, rule: str, *, note: Note = None, api: Address = None, key: Key = None
) -> None:
    """Let a window that is still in time begin anew with its whole limit.

    Example: `dueline windows reset SO-2026-000004 S08.W03 --note "the drawing was replaced"`
    """
    body = {"action": "reset", "rule": rule, "note": note}
    await _adjust(order, body, Role.OPERATIONS, api, key)


@app.command
async def risk(
    order: str,
    rule: str,
    *,
    role: Role,
    at_risk: Annotated[bool, Parameter(negative="--in-hand")],
    note: Note = None,
    api: Address = None,
    key: Key = None,
) -> None:
    """Answer a warning as the window's owner: can it be kept?

    Example: `dueline windows risk SO-2026-000004 S08.W04 --role production --at-risk`
    """
    async with client_for(api, key, role) as client:
        path = f"/orders/{await order_id_of(client, order)}/windows/risk"
        body = {"rule": rule, "at_risk": at_risk} | ({"note": note} if note else {})
        await client.post(path, body)
    print(f"{rule}: {'at risk; sales and the department head are told' if at_risk else 'in hand'}")


async def _adjust(
    order: str, body: dict[str, str | None], role: Role, api: str | None, key: str | None
) -> None:
    async with client_for(api, key, role) as client:
        path = f"/orders/{await order_id_of(client, order)}/windows"
        sent = {name: value for name, value in body.items() if value is not None}
        done = await client.post(f"{path}/adjustments", sent)
    count = len(done.body["windows"])
    print(f"{body['action']}: {count} window{'' if count == 1 else 's'}; see `dueline windows`")


def _print(window: Item) -> None:
    out = console()
    state = "paused" if window["paused_at"] else window["state"]
    style = {"breached": "red", "paused": "yellow"}.get(state, "")
    out.print(Text.assemble((f"{window['rule']} ", "bold"), (state, style)))
    out.print(Text(f"  {window['explanation']}"))
    lines = window["ledger"] or ()
    if len(lines) > 1:
        table = Table("when", "what", "why", "due before", "due after", "calendar", box=None)
        for line in lines:
            table.add_row(
                local(line["at"]),
                words(line["kind"]),
                line["reason"] or "-",
                local(line["due_before"]),
                local(line["due_after"]),
                line["calendar"],
            )
        out.print(table)


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
