"""`dueline ops recover`: after a bad deploy, finds what is wrong with each order and cures it."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from domain.errors import DuelineError
from ops.commands_orders import AsJson, Key
from ops.order_tables import console
from ops.repair.choosing import orders_found, orders_in_file, orders_named
from ops.repair.finding import FoundOrder
from ops.repair.pace import Pace
from ops.repair.recovering import Finding, Looked, Trouble, cure, judge, look_at
from ops.repair.replay import Recorded, replay_many
from ops.repair.site import Site
from ops.site import open_site
from worker import WORKFLOWS

RATE = 10.0
AT_ONCE = 8
NOTHING = 2

DryRun = Annotated[bool, Parameter(name="--dry-run", negative="")]


async def recover(
    *orders: str,
    because: str,
    query: str | None = None,
    file: Path | None = None,
    rate: float = RATE,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    key: Key = None,
) -> int:
    """Cure what a bad deploy has stopped, and list what cannot be cured.

    Run it with the mended code in place, while its workers run: it replays each order on this code.
    Given again, also after an interruption, it does only what is left.

    Examples

        dueline ops recover SO-2026-000004 --because "deploy 41"
        dueline ops recover --query "ExecutionStatus = 'Running'" --because "deploy 41" --dry-run
        dueline ops recover --file stopped.txt --because "deploy 41" --rate 5

    Parameters
    ----------
    orders
        Numbers, ids, or beginnings of ids.
    because
        Why; it is written down with each order.
    query
        What a query of the engine finds.
    file
        A file with one number or id a line; `#` begins a comment.
    rate
        At most so many orders a second.
    dry_run
        Only say what is wrong and what would be done.
    """
    if sum((bool(orders), query is not None, file is not None)) != 1:
        raise DuelineError("Say which: order numbers, --query, or --file with one a line.")
    if not because.strip():
        raise DuelineError("Say why with --because: it is written down.")
    if rate <= 0:
        raise DuelineError("--rate is how many orders a second, such as 10.")
    async with open_site(key) as site:
        if query is not None:
            wanted = await orders_found(site, query)
        elif file is not None:
            wanted = await orders_in_file(site, file)
        else:
            wanted = await orders_named(site, orders)
        findings = await find_troubles(site, wanted)
        done: dict[str, str] = {}
        failed: dict[str, str] = {}
        if not dry_run:
            done, failed = await _cure_all(site, findings, because, Pace(rate))
    return _report(findings, done, failed, dry_run=dry_run, as_json=as_json)


async def find_troubles(site: Site, orders: list[FoundOrder]) -> list[Finding]:
    """What is wrong with each; their histories pass by a few at a time."""
    findings: dict[str, Finding] = {}
    looked: dict[str, Looked] = {}

    async def histories() -> AsyncIterator[Recorded]:
        for start in range(0, len(orders), AT_ONCE):
            few = orders[start : start + AT_ONCE]
            for seen in await asyncio.gather(*(look_at(site, order) for order in few)):
                if isinstance(seen, Finding):
                    findings[seen.order.id] = seen
                    continue
                looked[seen[0].order.workflow_id] = seen[0]
                yield seen[1]

    columns = (TextColumn("{task.completed:.0f} of {task.total:.0f} looked at"),)
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=len(orders))
        async for replayed in replay_many(histories(), WORKFLOWS):
            found = judge(looked[replayed.workflow_id], replayed)
            findings[found.order.id] = found
            progress.update(task, completed=len(findings))
    return [findings[order.id] for order in orders]


async def _cure_all(
    site: Site, findings: list[Finding], because: str, pace: Pace
) -> tuple[dict[str, str], dict[str, str]]:
    curable = [finding for finding in findings if finding.curable]
    done: dict[str, str] = {}
    failed: dict[str, str] = {}
    gate = asyncio.Semaphore(AT_ONCE)
    columns = (TextColumn("{task.completed:.0f} of {task.total:.0f} cured"),)
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=len(curable))

        async def one(finding: Finding) -> None:
            async with gate:
                await pace.turn()
                try:
                    done[finding.order.id] = await cure(site, finding, because)
                except DuelineError as error:
                    failed[finding.order.id] = str(error)
                progress.update(task, completed=len(done))

        await asyncio.gather(*(one(finding) for finding in curable))
    return done, failed


def _report(
    findings: list[Finding],
    done: dict[str, str],
    failed: dict[str, str],
    *,
    dry_run: bool,
    as_json: bool,
) -> int:
    lines = [_line(finding, done, failed, dry_run=dry_run) for finding in findings]
    left = [line for line in lines if line["left"]]
    if as_json:
        counts = Counter(line["trouble"] for line in lines)
        summary = {"orders": len(lines), "cured": len(done), "left": len(left)}
        print(json.dumps({**summary, "troubles": counts, "lines": lines}, ensure_ascii=False))
    elif not lines:
        console().print("There is no such order.")
    else:
        console().print(_table([line for line in lines if line["trouble"] != Trouble.NOTHING]))
        console().print(f"{len(lines)} orders looked at, {len(done)} cured, {len(left)} left.")
    if not lines:
        return NOTHING
    return 1 if left and not dry_run else 0


def _line(
    finding: Finding, done: dict[str, str], failed: dict[str, str], *, dry_run: bool
) -> dict[str, Any]:
    id = finding.order.id
    would = "would be cured" if dry_run else "not cured"
    became = done.get(id) or failed.get(id) or (would if finding.curable else "")
    return {
        "order": finding.order.name,
        "trouble": finding.trouble,
        "why": finding.why,
        "became": became,
        "left": id in failed or finding.trouble in {Trouble.HOPELESS, Trouble.GONE},
    }


def _table(lines: list[dict[str, Any]]) -> Table:
    table = Table("order", "what is wrong", "why", "what became of it")
    for line in lines:
        table.add_row(line["order"], line["trouble"], line["why"], line["became"])
    return table
