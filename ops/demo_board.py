"""What the demo shows while it runs: a live table, or a line for each finished order."""

from collections.abc import Mapping
from datetime import datetime

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from domain.windows import Mark
from ops.client import Item
from ops.demo_life import Life
from ops.order_tables import COMPANY_ZONE, slack_text, stage_words, words

ROWS_BESIDE = 10  # lines of a terminal that are not rows of orders
ROWS_MIN = 6


class Board:
    """Which orders wait, are worked on, and are done."""

    def __init__(self, console: Console, names: Mapping[str, str], total: int) -> None:
        self.orders: Mapping[str, Item] = {}
        self._console = console
        self._names = names
        self._total = total
        self._active: dict[str, Life] = {}
        self._done: list[str] = []
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> "Board":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def begin(self, life: Life) -> None:
        """Somebody takes the order up."""
        self._active[life.order_id] = life

    def end(self, life: Life, trouble: str | None) -> None:
        """The order is closed, or cannot go on."""
        self._active.pop(life.order_id, None)
        self._done.append(life.order_id)
        if self._console.is_terminal:
            return
        count = f"{len(self._done):2}/{self._total}"
        order = life.order or {"state": "open", "number": None}
        said = trouble or f"{words(order['state'])} {said_at(life.now)}"
        customer = self._names[life.story.draft.body["customer"]]
        self._console.print(f"{count}  {order['number'] or life.story.name}  {customer}: {said}")

    def show(self, orders: Mapping[str, Item]) -> None:
        """Draws the table anew, on a terminal."""
        self.orders = orders
        if self._console.is_terminal:
            self._live.update(Group(self._table(), self._counts()), refresh=True)

    def _table(self) -> Table:
        table = Table(expand=True)
        for name in ("order", "customer", "stage", "waiting for", "virtual time", "slack", "level"):
            table.add_column(name, no_wrap=True, overflow="ellipsis")
        rows = max(self._console.height - ROWS_BESIDE, ROWS_MIN)
        for order_id, life in list(self._active.items())[:rows]:
            order = self.orders.get(order_id)
            if order is None:
                continue
            table.add_row(
                order["number"] or "new",
                self._names[order["customer"]],
                stage_words(order["stage"]),
                words(order["waiting_role"]),
                said_at(life.now),
                slack_text(order["slack"]),
                level_words(order["level"]),
            )
        return table

    def _counts(self) -> Text:
        waiting = self._total - len(self._done) - len(self._active)
        return Text(
            f"{waiting} wait, {len(self._active)} are worked on, {len(self._done)} are done. "
            "Each order has its own fast-forwarded clock.",
            style="dim",
        )


def said_at(at: datetime) -> str:
    """An instant in the company's zone: `Tue 2026-11-24 16:05 +0800`."""
    return at.astimezone(COMPANY_ZONE).strftime("%a %Y-%m-%d %H:%M %z")


def level_words(level: int | None) -> str:
    """The highest rung in words; a dash for none."""
    return "-" if level is None else tuple(Mark)[level].value
