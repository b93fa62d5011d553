"""Where the money of an order or a customer is, and that nothing of it is lost (L25, L32)."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.access import Caller
from api.money_views import CustomerLedger, OrderLedger, ledger_move, order_ledger, sums_of
from api.orders import visible_order
from api.paging import Paged, page, place_after
from api.services import Wired, plausible
from domain.errors import UnknownThing
from store.owing import debtor
from store.reading import customer_exists
from store.statements import ENTRIES_MAX, entries, of_customer, of_order, sums

router = APIRouter(tags=["money"])


@router.get("/orders/{order_id}/ledger")
async def of_one_order(order_id: str, services: Wired, caller: Caller) -> OrderLedger:
    """Tells where an order's money is: received = applied + unapplied + refunded.

    `owed` is what the goods cost and the rush fee that was agreed, or what its cancellation cost;
    `to_pay` is what is missing of it.
    """
    row = await visible_order(services, caller, order_id)
    async with services.reading() as conn:
        order = await debtor(conn, row.id)
        assert order is not None, "an order is never deleted"
        found = await sums(conn, of_order(row.id))
        moves = await entries(conn, of_order(row.id), None, ENTRIES_MAX)
    return order_ledger(order, found, moves, caller)


@router.get("/customers/{code}/ledger")
async def of_one_customer(
    code: str, services: Wired, caller: Caller, query: Annotated[Paged, Query()]
) -> CustomerLedger:
    """Tells where a customer's money is, over all its orders and what fits none of them.

    Currencies stand side by side and are never converted. The moves come page by page.
    """
    key = plausible("customer", code)
    caller.must_see(key, "customer", key)
    after = place_after(query.cursor)
    async with services.reading() as conn:
        if not await customer_exists(conn, key):
            raise UnknownThing("customer", key)
        found = await sums(conn, of_customer(key))
        moves = await entries(conn, of_customer(key), after, query.limit + 1)
    shown = page(
        moves, query.limit, lambda entry: (entry.at, entry.key), lambda e: ledger_move(e, caller)
    )
    return CustomerLedger(customer=key, sums=sums_of(found), entries=shown.items, next=shown.next)
