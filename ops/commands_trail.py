"""`dueline ops trail`: what operations have done, the newest first."""

import json

from rich.table import Table

from ops.commands_orders import AsJson, Key
from ops.order_tables import console, local, short
from ops.site import open_site
from store.audit import OpsActionRow, read_actions


async def trail(
    *, target: str | None = None, limit: int = 50, as_json: AsJson = False, key: Key = None
) -> None:
    """List what operations have done, the newest first: who, what, why, and what came of it.

    Examples

        dueline ops trail
        dueline ops trail --target 0198f6c2-1111-4222-8333-944445555666 --json

    Parameters
    ----------
    target
        Only what concerned this order id, activity type or version.
    limit
        At most so many lines.
    """
    async with open_site(key) as site, site.database.connect() as conn:
        rows = await read_actions(conn, target=target, limit=limit)
    if as_json:
        print(json.dumps([row.model_dump(mode="json") for row in rows], ensure_ascii=False))
        return
    console().print(_table(rows))


def _table(rows: list[OpsActionRow]) -> Table:
    table = Table("at", "by", "action", "target", "reason", "outcome")
    for row in rows:
        at = local(row.at.isoformat())
        table.add_row(at, row.by, row.action, short(row.target), row.reason, row.outcome)
    return table
