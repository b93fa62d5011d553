"""`dueline overdue`: overdue cases listed, shown in full, and opened by hand."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from domain.errors import DuelineError
from domain.roles import Role
from ops.client import Api
from ops.commands_orders import READER, Address, AsJson, Key
from ops.order_lookup import client_for, order_id_of
from ops.order_tables import Item, console, local, money, short, words

app = App(name="overdue", help="Overdue cases: why windows were missed and who answers for it.")

OPENER = Role.ORDER_DESK


@app.default
async def cases(
    *, state: str | None = None, as_json: AsJson = False, api: Address = None, key: Key = None
) -> None:
    """List overdue cases, the newest first.

    Examples

        dueline overdue --state open
        dueline overdue --json

    Parameters
    ----------
    state
        open or closed; without it both.
    """
    async with client_for(api, key, READER) as client:
        found = [item async for item in client.items("/overdue", state=state)]
    if as_json:
        _print_json(found)
    else:
        _print_cases(found)


@app.command
async def show(id: str, *, as_json: AsJson = False, api: Address = None, key: Key = None) -> None:
    """Show one case: what was asked and answered, its marks, and what it costs.

    Example: `dueline overdue show case-3f2a9c1e.confirm.1`

    Parameters
    ----------
    id
        The case's id, or its short form as the list shows it.
    """
    async with client_for(api, key, READER) as client:
        found = await client.get(f"/overdue/{await _case_id(client, id)}")
    if as_json:
        _print_json(found)
    else:
        _print_case(found)


@app.command(name="open")
async def open_by_hand(
    order: str,
    window: str,
    *,
    why: Annotated[str, Parameter(help="The reason, for those who are asked for the cause.")],
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Open a case for a window that runs or was missed, before the clock does.

    Example: `dueline overdue open SO-2026-000004 S08.W05 --why "the press is down until Friday"`

    Parameters
    ----------
    order
        The order's number, its id, or the beginning of the id as the lists show it.
    window
        The window's rule, S08.W05 for example, or its key where the rule has run more than once.
    """
    async with client_for(api, key, OPENER) as client:
        order_id = await order_id_of(client, order)
        wanted = {
            "order": order_id,
            "window": await _window_key(client, order_id, window),
            "why": why,
        }
        opened = (await client.post("/overdue", wanted)).body
    if as_json:
        _print_json(opened)
    else:
        print(f"opened {short(opened['id'])}; see `dueline overdue show {short(opened['id'])}`")


async def _case_id(client: Api, wanted: str) -> str:
    """The whole id behind a short one. Raises DuelineError."""
    if short(wanted) != wanted:
        return wanted
    found = [item["id"] async for item in client.items("/overdue") if short(item["id"]) == wanted]
    if len(found) == 1:
        return str(found[0])
    how = "Several overdue cases are" if found else "There is no overdue case"
    raise DuelineError(f"{how} {wanted}: see `dueline overdue`, or write the whole id.")


async def _window_key(client: Api, order_id: str, wanted: str) -> str:
    """The key of the last window of a rule. Raises DuelineError."""
    windows = await client.get(f"/orders/{order_id}/windows")
    keys = [window["key"] for window in windows if wanted in (window["rule"], window["key"])]
    if keys:
        return str(keys[-1])
    rules = ", ".join(sorted({window["rule"] for window in windows})) or "none yet"
    raise DuelineError(f"The order has no window {wanted}: write one of {rules}.")


def _print_cases(cases: Sequence[Item]) -> None:
    table = Table()
    table.add_column("case", no_wrap=True)
    for name in ("order", "rule", "due", "cause", "measure by", "decision", "responsible", "state"):
        table.add_column(name)
    for case in cases:
        table.add_row(
            short(case["id"]),
            case["order_number"] or "-",
            case["rule"],
            local(case["due_at"]),
            words(case["cause"]).lower(),
            words(case["measure_owner"]),
            words(case["decision"]),
            words(case["responsible"]),
            case["state"],
        )
    if cases:
        console().print(table)
    print(f"{len(cases)} overdue case{'' if len(cases) == 1 else 's'}")


def _print_case(case: Item) -> None:
    until = f" until {local(case['measure_until'])}" if case["measure_until"] else ""
    by = f" by {case['opened_by']}: {case['why']}" if case["opened_by"] else " by the breach"
    rows = {
        "window": f"{case['rule']} ({words(case['step'])}), {words(case['role'])}",
        "due": local(case["due_at"]),
        "marks": ", ".join(words(mark["mark"]) for mark in case["marks"]) or "-",
        "state": case["state"],
        "opened": local(case["opened_at"]) + by,
        "cause": words(case["cause"]).lower(),
        "analysis": case["analysis"] or "-",
        "measure": case["measure"] or "-",
        "measure by": words(case["measure_owner"]) + until,
        "measure came out": words(case["measure_outcome"]),
        "decision": words(case["decision"]),
        "new date": local(case["new_date"]),
        "responsible": words(case["responsible"]),
        "closed": local(case["closed_at"]),
    }
    facts = Table(show_header=False, title=short(case["id"]), title_justify="left")
    for name, value in rows.items():
        facts.add_row(name, value)
    console().print(facts)
    tasks = Table("task", "role", "state", "outcome", "due", title="Tasks", title_justify="left")
    for task in case["tasks"]:
        shown = (words(task["step"]), words(task["role"]), task["state"], words(task["outcome"]))
        tasks.add_row(*shown, local(task["due_at"]))
    console().print(tasks)
    for charge in case["charges"]:
        sum_ = money(charge["amount"], charge["currency"])
        print(f"{charge['kind']} of {sum_} for {words(charge['role'])} ({charge['rule']})")


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))
