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
# What each saved view of the Web UI shows, and the query behind it.
VIEWS = {
    "Overdue cases": 'WorkflowType="OverdueCaseWorkflow"',
    "Cancelled orders": 'DuelineStage="cancelled"',
    "Rush orders": "DuelineRush=true",
    "Late right now (empty once all are done)": 'DuelineSlaState="breached"',
}


def print_report(console: Console, report: Report, names: Mapping[str, str]) -> None:
    """Orders, cases, totals, and what did not go as told."""
    console.print(_orders(report, names))
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
    table = Table(title="Look around", title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, address in links(report, running):
        table.add_row(name, address)
    console.print(table)


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


def _orders(report: Report, names: Mapping[str, str]) -> Table:
    table = Table(title="What happened", title_justify="left", show_lines=False)
    for name in ("order", "customer", "outcome"):
        table.add_column(name)
    for name in ("days", "kept", "warned", "breached"):
        table.add_column(name, justify="right")
    table.add_column("highest rung")
    table.add_column("story", ratio=1)
    for told in sorted(report.orders, key=lambda told: told.story.name):
        table.add_row(
            told.number,
            names[told.customer],
            Text(told.state, style="" if told.state == "completed" else "yellow"),
            "-" if told.days is None else f"{told.days:.1f}",
            str(told.kept),
            str(told.warned),
            Text(str(told.breached), style="red" if told.breached else ""),
            told.highest or "-",
            told.story.text,
        )
    return table


def _cases(report: Report) -> Table:
    table = Table(title="Overdue cases", title_justify="left")
    for name in ("order", "rule", "step", "was due", "cause", "responsible", "state"):
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
