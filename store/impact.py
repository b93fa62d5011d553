"""What an order holds, read for a change or a cancellation. Locks nothing and changes nothing."""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import func, select

from domain.holdings import Goods, HeldSlot, HeldStock, Holdings, OpenPurchase, Signature
from domain.money import Account
from store.engine import Connection
from store.ledger import standing
from store.tables import goods, materials, reservations, shipments, slots, tasks
from store.tasks import last_answers


async def read_holdings(
    conn: Connection, order_id: str, currency: str, signing: Sequence[str]
) -> Holdings:
    """Stock, slots, purchases, goods, money and signatures; `signing` are the steps that sign."""
    signed = await last_answers(conn, order_id, signing)
    money = await standing(conn, order_id, currency)
    return Holdings(
        stock=await _stock(conn, order_id),
        slots=await _slots(conn, order_id),
        purchases=await _purchases(conn, order_id),
        goods=await made_goods(conn, order_id),
        paid=money.of(Account.GOODS) + money.of(Account.UNAPPLIED),
        signatures=tuple(Signature(step=s, role=role, outcome=said) for s, role, said in signed),
        released=await _released(conn, order_id),
    )


async def made_goods(conn: Connection, order_id: str) -> tuple[Goods, ...]:
    """What is made, packed and shipped, by product in order of code."""
    columns = goods.c.product, goods.c.made, goods.c.packed, goods.c.shipped
    found = await conn.execute(
        select(*columns).where(goods.c.order_id == order_id).order_by(goods.c.product)
    )
    return tuple(Goods(**row) for row in found.mappings())


async def _stock(conn: Connection, order_id: str) -> tuple[HeldStock, ...]:
    found = await conn.execute(
        select(reservations.c.step_key, reservations.c.material, reservations.c.quantity, materials)
        .join(materials, materials.c.code == reservations.c.material)
        .where(reservations.c.order_id == order_id, reservations.c.state == "held")
        .order_by(reservations.c.material, reservations.c.step_key)
    )
    return tuple(
        HeldStock(
            step=_step(row.step_key),
            material=row.material,
            quantity=row.quantity,
            unit=row.unit,
        )
        for row in found
    )


async def _slots(conn: Connection, order_id: str) -> tuple[HeldSlot, ...]:
    begin, end = func.lower(slots.c.during), func.upper(slots.c.during)
    found = await conn.execute(
        select(slots.c.step_key, slots.c.line, begin, end)
        .where(slots.c.order_id == order_id, slots.c.state == "held")
        .order_by(begin, slots.c.line)
    )
    return tuple(
        HeldSlot(step=_step(key), line=line, starts_at=starts, ends_at=ends)
        for key, line, starts, ends in found
    )


async def _purchases(conn: Connection, order_id: str) -> tuple[OpenPurchase, ...]:
    """What the open tasks say is short."""
    short = tasks.c.facts["shortages"]
    found = await conn.execute(
        select(tasks.c.step, short).where(
            tasks.c.order_id == order_id, tasks.c.state == "open", short.is_not(None)
        )
    )
    return tuple(
        OpenPurchase(
            step=step,
            material=row["material"],
            quantity=Decimal(row["short"]),
            unit=row["unit"],
        )
        for step, shortages in found
        for row in shortages
    )


async def _released(conn: Connection, order_id: str) -> bool:
    found = await conn.scalar(
        select(shipments.c.step_key)
        .where(shipments.c.order_id == order_id, shipments.c.state == "released")
        .limit(1)
    )
    return found is not None


def _step(step_key: str) -> str:
    """The step of `order/step/visit`."""
    return step_key.split("/")[1]
