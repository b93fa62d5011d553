"""2,000 windows that breach at the same instant: how long the last took, and what each cost."""

import time
from datetime import timedelta

from rich.console import Console
from rich.table import Table
from temporalio.client import Client

from store import tables
from tests.workflow.floor import Floor
from tests.workflow.storm import count_rows, storm, until
from worker import build_worker

ORDERS, WINDOWS_EACH = 200, 10
LEAD = timedelta(seconds=60)


async def measure_breaches(floor: Floor, client: Client) -> None:
    """Lets them all breach, waits for the last overdue case, and prints what it took."""
    async with build_worker(client, floor.engine, floor.task_queue):
        outcome = await storm(floor, orders=ORDERS, windows_each=WINDOWS_EACH, lead=LEAD)
        began = time.monotonic()
        await until(floor, count_rows(tables.overdue_cases), outcome.windows)
        cases_seconds = outcome.last_breach_seconds + time.monotonic() - began
    table = Table(title=f"{outcome.windows} windows of {ORDERS} orders breach at one instant")
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_row("until the last breach is recorded", f"{outcome.last_breach_seconds:.1f} s")
    table.add_row("until the last overdue case is open", f"{cases_seconds:.1f} s")
    table.add_row("history events of the orders a breach", f"{outcome.events_per_breach:.1f}")
    Console().print(table)
