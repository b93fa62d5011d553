"""`dueline cancel`: what a cancellation costs now, and the wish itself."""

import json
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from uuid import uuid4

from cyclopts import Parameter

from domain.errors import DuelineError
from ops.commands_orders import CUSTOMER_DESK, Address, AsJson, Key
from ops.order_lookup import client_for, order_id_of
from ops.order_tables import money, short, words


async def cancel(
    id: str,
    *,
    accept_cost: str | None = None,
    reason: Annotated[str | None, Parameter(name=("--reason", "--because"))] = None,
    identity: str | None = None,
    preview: Annotated[bool, Parameter(negative="")] = False,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Cancel an order, or say what that would cost.

    What it costs depends on the step that the order is in. Ask with --preview first, and name the
    cost that it says. What became of it stands in `dueline order`.

    Examples

        dueline cancel SO-2026-000004 --preview
        dueline cancel SO-2026-000004 --accept-cost 154.00 --reason "The project is stopped"
        dueline cancel 3f2a9c1e --json

    Parameters
    ----------
    id
        Its number, its id, or the beginning of the id as the lists show it.
    accept_cost
        What it may cost, in the order's currency; needed only where it costs something.
    reason
        Why, for the record.
    identity
        How you made sure who asks, where the regulation wants to know.
    preview
        Only say what it would mean.
    """
    body = {"reason": reason, "identity": identity, "accept_cost": _amount(accept_cost)}
    wanted = {name: value for name, value in body.items() if value is not None}
    async with client_for(api, key, CUSTOMER_DESK) as client:
        path = f"/orders/{await order_id_of(client, id)}/cancellation"
        if preview:
            found = (await client.post(f"{path}?preview=true", wanted)).body
        else:
            found = (await client.post(path, wanted, idempotency_key=str(uuid4()))).body
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2, default=str))
    elif preview:
        print("\n".join(_told(found)))
    else:
        print(f"Cancellation {short(found['id'])} is {words(found['state'])}.")


def _amount(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise DuelineError(f"--accept-cost {text} is no amount: write one such as 154.00.")
    return text


def _told(found: Any) -> list[str]:
    """The preview as a reader says it."""
    if found["terms"] == "refused":
        instead = f"; {found['instead']}" if found["instead"] else ""
        return [f"It cannot be cancelled: {found['because']}{instead}."]
    cost, until = money(found["cost"], found["currency"]), found["until_title"]
    free = not Decimal(found["cost"])
    lines = [
        f"Cancelling {'is free' if free else f'costs {cost}'} until {until} is done.",
        *(f"  gives back  {what}" for what in found["gives_back"]),
        *(f"  loses       {what}" for what in found["loses"]),
    ]
    if found["asks"]:
        within = f" within {found['asks']['within']}" if found["asks"]["within"] else ""
        role = words(found["asks"]["role"])
        lines.append(f"  {role} answers{within}: {found['asks']['why']}.")
    owed = found["money"]["owed"]
    if Decimal(owed):
        lines.append(f"  {money(owed, found['currency'])} have not been paid and stay owed")
    return lines
