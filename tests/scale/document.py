"""The tables of `docs/scale.md`: each stands between two marks and is written from the figures."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.scale.kinds import TITLES
from tests.scale.limits import limits
from tests.scale.load import Load, Servers
from tests.scale.needs import needs
from tests.scale.records import Costs, Measured
from tests.scale.sizing import blend, peaks, workers

DOCUMENT = Path(__file__).parents[2] / "docs" / "scale.md"
FIGURE = frozenset("0123456789-")
ENOUGH_ORDERS = 50
"""Below, log and growth are mostly the first touch of each page and say nothing of an order."""
GROWN, LOGGED = "the same as grown, with dead rows", "bytes of write-ahead log"
RATHER_MANY = {GROWN, LOGGED}
BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

Row = Sequence[str]
Made = tuple[Row, Sequence[Row]]


def written(text: str, measured: Measured) -> str:
    """The document with its tables as these figures make them."""
    made = tables(measured)

    def fill(found: re.Match[str]) -> str:
        return f"{found[1]}{made[found[2]]}\n{found[3]}"

    return BLOCK.sub(fill, text)


def tables(measured: Measured) -> dict[str, str]:
    """Every table by its name."""
    return {
        "costs": markdown(*costs(measured)),
        "tables": markdown(*by_table(measured)),
        "idle": markdown(*idle(measured)),
        "rates": markdown(*rates(measured)),
        "needs": markdown(*needs(measured)),
        "limits": markdown(*first_limits(measured)),
    }


def markdown(head: Row, rows: Sequence[Row]) -> str:
    """A table; columns of figures lean to the right."""
    sides = ["---:" if all(r[n][:1] in FIGURE for r in rows) else "---" for n in range(len(head))]
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join(sides) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def costs(measured: Measured) -> Made:
    """What one order of each kind costs."""

    def of_history(name: str) -> Callable[[Costs], float]:
        return lambda one: float(getattr(one.history, name))

    asked: dict[str, tuple[Callable[[Costs], float], str]] = {
        "history events, with its cases": (of_history("events"), ".0f"),
        "history events of the order alone": (of_history("own_events"), ".0f"),
        "history bytes": (of_history("history_bytes"), ",.0f"),
        "state transitions": (of_history("state_transitions"), ".0f"),
        "workflow tasks": (of_history("workflow_tasks"), ".0f"),
        "activities": (of_history("activities"), ".1f"),
        "timers started": (of_history("timers"), ".1f"),
        "updates": (of_history("updates"), ".1f"),
        "signals": (of_history("signals"), ".1f"),
        "upserts of search attributes": (of_history("upserts"), ".1f"),
        "billed actions (Temporal Cloud counts so)": (of_history("actions"), ".0f"),
        "SQL statements of the worker": (lambda one: one.statements, ".0f"),
        "transactions of the worker": (lambda one: one.commits, ".1f"),
        "rows": (lambda one: one.rows_total, ".0f"),
        "of these in the outbox": (lambda one: one.rows.get("outbox", 0), ".1f"),
        "bytes of tables and indexes, packed": (lambda one: one.packed_total, ",.0f"),
        GROWN: (lambda one: one.grown_total, ",.0f"),
        LOGGED: (lambda one: one.wal_bytes, ",.0f"),
        "orders that were measured": (lambda one: one.orders, "d"),
    }
    kinds = measured.costs
    rows = [
        (
            name,
            *(
                "-"
                if name in RATHER_MANY and one.orders < ENOUGH_ORDERS
                else format(figure(one), form)
                for one in kinds.values()
            ),
        )
        for name, (figure, form) in asked.items()
    ]
    return ("one order", *(TITLES[kind] for kind in kinds)), rows


def by_table(measured: Measured) -> Made:
    """Rows and bytes of an S08 order in time by table, and the year at the load's size."""
    load, one = Load(), measured.costs["s08_in_time"]
    a_year = load.orders_a_day * load.working_days_a_year
    names = sorted(one.rows, key=lambda name: -one.packed_bytes.get(name, 0))
    rows = [
        (
            f"`{name}`",
            f"{one.rows[name]:.1f}",
            f"{one.packed_bytes.get(name, 0):,.0f}",
            f"{one.grown_bytes.get(name, 0):,.0f}",
            f"{one.rows[name] * a_year / 1e6:,.0f}",
            f"{one.packed_bytes.get(name, 0) * a_year / 1e9:,.0f}",
        )
        for name in names
    ]
    head = (
        "table",
        "rows",
        "bytes, packed",
        "as grown",
        "million rows a year",
        "GB a year, packed",
    )
    return head, rows


def idle(measured: Measured) -> Made:
    """What an open order costs while nothing happens."""
    one = measured.idle
    return ("an order that waits for its first answer", "figure"), [
        ("history events", f"{one.costs.history.events:.0f}"),
        ("history bytes", f"{one.costs.history.history_bytes:,.0f}"),
        ("of these the first event, with the pinned profile", f"{one.start_event_bytes:,.0f}"),
        ("mutable state, bytes", f"{one.state_bytes:,.0f}"),
        (
            "visibility row with its indexes, bytes (SQLite)",
            f"{one.costs.engine_bytes['executions_visibility']:,.0f}",
        ),
        ("all of the embedded engine's file, bytes", f"{one.costs.engine_total:,.0f}"),
        ("rows in our tables", f"{one.costs.rows_total:.0f}"),
        ("bytes of our tables and indexes, packed", f"{one.costs.packed_total:,.0f}"),
        ("durable timers", f"{one.costs.history.timers:.0f}"),
        ("memory of the worker while cached, bytes", f"{one.cached_bytes:,.0f}"),
    ]


def rates(measured: Measured) -> Made:
    """What the machine did."""
    seen = measured.rates
    spent = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in seen.cpu_seconds.items())
    return (f"{measured.cores} cores, everything on them", "figure"), [
        ("whole S08 orders a second", f"{seen.orders:.1f}"),
        ("processor time of one", spent),
        (
            "an activity from start to end, of one order alone",
            f"{seen.activity_seconds * 1000:.0f} ms",
        ),
        ("events replayed in a second of processor time", f"{seen.replayed_events:,.0f}"),
        ("open orders described a second", f"{seen.describes:,.0f}"),
        ("open orders listed a second", f"{seen.listed:,.0f}"),
        ("workflows told of a calendar a second", f"{seen.told:.0f}"),
        ("windows moved to it a second", f"{seen.windows_moved:.0f}"),
    ]


def first_limits(measured: Measured) -> Made:
    """The limits by the orders a day at which they are met."""
    load, servers = Load(), Servers()
    order = blend(measured, load)
    peak = peaks(order, load)
    work = workers(measured, order, peak, load, servers)
    found = limits(measured, order, peak, work, load, servers)
    return ("limit", "orders a day", "stands on"), [
        (limit.what, f"{limit.orders_a_day:,.0f}", limit.stands_on) for limit in found
    ]
