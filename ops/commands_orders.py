"""`dueline submit`, `orders`, `order`, `tasks` and `complete`: the platform from a terminal."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from domain.errors import DuelineError
from domain.roles import Role
from domain.stages import Stage
from ops import order_tables
from ops.order_lookup import client_for, inbox, order_id_of, task_of
from ops.order_tables import short

READER = Role.ORDER_DESK
"""Whose key reads when none is named: staff, and sees every order."""

CUSTOMER_DESK = Role.SALES
MANY = 20  # from so many on, a bar says how far it is

Address = Annotated[
    str | None,
    Parameter(
        name="--api",
        env_var="DUELINE_API",
        help="The API's address; by default http://127.0.0.1:8000, or the port that is set.",
    ),
]
Key = Annotated[
    str | None,
    Parameter(
        name="--key",
        env_var="DUELINE_API_KEY",
        help="An API key; by default the one that `make up` made for the role concerned.",
    ),
]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]


def register(app: App) -> None:
    """Adds the commands to the tree."""
    app.command(submit)
    app.command(orders)
    app.command(order)
    app.command(tasks)
    app.command(complete)


async def submit(
    *files: Path,
    again: Annotated[bool, Parameter(negative="")] = False,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> int:
    """Submit orders from files: JSON as the API takes it, or CSV with an order a row.

    A file with a fault is not submitted at all; each fault says file, line, column, field, what is
    wrong and what would be right. Running it again submits nothing twice.

    Examples

        dueline submit examples/orders/01-museum-blue-green-panels.json
        dueline submit examples/orders.csv
        dueline submit examples/orders/*.json --json

    Parameters
    ----------
    files
        Files that end in .json or .csv; `examples/orders.csv` shows the columns.
    again
        Submit also what was submitted before, as new orders.
    """
    from ops.submitting import Submission, read_files

    if not files:
        raise DuelineError("Name at least one file, such as examples/orders.csv.")
    drafts, faults = read_files(files)
    async with client_for(api, key, CUSTOMER_DESK) as client:
        submission = Submission(client, again=again)
        with _bar(len(drafts)) as advance:
            await submission.send_all(drafts, advance)
    faults += submission.faults
    if as_json:
        print_json({"orders": submission.sent, "faults": [asdict(fault) for fault in faults]})
    else:
        order_tables.print_submitted(submission.sent)
    for problem in (*faults, *filter(None, [submission.broken])):
        print(problem, file=sys.stderr)
    return 1 if faults or submission.broken else 0


async def orders(
    *,
    stage: str | None = None,
    role: Role | None = None,
    late: Annotated[bool, Parameter(negative="")] = False,
    held: Annotated[bool, Parameter(negative="")] = False,
    state: str | None = None,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """List orders, the newest first.

    Examples

        dueline orders --late
        dueline orders --stage production --role quality
        dueline orders --state open --json

    Parameters
    ----------
    stage
        The stage in words or its code: production, plan_approval, L18.
    role
        Only orders that wait for this role.
    late
        Only orders with a window that is overdue.
    held
        Only orders that operations hold.
    state
        open, completed, refused or cancelled.
    """
    slack = "breached" if late else None
    code = _stage(stage) if stage else None
    async with client_for(api, key, READER) as client:
        query = client.items(
            "/orders",
            stage=code,
            role=role,
            slack=slack,
            state=state,
            held="true" if held else None,
        )
        found = [item async for item in query]
    if as_json:
        print_json(found)
    else:
        order_tables.print_orders(found)


async def order(id: str, *, as_json: AsJson = False, api: Address = None, key: Key = None) -> None:
    """Show one order with its clocks and its story.

    Examples

        dueline order SO-2026-000004
        dueline order 3f2a9c1e --json

    Parameters
    ----------
    id
        Its number, its id, or the beginning of the id as the lists show it.
    """
    async with client_for(api, key, CUSTOMER_DESK) as client:
        path = f"/orders/{await order_id_of(client, id)}"
        found = await client.get(path)
        windows = await client.get(f"{path}/windows")
        timeline = await client.get(f"{path}/timeline")
    if as_json:
        print_json({"order": found, "windows": windows, "timeline": timeline})
    else:
        order_tables.print_order(found, windows, timeline)


async def tasks(
    *,
    role: Role | None = None,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """List what waits to be done, the most urgent first.

    Examples

        dueline tasks
        dueline tasks --role planning --json

    Parameters
    ----------
    role
        One role's inbox; without it that of your key, or of everybody on the local platform.
    """
    async with client_for(api, key, READER) as client:
        found = await inbox(client, [role] if role or key else list(Role))
    if as_json:
        print_json(found)
    else:
        order_tables.print_tasks(found)


async def complete(
    task: str,
    outcome: str,
    *,
    data: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = (),
    note: str | None = None,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Complete a task with one of its outcomes.

    Examples

        dueline complete 3f2a9c1e.confirm.1.sales confirmed --note "by telephone"
        dueline complete 3f2a9c1e.ship.1.logistics done --data carrier=SF tracking=SF100200300

    Parameters
    ----------
    task
        The task's id, or its short form as `dueline tasks` shows it.
    outcome
        One of the outcomes that `dueline tasks` shows.
    data
        What the task requires, as name=value.
    note
        A remark for the record.
    """
    answer = {"outcome": outcome, "data": _pairs(data), "note": note}
    async with client_for(api, key, READER) as client:
        found = await task_of(client, task, anybody=key is None)
    async with client_for(api, key, Role(found["role"])) as client:
        done = await client.post(f"/tasks/{found['id']}/completion", answer)
    if as_json:
        print_json(done.body)
    else:
        name = found["order_number"] or short(found["order_id"])
        print(f"{found['title']} of {name}: {done.body['outcome'].replace('_', ' ')}")


@contextmanager
def _bar(total: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error while many orders are sent; yields what moves it."""
    columns = (TextColumn("submitting"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    hidden = total < MANY or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)


def _stage(text: str) -> Stage:
    wanted = text.strip().replace("-", "_").replace(" ", "_").upper()
    for stage in Stage:
        if wanted in {stage.value, stage.name}:
            return stage
    names = ", ".join(stage.name.lower() for stage in Stage)
    raise DuelineError(f"There is no stage {text!r}: write one of {names}.")


def _pairs(data: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for entry in data:
        name, equals, value = entry.partition("=")
        if not equals or not name:
            raise DuelineError(
                f"--data {entry!r} is no pair: write name=value, carrier=SF for one."
            )
        pairs[name] = value
    return pairs


def print_json(value: Any) -> None:
    """Prints what a machine reads."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))
