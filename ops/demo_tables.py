"""The demo's last page: what happened to each order, the overdue cases, and where to look on."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.demo_report import Report, Told
from ops.order_tables import local, words
from ops.up import Platform

INTERESTING = 3
NUMBERS_WIDTH = 72  # what the other columns of the table of orders need
NAME_WIDTH_MIN = 8
STORY_WIDTH = 140  # a narrower terminal gets the stories below the table
# What each saved view of the Web UI shows, and the query behind it.
VIEWS = {
    "Overdue cases": 'WorkflowType="OverdueCaseWorkflow"',
    "Cancelled orders": 'DuelineStage="cancelled"',
    "Rush orders": "DuelineRush=true",
    "Late right now (empty once all are done)": 'DuelineSlaState="breached"',
}


def print_report(console: Console, report: Report, names: Mapping[str, str]) -> None:
    """Orders, cases, totals, and what did not go as told."""
    wide = console.width >= STORY_WIDTH
    console.print(_orders(report, names, console.width, with_stories=wide))
    if not wide:
        for told in _by_story(report):
            if told.story.is_eventful:
                console.print(f"{told.number}  {told.story.text}")
    console.print(_cases(report))
    totals = report.totals
    console.print(
        f"{totals['orders']} orders: {totals['completed']} completed, {totals['cancelled']} "
        f"cancelled. Windows: {totals['windows_kept']} kept, {totals['windows_warned']} kept after "
        f"a warning, {totals['windows_breached']} breached, with {totals['overdue_cases']} overdue "
        "cases."
    )
    if not report.trouble:
        console.print("Everything happened as examples/scenario.json tells it.")
    for what in report.trouble:
        console.print(Text(f"Not as told: {what}", style="red"))


def print_links(console: Console, report: Report, running: Platform) -> None:
    """Where to look while the platform runs."""
    console.print("Look around")
    for name, address in links(report, running):
        # Never folded: a terminal opens whole addresses only.
        console.print(f"  {name}: {address}", soft_wrap=True)


def links(report: Report, running: Platform) -> Iterator[tuple[str, str]]:
    """Names and addresses."""
    if running.ui_url is not None:
        workflows = f"{running.ui_url}/namespaces/default/workflows"
        yield "Web UI, all orders", workflows
        for name, query in VIEWS.items():
            yield name, f"{workflows}?query={quote(query, safe='')}"
    for told in _interesting(report):
        if told.web_ui is not None:
            yield f"{told.number}, {_why(told)}", told.web_ui
    yield "API documentation", f"{running.api_url}/docs"


def _interesting(report: Report) -> list[Told]:
    """One that failed inspection, the one that climbed highest, one that was cancelled."""
    eventful = [
        max(report.orders, key=lambda told: told.story.qc_fails),
        max(report.orders, key=lambda told: told.story.highest.level if told.story.highest else -1),
        max(report.orders, key=lambda told: told.state == "cancelled"),
    ]
    return list({told.id: told for told in eventful}.values())[:INTERESTING]


def _why(told: Told) -> str:
    if told.state == "cancelled":
        return "cancelled"
    return "failed inspection" if told.story.qc_fails else f"climbed to {told.highest or 'nothing'}"


def _orders(report: Report, names: Mapping[str, str], width: int, *, with_stories: bool) -> Table:
    table = Table(title="What happened", title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("order", no_wrap=True, min_width=14)
    name_width = max(width - NUMBERS_WIDTH, NAME_WIDTH_MIN)
    table.add_column("customer", no_wrap=True, overflow="ellipsis", max_width=name_width)
    table.add_column("outcome", min_width=9)
    for name in ("days", "kept", "warned", "breached"):
        table.add_column(name, justify="right", min_width=len(name))
    table.add_column("rung", min_width=10)
    if with_stories:
        table.add_column("story", ratio=1)
    for told in _by_story(report):
        table.add_row(
            told.number,
            names[told.customer],
            Text(told.state, style="" if told.state == "completed" else "yellow"),
            "-" if told.days is None else f"{told.days:.1f}",
            str(told.kept),
            str(told.warned),
            Text(str(told.breached), style="red" if told.breached else ""),
            told.highest or "-",
            *([told.story.text] if with_stories else []),
        )
    return table


def _by_story(report: Report) -> list[Told]:
    return sorted(report.orders, key=lambda told: told.story.name)


def _cases(report: Report) -> Table:
    table = Table(title="Overdue cases", title_justify="left")
    table.add_column("order", no_wrap=True, min_width=14)
    for name in ("rule", "step", "was due", "cause", "responsible", "state"):
        table.add_column(name)
    for case in report.cases:
        table.add_row(
            case["order_number"] or "-",
            case["rule"],
            words(case["step"]),
            local(case["due_at"]),
            words(case["cause"]).lower(),
            words(case["responsible"]),
            case["state"],
        )
    return table
