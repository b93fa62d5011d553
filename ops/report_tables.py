"""An assessment as tables for a terminal, each with a line that says what it counts."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.table import Table
from rich.text import Text

from ops.order_tables import Item, console, local, money

TABLES = {
    "department": ("departments", "By department 部门"),
    "person": ("persons", "By person 个人"),
    "profile": ("profiles", "By profile 制度"),
    "stage": ("stages", "By stage 阶段"),
    "cause": ("causes", "By cause 原因"),
}
_CODED = {"By profile 制度", "By stage 阶段"}
"""Tables whose lines are known by their codes."""

BAR_CELLS = 20
_COUNTS = ("kept", "warned", "breached", "by customer", "given up", "overdue %")
_TIMES = ("used p50 %", "used p90 %", "overdue days", "longest")
_MONEY = ("fines", "rewards")
_SHOWN_ONCE = {"overdue %", "time used", "overdue days", "breached, by customer"}


def print_report(report: Item, by: str | None) -> None:
    """All tables, or the one that is cut `by` something, under the indicators."""
    out = console()
    running = "" if report["complete"] else f", still running: counted until {_until(report)}"
    out.print(Text(f"Assessment 考核 {report['period']}{running}", style="bold"))
    out.print(_kpis(report["kpis"]))
    for name in [by] if by else TABLES:
        field, title = TABLES[name]
        if report[field] is None:
            out.print(f"{title}: shown to control and leadership only")
        elif not report[field]:
            out.print(f"{title}: nothing was decided")
        else:
            total = report["total"] if field == "departments" else None
            out.print(_scores(title, report[field], total))
    for one in report["definitions"]:
        if one["term"] in _SHOWN_ONCE:
            out.print(Text(f"{one['term']} {one['term_zh']}: {one['text']}", style="dim"))


def _until(report: Item) -> str:
    return local(report["counted_until"])


def _kpis(kpis: Sequence[Item]) -> Table:
    table = Table(title="Indicators 指标", title_justify="left")
    table.add_column("indicator")
    table.add_column("of", justify="right")
    table.add_column("%", justify="right")
    table.add_column("")
    table.add_column("target", justify="right")
    table.add_column("what it counts", overflow="fold")
    for kpi in kpis:
        table.add_row(
            f"{kpi['name']}\n{kpi['name_zh']}",
            f"{kpi['count']} of {kpi['out_of']}",
            _or_dash(kpi["percent"]),
            _bar(kpi),
            _target(kpi),
            Text(kpi["definition"], style="dim"),
        )
    return table


def _bar(kpi: Item) -> Text:
    if kpi["percent"] is None:
        return Text("nothing to count", style="dim")
    cells = int(Decimal(kpi["percent"]) * BAR_CELLS / 100)
    style = {None: "cyan", True: "green", False: "red"}[kpi["met"]]
    return Text("█" * cells, style=style).append("·" * (BAR_CELLS - cells), style="dim")


def _target(kpi: Item) -> Text:
    if kpi["target_percent"] is None:
        return Text("-")
    said, style = {None: ("", ""), True: (" met", "green"), False: (" missed", "red")}[kpi["met"]]
    return Text(f"{kpi['target_percent']}{said}", style=style)


def _scores(title: str, scores: Sequence[Item], total: Item | None) -> Table:
    lines = [*scores, *([total] if total else [])]
    money_names = [name for name in _MONEY if any(line[name] for line in lines)]
    rows = [_row(line, money_names) for line in lines]
    footer = rows.pop() if total else [""] * len(rows[0])
    table = Table(title=title, title_justify="left", show_footer=total is not None)
    table.add_column("", _name(total) if total else "", overflow="fold")
    for header, text in zip((*_COUNTS, *_TIMES, *money_names), footer, strict=True):
        table.add_column(header, text, justify="right")
    for score, row in zip(scores, rows, strict=True):
        code = f"{score['key']} " if title in _CODED else ""
        # As text: a person named "[red]" is no style.
        table.add_row(Text(code + _name(score)), *row, style="red" if score["breached"] else "")
    return table


def _row(score: Item, money_names: Sequence[str]) -> list[str]:
    return [
        str(score["kept"]),
        str(score["warned"]),
        str(score["breached"]),
        str(score["breached_by_customer"]),
        str(score["given_up"]),
        _or_dash(score["overdue_percent"]),
        _or_dash(score["used_p50_percent"]),
        _or_dash(score["used_p90_percent"]),
        score["overdue_days"],
        score["overdue_longest_days"],
        *(_sums(score[name]) for name in money_names),
    ]


def _name(score: Item) -> str:
    """The name in both languages where there are two."""
    return " ".join(dict.fromkeys((score["name"], score["name_zh"])))


def _sums(sums: Sequence[Item]) -> str:
    return "\n".join(money(one["amount"], one["currency"]) for one in sums) or "-"


def _or_dash(value: Any) -> str:
    return "-" if value is None else str(value)
