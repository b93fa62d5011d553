"""`dueline ops replay`: would the orders that run survive this code?"""

import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from domain.errors import DuelineError
from domain.follow_ups import PREFIX
from ops.commands_orders import AsJson, Key
from ops.order_tables import console, short
from ops.repair.calls import OPEN
from ops.repair.choosing import OURS, runs_found, scoped
from ops.repair.finding import find_order
from ops.repair.replay import Recorded, Replayed, recorded, replay_many
from ops.repair.runs import fetch_run
from ops.repair.site import Site
from ops.site import open_site
from worker import WORKFLOWS

RED = 4
"""The exit code that stops a deployment."""

NOTHING = 2
RECORDED = Path("tests/histories/recorded")

EveryOpen = Annotated[bool, Parameter(name="--open", negative="")]
EveryRecorded = Annotated[bool, Parameter(name="--recorded", negative="")]


async def replay(
    order: str | None = None,
    *,
    file: Path | None = None,
    query: str | None = None,
    every_open: EveryOpen = False,
    every_recorded: EveryRecorded = False,
    histories: Path = RECORDED,
    limit: int | None = None,
    as_json: AsJson = False,
    key: Key = None,
) -> int:
    """Replay histories against this code; ends with 0 when all fit, with 4 when one does not.

    Examples

        dueline ops replay SO-2026-000004
        dueline ops replay --open
        dueline ops replay --query "DuelineStage = 'L10'" --limit 100
        dueline ops replay --recorded --json
        dueline ops replay --file history.json

    Parameters
    ----------
    order
        One order with its runs and its overdue cases: its number, id, or the beginning of the id.
    file
        A history as JSON, as the Web UI downloads it, or a folder of them.
    query
        What a query of the engine finds, running or ended.
    every_open
        All open orders and overdue cases.
    every_recorded
        All histories that are recorded with this code.
    histories
        Where the recorded ones lie.
    limit
        At most so many histories.
    """
    asked = [order, file, query, every_open or None, every_recorded or None]
    if sum(one is not None for one in asked) != 1:
        print(
            "Say what to replay: an order, or one of --open, --recorded, --query and --file.",
            file=sys.stderr,
        )
        return NOTHING
    begin = time.perf_counter()
    if file is not None or every_recorded:
        files = _files(file if file is not None else histories, recorded=every_recorded)
        replayed = await _replay(_from_files(files[:limit]), len(files[:limit]))
    else:
        async with open_site(key) as site:
            replayed = await _replay(_from_engine(site, order, query, limit), None)
    return _report(replayed, time.perf_counter() - begin, as_json=as_json)


def _files(path: Path, *, recorded: bool) -> list[Path]:
    if not path.exists():
        hint = (
            "a release carries no recorded histories; name their folder with --histories, or "
            "replay what runs with --open"
            if recorded
            else "name a history or a folder of histories"
        )
        raise DuelineError(f"{path} is not there: {hint}.")
    return sorted(path.glob("*.json")) if path.is_dir() else [path]


async def _from_files(files: list[Path]) -> AsyncIterator[Recorded]:
    for path in files:
        history = Recorded(path.stem, "", path.read_bytes(), is_json=True)
        try:
            history.history()
        except ValueError as error:
            raise DuelineError(
                f"{path} is no history: {error}. Download one in the Web UI, or with "
                "`temporal workflow show --output json`."
            ) from error
        yield history


async def _from_engine(
    site: Site, order: str | None, query: str | None, limit: int | None
) -> AsyncIterator[Recorded]:
    """Runs of the engine, one history at a time."""
    if order is not None:
        found = await find_order(site, order)
        beginnings = (f"case-{found.id}.", f"{PREFIX}{found.id}.", f"case-{PREFIX}{found.id}.")
        beside = " OR ".join(f"WorkflowId STARTS_WITH '{one}'" for one in beginnings)
        wanted = f"WorkflowId = '{found.workflow_id}' OR {beside}"
    else:
        wanted = query or OPEN
    async for workflow_id, run_id in runs_found(site, scoped(site, OURS, wanted), limit):
        run = await fetch_run(site.client, workflow_id, run_id)
        if run is not None:  # else retention was faster
            yield recorded(run)


async def _replay(histories: AsyncIterator[Recorded], total: int | None) -> list[Replayed]:
    columns = (TextColumn("{task.completed:.0f} replayed, {task.fields[red]} red"),)
    found, red = [], 0
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total, red=0)
        async for one in replay_many(histories, WORKFLOWS):
            found.append(one)
            red += one.red
            progress.update(task, advance=1, red=red)
    return sorted(found, key=lambda one: (one.workflow_id, one.run_id))


def _report(replayed: list[Replayed], seconds: float, *, as_json: bool) -> int:
    red = [one for one in replayed if one.red]
    summary = {
        "histories": len(replayed),
        "events": sum(one.events for one in replayed),
        "red": len(red),
        "seconds": round(seconds, 2),
    }
    if as_json:
        failures = [one.model_dump(mode="json") for one in red]
        print(json.dumps({**summary, "failures": failures}, ensure_ascii=False))
    elif not replayed:
        console().print("There is nothing to replay.")
    else:
        if red:
            console().print(_table(red))
        console().print(
            f"{len(replayed)} histories with {summary['events']} events in {seconds:.1f} s: "
            f"{len(replayed) - len(red)} fit this code, {len(red)} do not."
        )
    if not replayed:
        return NOTHING
    return RED if red else 0


def _table(red: list[Replayed]) -> Table:
    table = Table("workflow", "run", "event", "kind", "likely cause", "message")
    for one in red:
        event = "-" if one.event is None else str(one.event)
        kind = one.kind or ""
        table.add_row(short(one.workflow_id), one.run_id[:8], event, kind, one.cause, one.message)
    return table
