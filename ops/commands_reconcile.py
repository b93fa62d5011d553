"""`dueline ops reconcile`: workflows and database compared, and the projection mended."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from domain.errors import DuelineError
from ops.commands_orders import AsJson, Key
from ops.order_tables import console, short, words
from ops.repair.differences import Difference
from ops.repair.finding import find_order
from ops.repair.mending import mend
from ops.repair.orphans import orphans
from ops.repair.pacing import Pace
from ops.repair.reconciling import Compared, compare, compare_all, notices_behind
from ops.repair.site import Site
from ops.site import open_site

PER_SECOND = 50.0
EXIT_DIFFERENT = 1


async def reconcile(
    *orders: str,
    repair: Annotated[bool, Parameter(negative="")] = False,
    rate: float = PER_SECOND,
    as_json: AsJson = False,
    key: Key = None,
) -> int:
    """Compare workflows with the database, both ways; without orders all open ones.

    Also those that closed within seven days. An order that moves is compared again before
    anything is said of it. Ends with 1 when something differs and was not mended.

    Examples

        dueline ops reconcile
        dueline ops reconcile SO-2026-000004 --repair
        dueline ops reconcile --repair --json

    Parameters
    ----------
    orders
        Their numbers, ids, or beginnings of ids.
    repair
        Mend the database from the workflow, an order in one transaction, noted in the trail.
    rate
        At most so many orders a second.
    """
    if rate <= 0:
        raise DuelineError("--rate has to be above 0, such as 50.")
    async with open_site(key) as site:
        found = await _compared(site, orders, Pace(per_second=rate))
        if repair:
            found = [await mend(site, one, named=bool(orders)) for one in found]
        behind = None if orders else await notices_behind(site)
    _say(found, behind, as_json=as_json)
    left = any(one.differences or one.unasked for one in found) or behind is not None
    return EXIT_DIFFERENT if left else 0


async def _compared(site: Site, orders: tuple[str, ...], pace: Pace) -> list[Compared]:
    if orders:
        return [await compare(site, (await find_order(site, one)).id) for one in orders]
    with _bar() as progress:
        found = [one async for one in compare_all(site, pace, progress)]
    known = {one.order_id for one in found if one.differences}
    return [*found, *(one for one in await orphans(site, pace) if one.order_id not in known)]


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error; yields what moves it."""
    columns = (TextColumn("comparing"), BarColumn(), MofNCompleteColumn())
    terminal = Console(stderr=True)
    with Progress(
        *columns, console=terminal, transient=True, disable=not terminal.is_terminal
    ) as bar:
        task = bar.add_task("")
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _say(found: list[Compared], behind: Difference | None, *, as_json: bool) -> None:
    if as_json:
        said = [
            one.model_dump(mode="json")
            for one in found
            if one.differences or one.repaired or one.moving or one.unasked
        ]
        notices = behind.model_dump(mode="json") if behind else None
        print(
            json.dumps(
                {"compared": len(found), "orders": said, "notices": notices}, ensure_ascii=False
            )
        )
        return
    table = Table("order", "what", "of", "workflow says", "database says", "now")
    for one in found:
        for difference in one.repaired:
            _row(table, one, difference, "mended")
        for difference in one.differences:
            now = difference.advice or f"dueline ops reconcile {short(one.name)} --repair"
            _row(table, one, difference, now)
    if behind is not None:
        table.add_row("-", words(behind.kind), behind.subject, "-", behind.database, behind.advice)
    if table.row_count:
        console().print(table)
    for one in found:
        if one.unasked:
            print(f"{one.name} was not compared: {one.unasked}", file=sys.stderr)
        if one.moving:
            print(
                f"{one.name} was not compared: it moves all the time; ask again.", file=sys.stderr
            )
    print(_sum(found))


def _row(table: Table, one: Compared, difference: Difference, now: str) -> None:
    table.add_row(
        one.number or short(one.order_id),
        difference.kind.value.replace("-", " "),
        short(difference.subject),
        difference.workflow,
        difference.database,
        now,
    )


def _sum(found: list[Compared]) -> str:
    different = sum(bool(one.differences) for one in found)
    mended = sum(bool(one.repaired) for one in found)
    parts = [f"{len(found)} compared", f"{different} differ"]
    if mended:
        parts.append(f"{mended} mended")
    return ", ".join(parts) + "."
