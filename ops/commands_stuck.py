"""`dueline ops stuck`: every order that cannot move, why, and the command that cures it."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ops.commands_orders import AsJson, Key
from ops.repair.stuck import find_stuck
from ops.repair.stuck_model import StuckCause, StuckReport
from ops.site import open_site
from ops.stuck_tables import print_findings

EXIT_STUCK = 3
MANY = 200  # workflows from which on a bar says how far it is


async def stuck(
    *orders: str,
    cause: StuckCause | None = None,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    as_json: AsJson = False,
    key: Key = None,
) -> int:
    """Find every order and overdue case that cannot move, why, and what cures it; the worst first.

    Needs no worker. Exit code 0 when nothing is stuck, 3 when something is.

    Examples

        dueline ops stuck
        dueline ops stuck SO-2026-000004 SO-2026-000007
        dueline ops stuck --cause activity-retrying --json

    Parameters
    ----------
    orders
        Only these: number, id, beginning of the id, or workflow id.
    cause
        Only this cause; docs/stuck.md has a section for each.
    all_
        Also orders that operations have held for more than a day.
    """
    async with open_site(key, engine_may_be_away=True) as site:
        with _bar() as progress:
            report = await find_stuck(site, orders=orders or None, progress=progress, holds=all_)
    if cause is not None:
        chosen = tuple(one for one in report.findings if one.cause is cause)
        report = report.model_copy(update={"findings": chosen})
    if as_json:
        print(json.dumps(report.model_dump(mode="json"), ensure_ascii=False, indent=2))
    else:
        print_findings(report.findings)
        for said in (*report.unasked, *report.remarks):
            print(f"Note: {said}.")
        print(_summary(report))
    return EXIT_STUCK if report.findings else 0


def _summary(report: StuckReport) -> str:
    among = f"{report.orders} open order{'' if report.orders == 1 else 's'}"
    looked = f"looked in {report.seconds:.1f} s"
    if not report.findings:
        return f"Nothing is stuck among {among} ({looked})."
    counts = Counter(one.cause for one in report.findings).most_common()
    causes = ", ".join(f"{count} {cause.value}" for cause, count in counts)
    return f"{len(report.findings)} stuck among {among}: {causes} ({looked})."


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error while many workflows are looked at."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines
        return
    columns = (TextColumn("looking at workflows"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(done: int, total: int) -> None:
    """A line a thousand, where nobody watches a bar."""
    if total >= MANY and (done == total or done % 1000 == 0):
        print(f"looked at {done} of {total} workflows", file=sys.stderr)
