"""An order that was changed or paid is taken back: nothing is undone, paid or said twice."""

from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.money import Account
from ops.repair.site import Site
from store import tables
from store.gate_tables import order_money
from store.money_tables import money_news
from tests.ops.test_reset import receive, reset
from tests.workflow.changing import SIGNED, TWENTY, Expected, ask, asked, holds, later, say
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed
from tests.workflow.following import starter_of
from tests.workflow.money import held, moves, pay
from tests.workflow.operating import agrees
from tests.workflow.paying import purse
from tests.workflow.test_deposit_clock import stocked
from tests.workflow.test_shipping import pays_until_the_goods_may_be_checked, walk
from worker import build_worker

TO_PRODUCTION = S08_STEPS[: S08_STEPS.index("production")]
FROM_QC = (*S08_STEPS[S08_STEPS.index("qc") :], *S08_AFTER_RELEASE)
AMOUNT, UNITS = Decimal("370.00"), 20
CARRIED_ON = {tables.effects.name, money_news.name}
"""What is kept about doing things once, and about telling them."""


@pytest.fixture
async def at_work(idle_floor: Floor) -> AsyncIterator[Floor]:
    """A floor at work, without the sandbox: other tests watch over determinism."""
    client = idle_floor.skipper.client
    async with build_worker(client, idle_floor.engine, idle_floor.task_queue):
        yield idle_floor


async def record(placed: Placed) -> dict[str, list[str]]:
    """Every row that the database has of an order, and the stock of the house."""
    found = {}
    for table in tables.metadata.sorted_tables:
        if "order_id" in table.c and table.name not in CARRIED_ON:
            found[table.name] = sorted(map(repr, await placed.rows(table)))
    for table in (tables.materials, tables.products):
        found[table.name] = sorted(map(repr, await placed.floor.rows(table)))
    row = await placed.row()
    row.pop("updated_at")
    return found | {"orders": [repr(row)]}


async def stands_where_it_stood(
    site: Site, placed: Placed, at: str, places: Iterable[tuple[str, int]]
) -> None:
    """The order is taken back to each of these visits, and is the same afterwards."""
    await agree(placed)
    await placed.settled_events()
    before = await record(placed)
    for step, visit in places:
        result = await reset(site, placed, step, visit)

        placed.handle = placed.floor.skipper.client.get_workflow_handle(placed.handle.id)
        assert result.not_repeated == (), (step, visit)
        assert (await placed.handle.query("view")).get("step") == at, (step, visit)
        after = await record(placed)
        for what, was in before.items():
            assert after[what] == was, (step, visit, what)
        await agree(placed)


async def agree(placed: Placed) -> None:
    """Workflows and database say the same, once what is to follow has begun."""
    await starter_of(placed.floor).round()
    await agrees(placed)


async def ends_once(placed: Placed) -> None:
    """The order is received; nothing is held, no notice came twice, and its money balances."""
    await receive(placed)
    assert (await placed.row())["state"] == "completed"
    assert not await placed.rows(tables.reservations, state="held")
    assert not await placed.rows(tables.slots, state="held")
    left = await placed.open_tasks()
    assert not [task for task in left if task["workflow_id"] == placed.handle.id]
    told = [row["key"] for row in await placed.rows(tables.outbox)]
    assert len(told) == len(set(told))
    assert (await purse(placed.floor, placed.order_id)).balances
    await agree(placed)


async def changed_twice(placed: Placed) -> None:
    """To the production of twice the units at a later date, that is still to be agreed on."""
    await pay(placed, "185.00")
    await placed.walk(TO_PRODUCTION)
    await placed.at("production")
    more = await ask(placed, TWENTY, times=2)
    await say(placed, "change_review")
    await say(placed, "supplement", **SIGNED)
    assert (await placed.settled(more))["state"] == "applied"
    await placed.walk(TO_PRODUCTION[2:])
    await placed.at("production")
    await ask(placed, later(placed))
    await say(placed, "change_review")
    await asked(placed, "date_review")


async def test_an_order_reset_to_before_its_changes_is_changed_once(
    at_work: Floor, site: Site
) -> None:
    placed = await at_work.place(events_max=120)
    await changed_twice(placed)

    await stands_where_it_stood(site, placed, "production", (("confirm", 1),))
    await say(placed, "date_review")
    await placed.walk(TO_PRODUCTION[3:])
    await placed.at("production")
    paid = Decimal("185.00")
    made = Expected("production", 3, to_make=UNITS, booked=UNITS, amount=AMOUNT, applied=paid)
    await holds(placed, made)
    await placed.walk(("production", *FROM_QC))
    await placed.reached("receipt")
    await stands_where_it_stood(site, placed, "receipt", (("production", 1), ("review", 2)))

    await ends_once(placed)
    row = await placed.row()
    assert (row["version"], row["amount"]) == (3, AMOUNT)
    [goods] = await placed.rows(tables.goods)
    assert (goods["made"], goods["packed"], goods["shipped"]) == (UNITS, UNITS, UNITS)
    applied = await placed.rows(tables.timeline, kind="change_applied")
    assert len(applied) == 2
    used = await placed.rows(tables.stock_moves)
    assert len(used) == len({move["material"] for move in used})


async def test_an_order_reset_to_before_its_gates_of_money_is_paid_once(
    at_work: Floor, site: Site
) -> None:
    placed = await at_work.place(
        profile="S07", customer="C-0002", special=True, payment_route="account"
    )
    await pays_until_the_goods_may_be_checked(placed)
    for task in await placed.at("countersign"):
        await placed.answer(task, "approved")
    await placed.at("ship")

    places = (("confirm", 1), ("task_release", 1), ("release", 1))
    await stands_where_it_stood(site, placed, "ship", places)

    await walk(placed, "ship", "notify")
    await placed.reached("receipt")
    await ends_once(placed)
    assert await held(placed) == {
        Account.GOODS: Decimal("185.00"),
        Account.REFUND_DUE: Decimal("5.50"),
    }
    signed = await placed.rows(tables.tasks, step="countersign")
    assert {row["visit"] for row in signed} == {1}


async def test_a_deposit_that_was_picked_up_late_is_kept_once_after_a_reset(
    at_work: Floor, site: Site
) -> None:
    placed = await stocked(at_work)
    week = await placed.window("S26.W03")
    await placed.skip_to(week["due_at"] + timedelta(minutes=1))
    await placed.marked(week["key"], "breach")
    await placed.do("ship")
    await placed.at("notify")

    await stands_where_it_stood(site, placed, "notify", (("deposit", 1),))

    await placed.do("notify")
    await placed.reached("receipt")
    await ends_once(placed)
    [money] = await placed.rows(order_money)
    assert money["deposit_state"] == "kept_in_part"
    [(kept, _)] = await moves(placed, "deposit: picked up late")
    assert kept == Decimal("1000.00")
