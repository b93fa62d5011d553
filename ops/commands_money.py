"""`dueline pay`, `paid`, `payments`, `place`, `ledger`, `refund`, `invoice` and `statement`."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

from cyclopts import App, Parameter

from domain.errors import DuelineError
from domain.money import PaymentRoute, Purpose
from domain.roles import Role
from ops import money_tables
from ops.client import Api
from ops.commands_orders import CUSTOMER_DESK, Address, AsJson, Key
from ops.order_lookup import UUID_LENGTH, client_for, order_id_of

FINANCE = Role.FINANCE
"""Whose key enters and reads money when none is named."""


def register(app: App) -> None:
    """Adds the commands to the tree."""
    for command in (pay, paid, payments, place, ledger, refund, invoice, statement):
        app.command(command)


async def pay(
    order: str,
    amount: str,
    *,
    reference: Annotated[str, Parameter(help="The bank's own number of the transfer.")],
    route: PaymentRoute = PaymentRoute.ACCOUNT,
    purpose: Purpose = Purpose.GOODS,
    arrived: str | None = None,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Enter a payment that has arrived for an order. The same reference counts once.

    Examples

        dueline pay SO-2026-000004 462.00 --reference CMB-20260302-0001
        dueline pay SO-2026-000004 100 --reference CMB-7 --purpose rush-fee --route card

    Parameters
    ----------
    order
        Its number, its id, or the beginning of the id as the lists show it.
    amount
        What arrived, in the order's currency.
    route
        card, account or foreign.
    purpose
        goods or rush-fee.
    arrived
        The instant with its offset; by default now.
    """
    async with client_for(api, key, FINANCE) as client:
        order_id = await order_id_of(client, order)
        currency = (await client.get(f"/orders/{order_id}"))["currency"]
        body = {"reference": reference, "amount": amount, "currency": currency}
        body |= {"route": route.value, "purpose": purpose.value}
        if arrived is not None:
            body["arrived_at"] = arrived
        sent = await client.post(f"/orders/{order_id}/payments", body)
    if as_json:
        _print_json(sent.body)
        return
    if sent.replayed:
        print(f"{reference} was entered before:")
    money_tables.print_taken(sent.body)


async def paid(
    order: str,
    amount: str | None = None,
    *,
    route: PaymentRoute | None = None,
    reference: Annotated[
        str | None, Parameter(help="The bank's own number of the transfer, if it is known.")
    ] = None,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Report that the customer has paid; finance confirms it. Without an amount: list the reports.

    It books no money. The time to confirm its arrival begins with it (S07.W14 to W16, W35).

    Examples

        dueline paid SO-2026-000004 462.00
        dueline paid SO-2026-000004 462.00 --route foreign --reference CMB-20260302-0001
        dueline paid SO-2026-000004

    Parameters
    ----------
    order
        Its number, its id, or the beginning of the id as the lists show it.
    amount
        What the customer says was paid, in the order's currency.
    route
        card, account or foreign; by default the way that the order names.
    """
    async with client_for(api, key, CUSTOMER_DESK) as client:
        order_id = await order_id_of(client, order)
        path = f"/orders/{order_id}/payment-reports"
        if amount is None:
            found: Any = [item async for item in client.items(path)]
        else:
            currency = (await client.get(f"/orders/{order_id}"))["currency"]
            given = {"route": route.value if route else None, "reference": reference}
            body = {"amount": amount, "currency": currency}
            body |= {name: text for name, text in given.items() if text is not None}
            found = (await client.post(path, body, idempotency_key=uuid4().hex)).body
    if as_json:
        _print_json(found)
    else:
        money_tables.print_reports(found if amount is None else [found])


async def payments(
    *,
    state: Literal["matched", "unmatched", "returned", "refused"] | None = None,
    order: str | None = None,
    customer: str | None = None,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """List payments, the newest first.

    Examples

        dueline payments --state unmatched
        dueline payments --order SO-2026-000004 --json

    Parameters
    ----------
    state
        matched to an order, unmatched and held, returned to its sender, or refused notices.
    order
        Only payments of this order.
    customer
        Only payments of this customer.
    """
    async with client_for(api, key, FINANCE) as client:
        order_id = await order_id_of(client, order) if order else None
        query = client.items("/payments", state=state, order=order_id, customer=customer)
        found = [item async for item in query]
    if as_json:
        _print_json(found)
    else:
        money_tables.print_payments(found)


async def place(
    payment: str,
    order: str,
    *,
    amount: str | None = None,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Move a payment to the order it belongs to, where it pays for what is owed.

    Example: `dueline place 7c1d9a02 SO-2026-000007`

    Parameters
    ----------
    payment
        Its id, or the beginning of it as `dueline payments` shows it.
    order
        The order's number or id.
    amount
        How much; by default what is not used, or all of a payment that named the wrong order.
    """
    async with client_for(api, key, FINANCE) as client:
        body = {"order": await order_id_of(client, order)}
        if amount is not None:
            body["amount"] = amount
        path = f"/payments/{await _payment_id(client, payment)}/assignment"
        sent = await client.post(path, body, idempotency_key=uuid4().hex)
    if as_json:
        _print_json(sent.body)
    else:
        money_tables.print_payments([sent.body])


async def ledger(
    order: str | None = None,
    *,
    customer: str | None = None,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Show where the money of an order or a customer is, and that none of it is lost.

    Examples

        dueline ledger SO-2026-000004
        dueline ledger --customer C-0001 --json

    Parameters
    ----------
    order
        Its number, its id, or the beginning of the id.
    customer
        All orders of this customer instead, and what fits none of them.
    """
    if (order is None) == (customer is None):
        raise DuelineError("Name an order, or a customer with --customer.")
    async with client_for(api, key, FINANCE) as client:
        if order is not None:
            found = await client.get(f"/orders/{await order_id_of(client, order)}/ledger")
        else:
            found = await _customer_ledger(client, str(customer))
    if as_json:
        _print_json(found)
    elif order is not None:
        money_tables.print_order_ledger(found)
    else:
        money_tables.print_customer_ledger(found)


async def refund(
    order: str,
    amount: str | None = None,
    *,
    why: Annotated[
        str,
        Parameter(name=("--why", "--because"), help="The reason, for whoever approves it."),
    ],
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Propose that money of an order goes back; another key approves it.

    Examples

        dueline refund SO-2026-000004 38.50 --why "one panel came back"
        dueline refund SO-2026-000004 --why "paid twice"

    Parameters
    ----------
    order
        Its number, its id, or the beginning of the id.
    amount
        How much; by default all that pays for nothing.
    """
    body: dict[str, str] = {"reason": why} | ({"amount": amount} if amount else {})
    async with client_for(api, key, FINANCE) as client:
        path = f"/orders/{await order_id_of(client, order)}/refunds"
        sent = await client.post(path, body, idempotency_key=uuid4().hex)
    if as_json:
        _print_json(sent.body)
    else:
        money_tables.print_refund(sent.body)


async def invoice(
    order: str, *, as_json: AsJson = False, api: Address = None, key: Key = None
) -> None:
    """Show what an order's invoice says; it has a number once all of it is paid.

    Example: `dueline invoice SO-2026-000004`

    Parameters
    ----------
    order
        Its number, its id, or the beginning of the id.
    """
    async with client_for(api, key, FINANCE) as client:
        found = await client.get(f"/orders/{await order_id_of(client, order)}/invoice")
    if as_json:
        _print_json(found)
    else:
        money_tables.print_invoice(found)


async def statement(
    customer: str,
    file: Path,
    *,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Compare a customer's statement with our books; each difference becomes a task.

    Example: `dueline statement C-0001 examples/statement.json`

    Parameters
    ----------
    customer
        The customer's code.
    file
        JSON: `lines` with reference, amount, currency and date, and since and until if wanted.
    """
    body = _read(file)
    async with client_for(api, key, FINANCE) as client:
        found = (await client.post(f"/customers/{customer}/reconciliation", body)).body
    if as_json:
        _print_json(found)
    else:
        money_tables.print_reconciliation(found)


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except OSError as error:
        raise DuelineError(f"{file} cannot be read ({error.strerror}): name another.") from error
    except ValueError as error:
        raise DuelineError(f"{file} is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise DuelineError(f"{file} holds no object: write one with `lines`.")
    return found


async def _payment_id(client: Api, wanted: str) -> str:
    """The id behind the beginning of one. Raises DuelineError."""
    if len(wanted) == UUID_LENGTH:
        return wanted
    found = [i["id"] async for i in client.items("/payments") if i["id"].startswith(wanted)]
    if len(found) == 1:
        return str(found[0])
    how = f"{len(found)} payments begin with" if found else "There is no payment"
    raise DuelineError(f"{how} {wanted}: see `dueline payments`, or write the whole id.")


async def _customer_ledger(client: Api, customer: str) -> dict[str, Any]:
    """All pages as one."""
    path = f"/customers/{customer}/ledger"
    whole: dict[str, Any] = await client.get(path, limit=200)
    while (cursor := whole["next"]) is not None:
        following = await client.get(path, limit=200, cursor=cursor)
        entries = [*whole["entries"], *following["entries"]]
        whole = {**whole, "entries": entries, "next": following["next"]}
    return whole


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))
