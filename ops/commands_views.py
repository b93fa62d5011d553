"""`dueline ops views`: the saved views of the Web UI, with how many there are of each."""

import json
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from ops.commands_orders import AsJson, Key
from ops.order_tables import console
from ops.repair.pacing import Pace
from ops.repair.views import View, count, retrying, views
from ops.site import open_site
from policy.loader import load_all


async def show_views(
    *,
    scan: Annotated[bool, Parameter(negative="")] = False,
    as_json: AsJson = False,
    key: Key = None,
) -> None:
    """List views of the Temporal Web UI, how many there are of each, and their links.

    The links open a list that the Web UI offers to save. Their instants are counted from now.

    Examples

        dueline ops views
        dueline ops views --scan --json

    Parameters
    ----------
    scan
        Also look at open orders themselves for activities that are tried again, at most 500.
    """
    async with open_site(key) as site:
        known = views(datetime.now(UTC), load_all().profiles.values())
        rows = [(view, await count(site, view)) for view in known]
        if scan:
            found = await retrying(site, Pace())
            looked = f"Of {found.looked_at} open orders that were looked at."
            rows = [
                (_scanned(view, found.query, looked), len(found.workflow_ids))
                if view.name == "retrying"
                else (view, number)
                for view, number in rows
            ]
        shown = [
            {**view.model_dump(), "count": number, "url": site.list_url(view.query, view.title)}
            if view.query
            else {**view.model_dump(), "count": number, "url": None}
            for view, number in rows
        ]
    if as_json:
        print(json.dumps(shown, ensure_ascii=False))
        return
    table = Table("view", "now", "what it shows")
    for item in shown:
        number = "-" if item["count"] is None else str(item["count"])
        table.add_row(item["title"], number, item["sentence"])
    console().print(table)
    for item in shown:
        if item["url"]:
            print(f"{item['title']}: {item['url']}")


def _scanned(view: View, query: str | None, sentence: str) -> View:
    return view.model_copy(update={"query": query, "sentence": sentence})
