"""What the order commands print: tables for people. Times stand in the company's zone."""

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.answers import by_outcome
from domain.money import Currency, rounded
from domain.stages import Stage

COMPANY_ZONE = ZoneInfo("Asia/Shanghai")
"""The zone of calendar `cn`, which every profile counts in."""

WIDE = 160  # columns where there is no terminal to fit into
_UUID_TAIL = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SLACK_STYLES = {"on_time": "green", "warned": "yellow", "breached": "red"}

Item = Mapping[str, Any]


def short(id: str) -> str:
    """An id with the order's part cut to eight characters: `3f2a9c1e.plan.1.production`."""
    return _UUID_TAIL.sub(r"\1", id)


def local(instant: str | None) -> str:
    """An instant in the company's zone with its offset, to the minute."""
    if instant is None:
        return "-"
    at = datetime.fromisoformat(instant).astimezone(COMPANY_ZONE)
    return at.isoformat(sep=" ", timespec="minutes")


def words(value: str | None) -> str:
    """`sales_manager` as `sales manager`; a dash for nothing."""
    return value.replace("_", " ") if value else "-"


def stage_words(code: str | None) -> str:
    """`L21` as `final QC`."""
    return Stage(code).words if code else "-"


def money(amount: str, currency: str) -> str:
    """An amount in whole minor units: `8960.00 CNY`."""
    return f"{rounded(Decimal(amount), Currency(currency))} {currency}"


def slack_text(slack: str) -> Text:
    """How an order stands, in its colour."""
    return Text(words(slack), style=SLACK_STYLES.get(slack, ""))


def console() -> Console:
    """Standard output; wide and without colours where it is no terminal."""
    width = None if sys.stdout.isatty() else WIDE
    return Console(width=width, highlight=False, emoji=False)


def print_submitted(sent: Sequence[Item]) -> None:
    """What became of each order that was sent."""
    if not sent:
        return
    table = Table("file", "line", "customer", "order", "submitted")
    for item in sent:
        order = short(item["id"]) if item["id"] else "-"
        table.add_row(item["file"], str(item["line"]), item["customer"], order, item["submitted"])
    console().print(table)
    new = sum(item["submitted"] == "now" for item in sent)
    before = f", {len(sent) - new} before" if len(sent) > new else ""
    print(f"{new} submitted now{before}")


def print_orders(orders: Sequence[Item]) -> None:
    """A row an order."""
    table = Table("order", "customer", "stage", "waiting for", "due", "slack", "state")
    for order in orders:
        table.add_row(
            order["number"] or short(order["id"]),
            order["customer"] + (" (rush)" if order["rush"] else ""),
            stage_words(order["stage"]),
            words(order["waiting_role"]),
            local(order["due_at"]),
            slack_text(order["slack"]),
            words(order["state"]),
        )
    _print(table, len(orders), "order")


def print_tasks(tasks: Sequence[Item]) -> None:
    """A row a task; the short id is what `dueline complete` takes."""
    table = Table()
    table.add_column("task", no_wrap=True)
    for name in ("order", "role", "what", "outcomes", "needs", "due"):
        table.add_column(name)
    for task in tasks:
        table.add_row(
            short(task["id"]),
            task["order_number"] or "-",
            words(task["role"]),
            task["title"],
            _outcomes(task["outcomes"]),
            _needs(task["requires"]),
            local(task["due_at"]),
        )
    _print(table, len(tasks), "open task")


def print_order(order: Item, windows: Sequence[Item], timeline: Sequence[Item]) -> None:
    """One order: where it stands, its clocks, its story."""
    out = console()
    facts = Table(show_header=False, title=_name(order), title_justify="left")
    rows = {
        "state": words(order["state"]) + (f": {order['reason']}" if order["reason"] else ""),
        "customer": order["customer"],
        "profile": order["profile"],
        "amount": money(order["amount"], order["currency"]),
        **_waiting(order["waiting"]),
        "promised": local(order["promised_at"]),
        "slack": slack_text(order["slack"]),
        "Web UI": order["links"]["web_ui"] or "-",
    }
    for name, value in rows.items():
        facts.add_row(name, value)
    out.print(facts)
    out.print(_windows(windows))
    story = Table("when", "what happened", title="Story", title_justify="left")
    for event in timeline:
        story.add_row(local(event["at"]), event["text"])
    out.print(story)


def _waiting(waiting: Item | None) -> dict[str, str]:
    """What an open order waits for; nothing for a closed one."""
    if waiting is None:
        return {}
    rows = {
        "stage": f"{stage_words(waiting['stage'])} {waiting['title_zh'] or ''}".strip(),
        "waiting for": " and ".join(words(who) for who in waiting["for"]) or "-",
        "since": local(waiting["since"]),
        "due": local(waiting["due_at"]),
    }
    if hold := waiting["on_hold"]:
        because = f": {hold['because']}" if hold["because"] else ""
        rows["on hold"] = f"since {local(hold['since'])}{because}"
    if waiting["blocked"]:
        rows["blocked"] = waiting["blocked"]
    if error := waiting["last_error"]:
        again = f", next try {local(error['next_try_at'])}" if error["next_try_at"] else ""
        rows["last error"] = f"{error['what']} (attempt {error['attempt']}{again})"
    rows["next"] = "\n".join(waiting["next"]) or "-"
    return rows


def _windows(windows: Sequence[Item]) -> Table:
    table = Table(title="Clocks", title_justify="left")
    for name in ("rule", "step", "role", "limit", "started", "due", "state", "marks"):
        table.add_column(name)
    for window in windows:
        marks = ", ".join(mark["mark"] for mark in window["marks"] or ())
        table.add_row(
            window["rule"],
            words(window["step"]),
            words(window["role"]),
            window["limit"],
            local(window["started_at"]),
            local(window["due_at"]),
            _window_state(window),
            marks or "-",
        )
    return table


def _window_state(window: Item) -> Text:
    if window["paused_at"] and not window["stopped_at"]:
        return Text(f"paused ({', '.join(window['paused_for'])})", style="yellow")
    return Text(window["state"], style="red" if window["state"] == "breached" else "")


def _name(order: Item) -> str:
    lines = order["order"]["lines"]
    goods = ", ".join(f"{line['quantity']} x {line['product']}" for line in lines)
    return f"{order['number'] or short(order['id'])}: {goods}"


def _needs(requires: Sequence[str]) -> str:
    """What the first outcome needs; a step that ships in parts asks for more with the others."""
    named = [(of, ", ".join(names)) for of, names in by_outcome(requires).items()]
    if not named:
        return "-"
    outcome, names = named[0]
    shown = f"{outcome}: {names}" if outcome else names
    return f"{shown}, …" if len(named) > 1 else shown


def _outcomes(outcomes: Sequence[str]) -> str:
    # An overdue case offers two dozen causes.
    shown = ", ".join(outcomes[:4])
    return f"{shown}, … ({len(outcomes)})" if len(outcomes) > 4 else shown


def _print(table: Table, count: int, noun: str) -> None:
    if count:
        console().print(table)
    print(f"{count} {noun}{'' if count == 1 else 's'}")
