"""Reports of payments (S07, 付款告知): kept, listed, and settled when the order passes its gate."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import ColumnElement, func, insert, select, tuple_, update

from domain.base import Record
from domain.money import Currency, PaymentRoute
from domain.orders import OrderState
from store.engine import Connection
from store.gate_tables import payment_reports
from store.tables import orders

Place = tuple[datetime, str]

_COLUMNS = payment_reports.c


class ReportRow(Record):
    """A report as it stands; `settled_at` is none while its money is awaited."""

    id: str
    order_id: str
    amount: Decimal
    currency: Currency
    route: PaymentRoute | None = None
    reference: str | None = None
    reported_by: str
    reported_at: datetime
    settled_at: datetime | None = None


def report_id(key: str) -> str:
    """The same for the same key, so that a report is kept once."""
    return str(uuid5(NAMESPACE_URL, f"dueline:payment-report:{key}"))


async def is_open(conn: Connection, order_id: str) -> bool:
    """Whether the order may still be paid. It is locked: no gate looks until this is committed."""
    state = await conn.scalar(
        select(orders.c.state).where(orders.c.id == order_id).with_for_update()
    )
    return state == OrderState.OPEN


async def add_report(conn: Connection, report: ReportRow) -> None:
    """Keeps a report. Books nothing."""
    await conn.execute(insert(payment_reports).values(_values(report)))


def _values(report: ReportRow) -> dict[str, Any]:
    return {**report.model_dump(), "currency": report.currency.value}


async def known_report(conn: Connection, report: str) -> ReportRow | None:
    """One report as it stands."""
    return await _first(conn, _COLUMNS.id == report)


async def first_outstanding(conn: Connection, order_id: str) -> ReportRow | None:
    """The earliest report whose money is awaited: the order's time began with it."""
    return await _first(conn, _outstanding(order_id))


async def count_outstanding(conn: Connection, order_id: str) -> int:
    """How many reports of the order wait for their money."""
    query = select(func.count()).select_from(payment_reports).where(_outstanding(order_id))
    return int(await conn.scalar(query) or 0)


async def settle_reports(conn: Connection, order_id: str, at: datetime) -> None:
    """The order has passed a gate of money: whatever was reported is no news any more."""
    await conn.execute(update(payment_reports).where(_outstanding(order_id)).values(settled_at=at))


async def list_reports(
    conn: Connection, order_id: str, after: Place | None, limit: int
) -> list[ReportRow]:
    """The order's reports, the newest first."""
    query = select(payment_reports).where(_COLUMNS.order_id == order_id)
    if after is not None:
        query = query.where(tuple_(_COLUMNS.reported_at, _COLUMNS.id) < tuple_(*after))
    query = query.order_by(_COLUMNS.reported_at.desc(), _COLUMNS.id.desc()).limit(limit)
    return [ReportRow(**row) for row in (await conn.execute(query)).mappings()]


def _outstanding(order_id: str) -> ColumnElement[bool]:
    return (_COLUMNS.order_id == order_id) & _COLUMNS.settled_at.is_(None)


async def _first(conn: Connection, met: ColumnElement[bool]) -> ReportRow | None:
    query = select(payment_reports).where(met).order_by(_COLUMNS.reported_at, _COLUMNS.id).limit(1)
    row = (await conn.execute(query)).mappings().one_or_none()
    return None if row is None else ReportRow(**row)
