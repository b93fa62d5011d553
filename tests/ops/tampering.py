"""What somebody may have done to the rows of an order in `confirm`, and how reconcile names it."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import delete, insert, update

from ops.repair.differences import Kind
from store import tables
from tests.workflow.floor import Placed

Tamper = Callable[[Placed], Awaitable[None]]


async def execute(placed: Placed, *statements: Any) -> None:
    async with placed.floor.engine.begin() as conn:
        for statement in statements:
            await conn.execute(statement)


async def set_row(placed: Placed, **columns: Any) -> None:
    of_order = tables.orders.c.id == placed.order_id
    await execute(placed, update(tables.orders).where(of_order).values(**columns))


async def closed_row(placed: Placed) -> None:
    await set_row(placed, state="cancelled", closed_at=placed.received_at)


async def other_step(placed: Placed) -> None:
    await set_row(placed, step="entry", stage="L01", step_since=None)


async def other_role(placed: Placed) -> None:
    await set_row(placed, waiting_role="warehouse")


async def held_row(placed: Placed) -> None:
    await set_row(placed, held_at=placed.received_at, held_because="nobody knows")


async def older_version(placed: Placed) -> None:
    await set_row(placed, version=0)


async def other_promise(placed: Placed) -> None:
    await set_row(placed, promised_at=placed.received_at)


async def other_due(placed: Placed) -> None:
    await set_row(placed, due_at=placed.received_at)


async def late_row(placed: Placed) -> None:
    await set_row(placed, slack="breached", level=1)


async def withdrawn_task(placed: Placed) -> None:
    of_order = tables.tasks.c.order_id == placed.order_id, tables.tasks.c.step == "confirm"
    values = {"state": "withdrawn", "closed_at": placed.received_at}
    await execute(placed, update(tables.tasks).where(*of_order).values(**values))


async def lost_task(placed: Placed) -> None:
    of_order = tables.tasks.c.order_id == placed.order_id, tables.tasks.c.step == "confirm"
    await execute(placed, delete(tables.tasks).where(*of_order))


async def strange_task(placed: Placed) -> None:
    [task] = await placed.open_tasks("confirm")
    twin = task | {"id": f"{placed.order_id}.review.1.quality", "step": "review", "role": "quality"}
    await execute(placed, insert(tables.tasks).values(**twin))


async def task_due_elsewhere(placed: Placed) -> None:
    of_order = tables.tasks.c.order_id == placed.order_id, tables.tasks.c.step == "confirm"
    await execute(placed, update(tables.tasks).where(*of_order).values(due_at=placed.received_at))


async def stopped_window(placed: Placed) -> None:
    key = f"{placed.order_id}/confirm/1"
    stopped = update(tables.windows).where(tables.windows.c.key == key)
    line = {"key": f"{key}/stopped", "window": key, "order_id": placed.order_id}
    at = {"at": placed.received_at, "kind": "stopped", "calendar": "cn@1"}
    await execute(
        placed,
        stopped.values(state="kept", stopped_at=placed.received_at),
        insert(tables.window_ledger).values(**line, **at),
    )


async def lost_window(placed: Placed) -> None:
    key = f"{placed.order_id}/confirm/1"
    await execute(
        placed,
        delete(tables.window_ledger).where(tables.window_ledger.c.window == key),
        delete(tables.windows).where(tables.windows.c.key == key),
    )


async def strange_window(placed: Placed) -> None:
    window = await placed.window("S08.W02")
    twin = window | {"key": f"{placed.order_id}/pack/1", "step": "pack"}
    await execute(placed, insert(tables.windows).values(**twin))


async def window_due_elsewhere(placed: Placed) -> None:
    key = tables.windows.c.key == f"{placed.order_id}/confirm/1"
    await execute(placed, update(tables.windows).where(key).values(due_at=placed.received_at))


TAMPERED: dict[str, tuple[Tamper, set[Kind]]] = {
    "row closed": (closed_row, {Kind.ROW_CLOSED}),
    "other step": (other_step, {Kind.PLACE}),
    "other role": (other_role, {Kind.PLACE}),
    "held in the row": (held_row, {Kind.HOLD}),
    "older version": (older_version, {Kind.VERSION}),
    "other promise": (other_promise, {Kind.PROMISE}),
    "other due instant": (other_due, {Kind.DUE}),
    "late in the row": (late_row, {Kind.SLACK}),
    "task withdrawn": (withdrawn_task, {Kind.TASK_MISSING}),
    "task lost": (lost_task, {Kind.TASK_MISSING}),
    "task nobody asks for": (strange_task, {Kind.TASK_LEFT}),
    "task due elsewhere": (task_due_elsewhere, {Kind.TASK_DUE}),
    "window stopped": (stopped_window, {Kind.WINDOW_MISSING}),
    "window lost": (lost_window, {Kind.WINDOW_MISSING}),
    "window nobody watches": (strange_window, {Kind.WINDOW_LEFT}),
    "window due elsewhere": (window_due_elsewhere, {Kind.WINDOW_STANDS}),
}
