"""`python -m tests.scale`: what one order costs, and what many need.

Without an option it measures on servers of its own (about five minutes on two cores) and prints.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.scale import document
from tests.scale.measuring import measure
from tests.scale.needs import needs
from tests.scale.records import MEASURED, Measured, load_measured
from tests.scale.simulation import Company, simulate

ORDERS, FEW = 80, 30
PRINTED = {
    "What one order costs": document.costs,
    "Rows and bytes of an S08 order in time": document.by_table,
    "An order that waits": document.idle,
    "What this machine does": document.rates,
    "100,000 orders a day, 1,000,000 open": needs,
    "First limits": document.first_limits,
}


def main() -> None:
    """Reads the options and does what they say."""
    asked = options()
    if asked.simulate:
        show_simulation(asked.json)
        return
    measured = load_measured() if asked.stored else run(asked)
    if asked.write:
        MEASURED.write_text(measured.model_dump_json(indent=1) + "\n", encoding="utf-8")
        text = document.DOCUMENT.read_text(encoding="utf-8")
        document.DOCUMENT.write_text(document.written(text, measured), encoding="utf-8")
    if asked.json:
        print(measured.model_dump_json(indent=1))
        return
    for title, made in PRINTED.items():
        show(title, *made(measured))


def options() -> argparse.Namespace:
    """What can be asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.scale",
        description="Measure what one order costs; reckon what 100,000 a day need.",
        epilog="Examples: python -m tests.scale --stored; python -m tests.scale --write",
    )
    parser.add_argument("--stored", action="store_true", help="the stored figures, no servers")
    parser.add_argument("--simulate", action="store_true", help="a company's weeks, no servers")
    parser.add_argument("--write", action="store_true", help="keep figures and document's tables")
    parser.add_argument("--json", action="store_true", help="figures for machines")
    parser.add_argument("--orders", type=int, default=ORDERS, help="S08 orders in time")
    parser.add_argument("--few", type=int, default=FEW, help="orders of each other kind")
    return parser.parse_args()


def run(asked: argparse.Namespace) -> Measured:
    """Measures."""
    folder = Path(tempfile.mkdtemp(prefix="dueline-floor-"))

    def say(what: str) -> None:
        print(what, file=sys.stderr, flush=True)

    return asyncio.run(measure(folder, asked.orders, asked.few, say))


def show_simulation(as_json: bool) -> None:
    """Lives the weeks and prints what was counted."""
    outcome = simulate(Company())
    figures = {
        "working days counted": outcome.days,
        "orders that came": outcome.arrived,
        "open on average, looked": round(outcome.open_mean),
        "open on average, Little's law": round(outcome.open_by_littles_law),
        "open for each order a day": round(outcome.open_mean / outcome.company.orders_a_day, 2),
        "busiest quarter to mean one": round(outcome.peak_factor, 2),
        "marks in one second for each order a day": round(outcome.marks_at_once_share, 2),
        "breaches": outcome.breaches,
    }
    if as_json:
        Console().print_json(data=figures)
        return
    show("A company's weeks", ("what", "figure"), [(k, str(v)) for k, v in figures.items()])


def show(title: str, head: document.Row, rows: Sequence[document.Row]) -> None:
    """Prints a table."""
    table = Table(title=title)
    for number, name in enumerate(head):
        table.add_column(name, justify="right" if number else "left")
    for row in rows:
        table.add_row(*(cell.replace("**", "").replace("`", "") for cell in row))
    Console().print(table)


if __name__ == "__main__":
    code = 0
    try:
        main()
    except Exception:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # The SDK can abort while the interpreter ends (sdk-python#300); everything is done by now.
    os._exit(code)
