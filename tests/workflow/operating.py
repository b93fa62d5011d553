"""What operations do to an order on the floor, and wait for."""

from uuid import uuid4

from domain.roles import Role
from ops.repair.reconciling import compare
from ops.repair.site import Site
from store import tables
from tests.workflow.floor import Floor, Placed
from workflows.contract import (
    HOLD_ORDER,
    RELEASE_ORDER,
    SKIP_STEP,
    Operated,
    OrderHold,
    OrderRelease,
    StepSkip,
)

OPERATIONS = (Role.OPERATIONS,)
BY = "key-of-operations"


def site_of(floor: Floor) -> Site:
    """The floor as operations reach it."""
    return Site(
        client=floor.client,
        database=floor.engine,
        task_queue=floor.task_queue,
        by="ops-1",
        roles=OPERATIONS,
        ui_url="http://127.0.0.1:8233",
    )


async def agrees(placed: Placed) -> None:
    """Fails unless the order's workflows and the database say the same, as `ops reconcile` sees it.

    What is to follow the order has to have begun.
    """
    compared = await compare(site_of(placed.floor), placed.order_id)
    says = (compared.differences, compared.moving, compared.unasked)
    assert says == ((), False, None), says


async def hold(placed: Placed, because: str = "the customer's bank has stopped") -> None:
    """Holds the order, and waits until that is written down."""
    wished = OrderHold(because=because, roles=OPERATIONS, by=BY, request_id=str(uuid4()))
    await placed.handle.execute_update(HOLD_ORDER, wished, result_type=Operated)

    async def shown() -> bool:
        running = await placed.rows(tables.windows, stopped_at=None)
        row = await placed.row()
        return row["held_at"] is not None and any(w["paused_at"] for w in running)

    await placed.until(shown, "the hold is written down")


async def release(placed: Placed) -> None:
    """Releases the order, and waits until that is written down."""
    wished = OrderRelease(roles=OPERATIONS, by=BY, request_id=str(uuid4()))
    await placed.handle.execute_update(RELEASE_ORDER, wished, result_type=Operated)

    async def going_on() -> bool:
        running = await placed.rows(tables.windows, stopped_at=None)
        row = await placed.row()
        return row["held_at"] is None and not any(w["paused_at"] for w in running)

    await placed.until(going_on, "the order goes on")


async def skip(placed: Placed, step: str, by: str, *roles: Role) -> str:
    """One key wants a step skipped, or agrees to it; what became of it.

    The record may know of the step before the workflow has heard that it is there.
    """
    await placed.quiet()
    wished = StepSkip(
        step=step, because="the clerk is ill", roles=roles, by=by, request_id=str(uuid4())
    )
    operated: Operated = await placed.handle.execute_update(SKIP_STEP, wished, result_type=Operated)
    return operated.outcome
