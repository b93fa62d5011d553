"""Reports of payments (S07, 付款告知): the customer or market says that the money is under way."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response

from api import examples
from api.access import Caller
from api.body import Posted, posted
from api.intake import IdempotencyKey, claim
from api.money_views import PaymentReportItem, payment_report
from api.openapi import takes
from api.orders import REPLAYED, visible_order
from api.paging import Page, Paged, page, place_after
from api.services import Wired
from api.telling_money import tell_money
from api.wishing import check_room, must_be_open
from domain.errors import InvalidField
from domain.payments import REPORTS_OPEN_MAX, PaymentReport
from policy.paying import said
from store.engine import Connection
from store.intake import claim_key
from store.money_news import note_untold
from store.payment_reports import (
    ReportRow,
    add_report,
    count_outstanding,
    is_open,
    known_report,
    list_reports,
)
from store.story import Line, add_lines

router = APIRouter(tags=["money"])


@router.post(
    "/orders/{order_id}/payment-reports",
    status_code=201,
    openapi_extra=takes(PaymentReport, examples.PAYMENT_REPORT),
)
async def report(
    order_id: str,
    request: Request,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[PaymentReport], posted(PaymentReport)],
    key: IdempotencyKey = None,
) -> PaymentReportItem:
    """Says that a payment is under way. It books no money: finance confirms what arrives.

    The time to confirm it begins now, if the order waits for money and the regulation counts from
    a report.
    """
    order = await visible_order(services, caller, order_id)
    told, request_id = body.value, str(uuid4())
    if told.currency != order.currency:
        rule = f"should be {order.currency}, in which the order is priced"
        raise InvalidField("currency", rule)
    claimed = claim(request, caller, key or request_id, body.digest)
    row = ReportRow(
        id=request_id,
        order_id=order.id,
        **told.model_dump(),
        reported_by=caller.name,
        reported_at=datetime.now(UTC),
    )

    async def kept(conn: Connection) -> ReportRow | None:
        earlier = await claim_key(conn, claimed, row.id)
        if earlier is not None:
            found = await known_report(conn, earlier)
            assert found is not None, "a report is never deleted"
            return found
        if not await is_open(conn, order.id):
            must_be_open(row.reported_at)
        waiting = await count_outstanding(conn, order.id)
        text = f"{waiting} payments are reported already and have not been confirmed"
        cure = f"wait until finance has looked: GET /orders/{order.id}/payment-reports"
        check_room(waiting, REPORTS_OPEN_MAX, text, cure)
        await add_report(conn, row)
        await add_lines(conn, order.id, [_line(row)])
        await note_untold(conn, order.id, row.id)
        return None

    before = await services.written(kept)
    if before is not None:
        response.headers.update(REPLAYED)
    found = before or row
    await tell_money(services, [order.id], found.id, "taken down")
    response.headers["Location"] = f"/orders/{order.id}/payment-reports"
    return payment_report(found, caller)


@router.get("/orders/{order_id}/payment-reports")
async def list_of_order(
    order_id: str, services: Wired, caller: Caller, query: Annotated[Paged, Query()]
) -> Page[PaymentReportItem]:
    """Lists what was reported of an order's payments, the newest first."""
    order = await visible_order(services, caller, order_id)
    after = place_after(query.cursor)
    async with services.reading() as conn:
        rows = await list_reports(conn, order.id, after, query.limit + 1)
    return page(
        rows,
        query.limit,
        lambda row: (row.reported_at, row.id),
        lambda row: payment_report(row, caller),
    )


def _line(row: ReportRow) -> Line:
    text = f"A payment of {said(row.amount, row.currency)} is reported"
    return Line(
        key=f"payment-report/{row.id}", at=row.reported_at, kind="payment_reported", text=text
    )
