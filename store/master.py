"""Master data and keys as they are loaded from files; loading the same again changes nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, delete, select
from sqlalchemy.dialects.postgresql import insert

from store.engine import Connection
from store.tables import (
    api_keys,
    bill_of_materials,
    customers,
    lines,
    materials,
    products,
)

Row = Mapping[str, Any]


async def save_customers(conn: Connection, rows: Sequence[Row]) -> None:
    """Adds or corrects customers; the credit of one that is known already is left alone."""
    await _upsert(conn, customers, rows, keep={"credit_limit"})


async def save_materials(conn: Connection, rows: Sequence[Row]) -> None:
    """Adds or corrects materials; the stock of one that is known already is left alone."""
    await _upsert(conn, materials, rows, keep={"on_hand", "reserved"})


async def save_lines(conn: Connection, rows: Sequence[Row]) -> None:
    """Adds or corrects production lines."""
    await _upsert(conn, lines, rows)


async def save_products(
    conn: Connection, rows: Sequence[Row], bills: Mapping[str, Sequence[Row]]
) -> None:
    """Adds or corrects products, and replaces their bills of materials."""
    await _upsert(conn, products, rows, keep={"finished"})
    await conn.execute(delete(bill_of_materials).where(bill_of_materials.c.product.in_(bills)))
    items = [{"product": code, **item} for code, bill in bills.items() for item in bill]
    if items:
        await conn.execute(insert(bill_of_materials), items)


async def _upsert(
    conn: Connection, table: Table, rows: Sequence[Row], keep: set[str] | None = None
) -> None:
    if not rows:
        return
    added = insert(table)
    given = set(rows[0]) - {"code"} - (keep or set())
    await conn.execute(
        added.on_conflict_do_update(
            index_elements=["code"], set_={name: added.excluded[name] for name in given}
        ),
        list(rows),
    )


async def first_customer(conn: Connection) -> str | None:
    """The first customer by code, if there is any."""
    found: str | None = await conn.scalar(
        select(customers.c.code).order_by(customers.c.code).limit(1)
    )
    return found


async def save_api_keys(conn: Connection, rows: Sequence[Row]) -> None:
    """Adds keys by digest; a key that is known stays as it is, revoked or not."""
    if rows:
        await conn.execute(insert(api_keys).on_conflict_do_nothing(), list(rows))
