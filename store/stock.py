"""Stock: on hand and reserved, always under the material's row lock, always in order of code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from store.engine import Connection, execute_each
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


@dataclass(frozen=True)
class _Held:
    """A quantity of a material and the visit that took it."""

    step_key: str
    material: str
    quantity: Decimal


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
    held = [_Held(step_key, need.material, need.needed) for need in wanted]
    await _change(conn, held, reserved=1)
    rows = [{**part.__dict__, "order_id": order_id} for part in held]
    await execute_each(conn, insert(reservations), rows)


async def release(conn: Connection, order_id: str, step_keys: Iterable[str] | None = None) -> int:
    """Gives back what is held, all of it or what these visits took; returns how many materials."""
    held = await _held(conn, order_id, step_keys)
    await _change(conn, held, reserved=-1)
    await _finish(conn, held, "released")
    return len(held)


async def consume(conn: Connection, order_id: str, step_key: str, at: datetime) -> int:
    """Takes what is held out of the stock; returns how many materials."""
    held = await _held(conn, order_id)
    await _change(conn, held, on_hand=-1, reserved=-1)
    await _finish(conn, held, "consumed")
    moves = [
        {
            "key": f"{step_key}/used/{part.step_key.rpartition('/')[2]}/{part.material}",
            "material": part.material,
            "order_id": order_id,
            "on_hand_change": -part.quantity,
            "at": at,
        }
        for part in held
    ]
    await execute_each(conn, insert(stock_moves), moves)
    return len(held)


async def receive(
    conn: Connection, order_id: str, step_key: str, arrived: Mapping[str, Decimal], at: datetime
) -> None:
    """Puts what has arrived into the stock, once for each visit and material."""
    for material, quantity in sorted(arrived.items()):
        done = await conn.execute(
            insert(stock_moves)
            .values(
                key=f"{step_key}/arrived/{material}",
                material=material,
                order_id=order_id,
                on_hand_change=quantity,
                at=at,
            )
            .on_conflict_do_nothing()
        )
        if done.rowcount == 1:
            await _change(conn, [_Held(step_key, material, quantity)], on_hand=1)


async def holds_stock(conn: Connection, order_id: str) -> bool:
    """Whether anything is still reserved for the order."""
    return bool(await _held(conn, order_id))


async def _held(
    conn: Connection, order_id: str, step_keys: Iterable[str] | None = None
) -> list[_Held]:
    query = select(reservations.c.step_key, reservations.c.material, reservations.c.quantity).where(
        reservations.c.order_id == order_id, reservations.c.state == "held"
    )
    if step_keys is not None:
        query = query.where(reservations.c.step_key.in_(list(step_keys)))
    found = await conn.execute(query.order_by(reservations.c.material, reservations.c.step_key))
    return [_Held(row.step_key, row.material, row.quantity) for row in found]


async def _finish(conn: Connection, held: Iterable[_Held], state: str) -> None:
    finish = (
        update(reservations)
        .where(
            reservations.c.step_key == bindparam("taken_by"),
            reservations.c.material == bindparam("taken"),
        )
        .values(state=state)
    )
    rows = [{"taken_by": part.step_key, "taken": part.material} for part in held]
    await execute_each(conn, finish, rows)


async def _change(
    conn: Connection, parts: Iterable[_Held], *, on_hand: int = 0, reserved: int = 0
) -> None:
    """Adds each quantity so many times, in the order of `parts`: that of the materials' codes."""
    change = (
        update(materials)
        .where(materials.c.code == bindparam("changed"))
        .values(
            on_hand=materials.c.on_hand + bindparam("more_on_hand"),
            reserved=materials.c.reserved + bindparam("more_reserved"),
        )
    )
    rows = [
        {
            "changed": part.material,
            "more_on_hand": on_hand * part.quantity,
            "more_reserved": reserved * part.quantity,
        }
        for part in parts
    ]
    await execute_each(conn, change, rows)
