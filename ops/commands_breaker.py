"""`dueline ops breaker`: stop one department's activity, and let the orders catch up later."""

import json
import sys
from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from ops.commands_orders import AsJson, Key
from ops.order_tables import console, local
from ops.repair.breaker import Breaker, breakers, close_breaker, open_breaker
from ops.site import open_site
from store.audit import OpsAction

HELP = """Stop one department's activity while a carrier or a bank is down; orders wait there.

The clocks of the orders go on: the window is the company's to keep.

Examples

    dueline ops breaker open record_dispatch --because "the carrier's interface is down"
    dueline ops breaker list
    dueline ops breaker close record_dispatch
"""

app = App(name="breaker", help=HELP, help_format="markdown")
Because = Annotated[str, Parameter(help="The reason; the orders show it.")]


@app.command(name="open")
async def open_(activity: str, *, because: Because, key: Key = None) -> None:
    """Stop an activity: no order begins it any more.

    Example: `dueline ops breaker open record_dispatch --because "the carrier is down"`

    Parameters
    ----------
    activity
        The activity's name, such as record_dispatch.
    """
    async with open_site(key) as site:
        await open_breaker(site, activity, because)
        await site.note(OpsAction(action="breaker open", target=activity, reason=because))
    print(
        f"{activity} is stopped within ten seconds; orders wait there, their clocks go on.\n"
        f"Restart it with `dueline ops breaker close {activity}`."
    )


@app.command
async def close(activity: str, *, because: Because = "", key: Key = None) -> None:
    """Restart an activity: the orders that waited catch up.

    Example: `dueline ops breaker close record_dispatch`

    Parameters
    ----------
    activity
        The activity's name, such as record_dispatch.
    """
    async with open_site(key) as site:
        freed = await close_breaker(site, activity, _say)
        outcome = f"{freed} went on"
        await site.note(
            OpsAction(action="breaker close", target=activity, reason=because, outcome=outcome)
        )
    print(f"{activity} works again; {freed} that waited have gone on.")


@app.command(name="list")
async def list_(*, as_json: AsJson = False, key: Key = None) -> None:
    """List the activities that are stopped, and how many orders wait at each.

    Example: `dueline ops breaker list --json`
    """
    async with open_site(key) as site:
        found = await breakers(site)
    if as_json:
        print(json.dumps([each.model_dump(mode="json") for each in found], ensure_ascii=False))
    elif found:
        console().print(_table(found))
    else:
        print("No activity is stopped.")


def _table(found: list[Breaker]) -> Table:
    table = Table("activity", "stopped since", "by", "because", "waiting")
    for each in found:
        since = local(each.since.isoformat())
        table.add_row(each.activity, since, each.by, each.because, str(each.waiting))
    return table


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
