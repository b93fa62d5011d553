"""Stock: on hand and reserved, always under the material's row lock, always in order of code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from store.engine import Connection
from store.tables import bill_of_materials, materials, reservations, stock_moves

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Need:
    """What an order needs of one material, and what is free of it."""

    material: str
    name: str
    unit: str
    needed: Decimal
    free: Decimal

    @property
    def short(self) -> Decimal:
        """What is missing; 0 when there is enough."""
        return max(self.needed - self.free, NOTHING)


async def explode(conn: Connection, quantities: Mapping[str, int]) -> dict[str, Decimal]:
    """Materials that so many of each product need, by material in order of code."""
    found = await conn.execute(
        select(bill_of_materials).where(bill_of_materials.c.product.in_(quantities))
    )
    needed: dict[str, Decimal] = {}
    for row in found:
        needed.setdefault(row.material, NOTHING)
        needed[row.material] += quantities[row.product] * row.per_unit
    return dict(sorted(needed.items()))


async def needs(
    conn: Connection, needed: Mapping[str, Decimal], *, lock: bool = False
) -> list[Need]:
    """Compares with the stock; `lock` keeps the rows until the transaction ends."""
    # Always in order of code: two orders that want the same two materials never wait crosswise.
    query = select(materials).where(materials.c.code.in_(needed)).order_by(materials.c.code)
    found = await conn.execute(query.with_for_update() if lock else query)
    return [
        Need(row.code, row.name, row.unit, needed[row.code], row.on_hand - row.reserved)
        for row in found
    ]


async def reserve(conn: Connection, order_id: str, step_key: str, wanted: Iterable[Need]) -> None:
    """Holds what is needed for the order. The caller has locked it and knows that it is there."""
    for need in wanted:
        await _change(conn, need.material, reserved=need.needed)
        await conn.execute(
            insert(reservations).values(
                step_key=step_key,
                material=need.material,
                order_id=order_id,
                quantity=need.needed,
            )
        )


async def release(conn: Connection, order_id: str, step_keys: Iterable[str] | None = None) -> int:
    """Gives back what is held, all of it or what these visits took; returns how many materials."""
    held = await _held(conn, order_id, step_keys)
    for step_key, material, quantity in held:
        await _change(conn, material, reserved=-quantity)
        await _finish(conn, step_key, material, "released")
    return len(held)


async def consume(conn: Connection, order_id: str, step_key: str, at: datetime) -> int:
    """Takes what is held out of the stock; returns how many materials."""
    held = await _held(conn, order_id)
    for held_key, material, quantity in held:
        await _change(conn, material, on_hand=-quantity, reserved=-quantity)
        await _finish(conn, held_key, material, "consumed")
        key = f"{step_key}/used/{held_key.rpartition('/')[2]}/{material}"
        await _move(conn, key, material, order_id, -quantity, at)
    return len(held)


async def receive(
    conn: Connection, order_id: str, step_key: str, arrived: Mapping[str, Decimal], at: datetime
) -> None:
    """Puts what has arrived into the stock, once for each visit and material."""
    for material, quantity in sorted(arrived.items()):
        key = f"{step_key}/arrived/{material}"
        if await _move(conn, key, material, order_id, quantity, at):
            await _change(conn, material, on_hand=quantity)


async def holds_stock(conn: Connection, order_id: str) -> bool:
    """Whether anything is still reserved for the order."""
    return bool(await _held(conn, order_id))


async def _held(
    conn: Connection, order_id: str, step_keys: Iterable[str] | None = None
) -> list[tuple[str, str, Decimal]]:
    query = select(reservations.c.step_key, reservations.c.material, reservations.c.quantity).where(
        reservations.c.order_id == order_id, reservations.c.state == "held"
    )
    if step_keys is not None:
        query = query.where(reservations.c.step_key.in_(list(step_keys)))
    found = await conn.execute(query.order_by(reservations.c.material, reservations.c.step_key))
    return [(row.step_key, row.material, row.quantity) for row in found]


async def _finish(conn: Connection, step_key: str, material: str, state: str) -> None:
    await conn.execute(
        update(reservations)
        .where(reservations.c.step_key == step_key, reservations.c.material == material)
        .values(state=state)
    )


async def _change(
    conn: Connection, material: str, *, on_hand: Decimal = NOTHING, reserved: Decimal = NOTHING
) -> None:
    await conn.execute(
        update(materials)
        .where(materials.c.code == material)
        .values(on_hand=materials.c.on_hand + on_hand, reserved=materials.c.reserved + reserved)
    )


async def _move(
    conn: Connection,
    key: str,
    material: str,
    order_id: str,
    change: Decimal,
    at: datetime,
) -> bool:
    done = await conn.execute(
        insert(stock_moves)
        .values(key=key, material=material, order_id=order_id, on_hand_change=change, at=at)
        .on_conflict_do_nothing()
    )
    return done.rowcount == 1
