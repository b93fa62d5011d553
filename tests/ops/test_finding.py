"""People name an order in many ways; each finds exactly that one."""

import pytest

from domain.errors import InvalidField, UnknownThing
from ops.repair.finding import find_order
from ops.repair.site import Site
from store import tables
from tests.workflow.floor import Floor


async def test_an_order_is_found_by_number_id_beginning_and_workflow_id(
    site: Site, idle_floor: Floor
) -> None:
    placed = await idle_floor.place()
    async with idle_floor.engine.begin() as conn:
        await conn.execute(tables.orders.update().values(number="SO-2026-000007"))

    for wanted in (
        placed.order_id,
        placed.order_id[:8],
        "SO-2026-000007",
        f"order-{placed.order_id}",
        f"case-{placed.order_id}.confirm.1",
    ):
        found = await find_order(site, wanted)
        assert (found.id, found.name) == (placed.order_id, "SO-2026-000007"), wanted
        assert found.workflow_id == placed.handle.id


async def test_an_order_that_is_not_there_is_said_to_be_unknown(
    site: Site, idle_floor: Floor
) -> None:
    await idle_floor.place()

    with pytest.raises(UnknownThing, match="there is no order 'SO-1999-000001'"):
        await find_order(site, "SO-1999-000001")
    with pytest.raises(UnknownThing):
        await find_order(site, "____")
    with pytest.raises(InvalidField, match="too short"):
        await find_order(site, "a")


async def test_a_beginning_that_fits_several_orders_names_them(
    site: Site, idle_floor: Floor
) -> None:
    placed = await idle_floor.place()
    twin = placed.order_id[:-1] + ("0" if placed.order_id[-1] != "0" else "1")
    async with idle_floor.engine.begin() as conn:
        row = await placed.row()
        await conn.execute(tables.orders.insert().values({**row, "id": twin}))

    with pytest.raises(InvalidField, match="several begin with") as refused:
        await find_order(site, placed.order_id[:10])
    assert twin in str(refused.value)
