"""`dueline differences`: differences of money that no order has."""

import json
from typing import Literal

from rich.table import Table

from domain.errors import DuelineError
from ops.commands_money import FINANCE
from ops.commands_orders import Address, AsJson, Key
from ops.order_lookup import UUID_LENGTH, client_for
from ops.order_tables import Item, console, local, short, words


async def differences(
    difference: str | None = None,
    *,
    state: Literal["open", "settled"] | None = "open",
    customer: str | None = None,
    because: str | None = None,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """List differences of money that no order has; with `--because` settle one.

    Examples

        dueline differences
        dueline differences 7c1d9a02 --because "booked under CMB-20260302-0001"

    Parameters
    ----------
    difference
        One of them: its id, or the beginning of it as the list shows it.
    state
        open, or settled.
    customer
        Only differences of this customer.
    because
        What became of the one that is named.
    """
    if (difference is None) != (because is None):
        raise DuelineError("Name a difference and --because to settle it, or neither to list.")
    async with client_for(api, key, FINANCE) as client:
        query = client.items("/payments/differences", state=state, customer=customer)
        if difference is None or len(difference) < UUID_LENGTH:
            found = [item async for item in query if item["id"].startswith(difference or "")]
        else:
            found = [{"id": difference}]
        if difference is not None:
            if len(found) != 1:
                how = f"{len(found)} open differences begin with" if found else "None begins with"
                raise DuelineError(f"{how} {difference}: see `dueline differences`.")
            path = f"/payments/differences/{found[0]['id']}/settlement"
            found = [(await client.post(path, {"because": because})).body]
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2, default=str))
    else:
        _print(found)


def _print(found: list[Item]) -> None:
    table = Table("difference", "found", "kind", "what", "state", "because")
    for one in found:
        table.add_row(
            short(one["id"]),
            local(one["found_at"]),
            words(one["kind"]),
            one["text"],
            one["state"],
            one["settled_because"] or "-",
        )
    if found:
        console().print(table)
    print(f"{len(found)} difference{'' if len(found) == 1 else 's'}")
