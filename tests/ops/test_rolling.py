"""Rolling from one version to the next with orders open: none stuck, none left behind.

A run of the tests has 60 orders open, `DUELINE_TEST_SIZE=full` 200.
"""

import asyncio
import shutil
from pathlib import Path

from sqlalchemy import text

from domain.roles import Role
from ops.repair.deployment import read_deployment
from ops.repair.draining import drain
from ops.repair.fitness import Code
from ops.repair.release import RECORDED, release
from ops.repair.site import Site
from tests import size
from tests.ops.conftest import Dueline
from tests.ops.versioned import VersionedFloor, versions
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed
from workflows.contract import HOLD_ORDER, RELEASE_ORDER, Operated, OrderHold, OrderRelease

__all__ = ["versions"]

ORDERS = size.of(60, full=200)
FURTHER = {"confirm": 8, "review": 4, "plan": 2, "production": 2}
"""How many of them have been walked to which step; the others wait at their first one."""

NEW = 8


async def finish(placed: Placed) -> None:
    """Walks an order to its end, from wherever it is."""
    steps = (*S08_STEPS, *S08_AFTER_RELEASE)
    await placed.walk(steps[steps.index((await placed.row())["step"]) :])
    await placed.reached("receipt")
    await placed.wish("receipt")
    await placed.handle.result()


async def hold(placed: Placed) -> None:
    wished = OrderHold(because="a strike", roles=(Role.OPERATIONS,), by="ops-1", request_id="h")
    await placed.handle.execute_update(HOLD_ORDER, wished, result_type=Operated)


async def let_go(placed: Placed) -> None:
    wished = OrderRelease(roles=(Role.OPERATIONS,), by="ops-1", request_id="r")
    await placed.handle.execute_update(RELEASE_ORDER, wished, result_type=Operated)


async def refuse_to_write(floor: Floor, order_id: str) -> None:
    """From now on the database refuses this order's tasks: its next activity is tried for ever."""
    async with floor.engine.begin() as conn:
        await conn.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$"
            )
        )
        await conn.execute(
            text(
                "CREATE TRIGGER refuse BEFORE INSERT ON tasks FOR EACH ROW "
                f"WHEN (NEW.order_id = '{order_id}') EXECUTE FUNCTION refuse()"
            )
        )


async def write_again(floor: Floor) -> None:
    async with floor.engine.begin() as conn:
        await conn.execute(text("DROP TRIGGER refuse ON tasks"))


def few_recorded(folder: Path) -> Path:
    """Three of the recorded histories; `make test` replays all of them elsewhere."""
    folder.mkdir()
    for name in ("in_time.json", "late.1.json", "continued.run2.json"):
        shutil.copy(RECORDED / name, folder)
    return folder


async def test_open_orders_roll_to_the_next_version_and_none_is_stuck(
    versions: VersionedFloor, site: Site, idle_floor: Floor, dueline: Dueline, tmp_path: Path
) -> None:
    said: list[str] = []
    async with versions.serving("b2"):
        async with versions.serving("b1"):
            await versions.make_current("b1")
            orders = await versions.place(ORDERS)
            at = 0
            for step, how_many in FURTHER.items():
                some, at = orders[at : at + how_many], at + how_many
                ahead = S08_STEPS[: S08_STEPS.index(step)]
                await asyncio.gather(*(placed.walk(ahead) for placed in some))
            held, retrying = orders[-1], orders[-2]
            await hold(held)
            await refuse_to_write(idle_floor, retrying.order_id)
            await retrying.answer((await retrying.at("entry"))[0])
            assert await versions.on("b1", orders[::20])

            rolling = asyncio.create_task(
                release(
                    site,
                    versions.name,
                    "b2",
                    Code(),
                    said.append,
                    steps=(50, 100),
                    soak_seconds=3,
                    folder=few_recorded(tmp_path / "recorded"),
                )
            )
            await versions.until(lambda: _said(said, "50 %"), "the ramp has begun")
            new = await versions.place(NEW)
            rolled = await rolling
            drained = await dueline("ops", "drain", "b1", "--rate", "200", "--wait", "0", "--json")
            await write_again(idle_floor)
            again = await drain(
                site,
                await read_deployment(site, versions.name),
                "b1",
                Code(),
                rate=200,
                wait_seconds=60,
                say=said.append,
            )

        assert (rolled.red, rolled.ramped and rolled.ramped.current) == ((), True)
        assert rolled.live.histories >= ORDERS
        [blocking] = drained.json["left"]
        assert blocking["order"] == retrying.order_id
        assert "open_step is tried again" in blocking["why"]
        assert (again.landed, again.left) == (1, ())
        assert await versions.on("b2", [*orders, *new])
        await let_go(held)
        sample = [orders[9], orders[13], orders[15], held, retrying, new[-1]]
        await asyncio.gather(*(finish(placed) for placed in sample))
        states = {(await placed.row())["state"] for placed in sample}
        assert states == {"completed"}


async def _said(said: list[str], what: str) -> bool:
    return any(what in sentence for sentence in said)
