"""Finished goods of an order: made, inspected, packed, released, shipped."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from store.engine import Connection, execute_each
from store.tables import goods, inspections, products, shipments


async def record_made(conn: Connection, order_id: str, quantities: Mapping[str, int]) -> None:
    """The ordered quantities are made; making them again after rework makes no more of them."""
    made = insert(goods)
    made = made.on_conflict_do_update(
        index_elements=[goods.c.order_id, goods.c.product], set_={"made": made.excluded.made}
    )
    rows = [
        {"order_id": order_id, "product": product, "made": quantity}
        for product, quantity in sorted(quantities.items())
    ]
    await execute_each(conn, made, rows)


async def record_packed(conn: Connection, order_id: str) -> None:
    """Everything made is packed."""
    await conn.execute(
        update(goods).where(goods.c.order_id == order_id).values(packed=goods.c.made)
    )


async def packed(conn: Connection, order_id: str) -> dict[str, int]:
    """Packed quantities by product; products with none are left out."""
    found = await conn.execute(
        select(goods.c.product, goods.c.packed).where(
            goods.c.order_id == order_id, goods.c.packed > 0
        )
    )
    return {row.product: row.packed for row in found}


async def shipped(conn: Connection, order_id: str) -> dict[str, int]:
    """Shipped quantities by product; products with none are left out."""
    found = await conn.execute(
        select(goods.c.product, goods.c.shipped).where(
            goods.c.order_id == order_id, goods.c.shipped > 0
        )
    )
    return {row.product: row.shipped for row in found}


async def made(conn: Connection, order_id: str) -> dict[str, int]:
    """Made quantities by product, shipped ones included."""
    found = await conn.execute(
        select(goods.c.product, goods.c.made).where(goods.c.order_id == order_id)
    )
    return {row.product: row.made for row in found}


async def unpack(conn: Connection, order_id: str) -> int:
    """What is packed and still here has to be packed anew; returns how many units."""
    here = goods.c.order_id == order_id, goods.c.packed > goods.c.shipped
    units = await conn.scalar(select(func.sum(goods.c.packed - goods.c.shipped)).where(*here))
    await conn.execute(update(goods).where(*here).values(packed=goods.c.shipped))
    return int(units or 0)


async def give_beyond(conn: Connection, order_id: str, wanted: Mapping[str, int]) -> dict[str, int]:
    """What was made, is here and is not wanted becomes free finished stock; how much of what."""
    found = await conn.execute(
        select(goods.c.product, goods.c.made, goods.c.shipped)
        .where(goods.c.order_id == order_id)
        .order_by(goods.c.product)
    )
    over = {row.product: row.made - max(wanted.get(row.product, 0), row.shipped) for row in found}
    over = {product: units for product, units in over.items() if units > 0}
    given = [{"given": product, "units": units} for product, units in over.items()]
    await _into_stock(conn, given)
    fewer = (
        update(goods)
        .where(goods.c.order_id == order_id, goods.c.product == bindparam("given"))
        .values(
            made=goods.c.made - bindparam("units"),
            packed=func.least(goods.c.packed, goods.c.made - bindparam("units")),
        )
    )
    await execute_each(conn, fewer, given)
    return over


async def give_to_stock(conn: Connection, order_id: str) -> int:
    """What was made and not shipped becomes free finished stock; returns how many units."""
    found = await conn.execute(
        select(goods.c.product, goods.c.made - goods.c.shipped)
        .where(goods.c.order_id == order_id, goods.c.made > goods.c.shipped)
        .order_by(goods.c.product)
    )
    given = [{"given": product, "units": units} for product, units in found]
    await _into_stock(conn, given)
    await conn.execute(
        update(goods)
        .where(goods.c.order_id == order_id)
        .values(made=goods.c.shipped, packed=goods.c.shipped)
    )
    return sum(row["units"] for row in given)


async def out_there(conn: Connection, order_id: str) -> dict[str, int]:
    """What has been shipped and has not come back, by product; the order's lock is held."""
    found = await conn.execute(
        select(goods.c.product, (goods.c.shipped - goods.c.returned).label("units")).where(
            goods.c.order_id == order_id, goods.c.shipped > goods.c.returned
        )
    )
    return {row.product: row.units for row in found}


async def take_back(conn: Connection, order_id: str, quantities: Mapping[str, int]) -> None:
    """What has come back is free finished stock.

    Raises IntegrityError for more than was shipped and has not come back yet.
    """
    given = [{"given": product, "units": units} for product, units in sorted(quantities.items())]
    back = (
        update(goods)
        .where(goods.c.order_id == order_id, goods.c.product == bindparam("given"))
        .values(returned=goods.c.returned + bindparam("units"))
    )
    await execute_each(conn, back, given)
    await _into_stock(conn, given)


async def _into_stock(conn: Connection, given: list[dict[str, Any]]) -> None:
    add = (
        update(products)
        .where(products.c.code == bindparam("given"))
        .values(finished=products.c.finished + bindparam("units"))
    )
    await execute_each(conn, add, given)


async def record_inspection(
    conn: Connection,
    order_id: str,
    step_key: str,
    *,
    passed: bool,
    note: str | None,
    at: datetime,
) -> None:
    """Keeps the result of one inspection."""
    row = {"step_key": step_key, "order_id": order_id, "passed": passed, "note": note}
    await conn.execute(insert(inspections).values(**row, inspected_at=at))


async def last_inspection_passed(conn: Connection, order_id: str) -> bool:
    """Whether there was an inspection and the last one was passed."""
    return await last_passed_inspection(conn, order_id) is not None


async def last_passed_inspection(conn: Connection, order_id: str) -> str | None:
    """The key of the last inspection if it was passed; none when it failed or there was none."""
    found = await conn.execute(
        select(inspections.c.step_key, inspections.c.passed)
        .where(inspections.c.order_id == order_id)
        # Two in the same instant differ in their visit: the longer, then the larger number.
        .order_by(
            inspections.c.inspected_at.desc(),
            func.length(inspections.c.step_key).desc(),
            inspections.c.step_key.desc(),
        )
        .limit(1)
    )
    row = found.one_or_none()
    return str(row.step_key) if row is not None and row.passed else None


async def release_goods(conn: Connection, order_id: str, step_key: str, at: datetime) -> None:
    """Writes the release note: the goods may leave the house (L27)."""
    await conn.execute(
        insert(shipments).values(
            step_key=step_key, order_id=order_id, state="released", released_at=at
        )
    )


async def void_release(
    conn: Connection, order_id: str, step_keys: Iterable[str] | None = None
) -> bool:
    """Takes a release note back unless the goods are gone; False when there was none."""
    query = update(shipments).where(
        shipments.c.order_id == order_id, shipments.c.state == "released"
    )
    if step_keys is not None:
        query = query.where(shipments.c.step_key.in_(list(step_keys)))
    done = await conn.execute(query.values(state="void"))
    return done.rowcount > 0


async def ship(
    conn: Connection,
    order_id: str,
    step_key: str,
    *,
    carrier: str | None,
    tracking: str | None,
    at: datetime,
) -> None:
    """All packed goods that are still here are on their way, under the release note or, without a
    gate, their own.
    """
    here = goods.c.packed - goods.c.shipped
    left = (
        select(func.coalesce(func.jsonb_object_agg(goods.c.product, here), text("'{}'::jsonb")))
        .where(goods.c.order_id == order_id, here > 0)
        .scalar_subquery()
    )
    shipped = {
        "state": "shipped",
        "shipped_at": at,
        "carrier": carrier,
        "tracking": tracking,
        "quantities": left,
    }
    done = await conn.execute(
        update(shipments)
        .where(shipments.c.order_id == order_id, shipments.c.state == "released")
        .values(shipped)
    )
    if done.rowcount == 0:
        row = {"step_key": step_key, "order_id": order_id, "released_at": at}
        await conn.execute(insert(shipments).values(row | shipped))
    await conn.execute(
        update(goods).where(goods.c.order_id == order_id).values(shipped=goods.c.packed)
    )


async def waits_for_shipping(conn: Connection, order_id: str) -> bool:
    """Whether a release note is still open."""
    found = await conn.scalar(
        select(shipments.c.step_key).where(
            shipments.c.order_id == order_id, shipments.c.state == "released"
        )
    )
    return found is not None
