"""`dueline ops tell`: those who should have heard of a missed window hear of it."""

import json

from ops.commands_orders import AsJson, Key
from ops.repair.finding import find_order
from ops.repair.telling import tell_breaches
from ops.site import open_site


async def tell(order: str, *, as_json: AsJson = False, key: Key = None) -> None:
    """Queue the notices of missed windows that nobody was told of, by the ladder of the profile.

    Twice tells nobody twice. The relay sends them, as it sends all notices.

    Examples

        dueline ops tell SO-2026-000004
        dueline ops tell 3f2a9c1e --json

    Parameters
    ----------
    order
        Its number, its id, or the beginning of the id.
    """
    async with open_site(key) as site:
        found = await find_order(site, order)
        told, rules = await tell_breaches(site, found)
    if as_json:
        print(json.dumps({"order": found.id, "notices": told, "rules": list(rules)}))
    elif told:
        print(f"{told} notices of {', '.join(rules)} of {found.name} will be sent.")
    else:
        print(f"Nobody has to be told anything of {found.name}.")
