"""What the commands about changes print: tables for people. Times stand in the company's zone."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from rich.table import Table

from domain.limits import Limit
from ops.order_tables import Item, console, local, money, short, words

_TOUCHED = {"lines.quantity_up": "more of a line", "lines.quantity_down": "less of a line"}
_TOUCHED |= {"lines.added": "line added", "lines.removed": "line removed"}
_TOUCHED |= {"lines.product": "product exchanged", "lines.specification": "specification"}


def print_impact(impact: Item) -> None:
    """What a change would mean: class, price, date, who agrees, what goes back and what is lost."""
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("class", impact["class"])
    table.add_row("touches", _touched(impact["touches"]))
    currency = impact["currency"]
    before, after = (money(impact[name], currency) for name in ("price_before", "price_after"))
    difference = Decimal(impact["price_difference"])
    table.add_row("price", f"{before} → {after} ({difference:+})" if difference else before)
    promised = [local(impact[name]) for name in ("promised_before", "promised_after")]
    moved = datetime.fromisoformat(impact["promised_before"]) != datetime.fromisoformat(
        impact["promised_after"]
    )
    table.add_row("promised", " → ".join(promised) if moved else promised[0])
    if impact["ready_at"]:
        table.add_row("could be made by", local(impact["ready_at"]))
    for refused in impact["refused"]:
        instead = f"; {refused['instead']}" if refused["instead"] else ""
        why = f"{_touched([refused['touch']])}: {refused['because']}{instead}"
        table.add_row("not possible", why)
    if impact["back_to"]:
        table.add_row("goes back to", words(impact["back_to"]))
    for name in impact["needs"]:
        table.add_row("needs", words(name))
    for agreed in impact["must_agree"]:
        limit = Limit.parse(agreed["limit"]).words
        table.add_row("has to agree", f"{words(agreed['role'])}: {agreed['title']}, {limit}")
    if impact["told"]:
        table.add_row("are told", ", ".join(map(words, impact["told"])))
    for back in impact["given_back"]:
        when = ""
        if back["starts_at"]:
            when = f" from {local(back['starts_at'])} to {local(back['ends_at'])}"
        table.add_row("given back", f"{back['text']}{when}")
    for lost in impact["lost"]:
        table.add_row("lost", lost["text"])
    for voided in impact["voided"]:
        table.add_row("to be signed again", f"{voided['title']} ({words(voided['role'])})")
    console().print(table)


def print_change(change: Item) -> None:
    """That a change was taken, and where it can be seen."""
    asked = f", asked: {', '.join(map(words, change['asked']))}" if change["asked"] else ""
    print(f"change {short(change['id'])} ({change['class']}) is {change['state']}{asked}")
    print(f"see `dueline changes {short(change['order_id'])}`")


def print_changes(changes: Sequence[Item]) -> None:
    """What was wished of an order, the newest first."""
    table = Table("change", "asked at", "class", "touches", "state", "waits for", "reason")
    for change in changes:
        table.add_row(
            short(change["id"]),
            local(change["requested_at"]),
            change["class"] or change["kind"],
            _touched(change["touches"]) or ", ".join(change["fields"]) or "-",
            change["state"],
            ", ".join(map(words, change["asked"])) or "-",
            change["reason"] or "-",
        )
    if changes:
        console().print(table)
    print(f"{len(changes)} wish{'' if len(changes) == 1 else 'es'}")


def _touched(touches: Sequence[str]) -> str:
    return ", ".join(_TOUCHED.get(touch, words(touch)) for touch in touches)
