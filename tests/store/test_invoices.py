"""Invoices: numbered once, in the company's year, and kept as they were."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import update

from store.invoicing import settle
from store.ledger import move
from store.owing import debtor
from store.tables import orders
from tests.store.bench import Bench
from tests.store.paying import entry

NEW_YEAR = datetime(2026, 12, 31, 16, 30, tzinfo=UTC)  # half an hour old in Shanghai
SHANGHAI = ZoneInfo("Asia/Shanghai")


async def test_the_year_of_an_invoice_is_the_companys_and_its_lines_stay(bench: Bench) -> None:
    order = await bench.order()
    async with bench.engine.begin() as conn:
        await move(conn, entry(order, 100))
        ended = {"state": "completed", "closed_at": bench.now}
        await conn.execute(update(orders).where(orders.c.id == order.id).values(**ended))
        owes = await debtor(conn, order.id, lock=True)
        assert owes is not None

        first = await settle(conn, owes, NEW_YEAR, SHANGHAI, issue=True)
        await conn.execute(update(orders).where(orders.c.id == order.id).values(amount=1))
        again = await settle(conn, owes, NEW_YEAR, SHANGHAI, issue=False)

    assert str(first.issued.number).startswith("INV-2027-")
    assert first.issued.amount == first.issued.goods == Decimal(100)
    assert first.open == 0
    assert again.issued == first.issued
