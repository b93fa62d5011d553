"""Goods that leave in parts, and signatures that release them."""

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from activities.models import Entered
from domain.money import Account
from policy.loader import load_all
from policy.steps import Fact, GateStep
from store import tables
from store.shipments import Parting, ship_part, waiting_goods
from tests.store import bench as benches
from tests.store.bench import Bench, Worked
from tests.store.paying import transfer

PARTS = {"carrier": "SF", "tracking": "SF-1"}


async def shipped(order: Worked) -> dict[str, tuple[int, int]]:
    rows = await order.bench.rows(tables.goods, order_id=order.id)
    return {row["product"]: (row["packed"], row["shipped"]) for row in rows}


async def test_parts_add_up_and_the_release_note_covers_the_rest(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await (await bench.order(("EL-A4", 10), ("EL-A5", 20))).advance_to("ship")

    bench.attempts_at_once = 2
    for quantities in ("EL-A4=4", "EL-A4=6,EL-A5=1"):
        monkeypatch.setitem(benches.DATA, "ship", {**PARTS, "quantities": quantities})
        entered = await order.move("record_dispatch", "ship", "ship", outcome="partial")
    assert await shipped(order) == {"EL-A4": (10, 10), "EL-A5": (20, 1)}
    assert entered.tasks[0].waiting == {"EL-A5": 19}
    states = [row["state"] for row in await bench.rows(tables.shipments, order_id=order.id)]
    assert sorted(states) == ["released", "shipped", "shipped"]

    await order.move("record_dispatch", "ship", "notify")

    assert await shipped(order) == {"EL-A4": (10, 10), "EL-A5": (20, 20)}
    rows = await bench.rows(tables.shipments, order_id=order.id)
    assert {row["state"] for row in rows} == {"shipped"}
    assert {"EL-A5": 19} in [row["quantities"] for row in rows]
    [last] = [row for row in rows if row["quantities"] == {"EL-A5": 19}]
    assert last["step_key"] == f"{order.id}/release/1", "the rest left under the release note"


async def test_never_more_leaves_than_is_packed(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("ship")

    with pytest.raises(IntegrityError, match="flows_forward"):
        async with bench.engine.begin() as conn:
            await ship_part(conn, Parting(order.id, "x", bench.now, {"EL-A4": 11}, {}))

    async with bench.engine.connect() as conn:
        assert await waiting_goods(conn, order.id) == {"EL-A4": 10}


async def about_to_sign(bench: Bench, *money: Fact) -> Worked:
    """An order of S07 whose three departments are about to sign, with its goods paid."""
    regulation = load_all().profiles["S07"]
    facts = (Fact.GOODS_MATCH_ORDER, Fact.INSPECTION_PASSED, *money, Fact.COUNTERSIGNED)
    steps = tuple(
        step.model_copy(update={"facts": facts})
        if isinstance(step, GateStep) and step.id == "release"
        else step
        for step in regulation.steps
    )
    order = await bench.order(profile=regulation.model_copy(update={"steps": steps}))
    await transfer(order)
    await order.move("open_step", None, "production")
    await order.move("record_production", "production", "qc")
    await order.move("record_inspection", "qc", "pack", outcome="passed")
    await order.move("record_packing", "pack", None)
    await order.move("prepare_review", None, "countersign")
    return order


async def release(order: Worked) -> Entered:
    """All three sign version 1, and the gate looks."""
    request = order.transition("release_shipping", "countersign", "release", "ship")
    assert request.leave is not None
    yes = {"outcome": "approved", "version": 1}
    given = tuple(d.model_copy(update=yes) for d in order.decisions("countersign"))
    leave = request.leave.model_copy(update={"decisions": given, "outcome": "approved"})
    released: Entered = await order.bench.work["release_shipping"](
        request.model_copy(update={"leave": leave})
    )
    return released


async def changed(bench: Bench, order: Worked) -> None:
    async with bench.engine.begin() as conn:
        await conn.execute(
            update(tables.orders).where(tables.orders.c.id == order.id).values(version=2)
        )


async def inspected(bench: Bench, order: Worked, *, passed: bool) -> None:
    row = {"step_key": f"{order.id}/qc/2", "order_id": order.id, "passed": passed}
    await bench.add(tables.inspections, **row, inspected_at=bench.now)


async def paid_back(bench: Bench, order: Worked) -> None:
    await transfer(order, 40, Account.GOODS, Account.REFUND_DUE, key="back")


async def test_three_signatures_for_what_is_there_release_the_goods(bench: Bench) -> None:
    order = await about_to_sign(bench)
    [facts, *_] = [row["facts"] for row in await bench.rows(tables.tasks, step="countersign")]

    entered = await release(order)

    assert (facts["version"], facts["paid"]) == (1, "100.00")
    assert facts["inspection"] == f"{order.id}/qc/1"
    assert entered.at is not None
    assert entered.at.step == "ship"


async def test_a_signature_is_for_what_its_task_shows_whatever_the_workflow_has_heard_of(
    bench: Bench,
) -> None:
    order = await about_to_sign(bench)
    await changed(bench, order)
    await order.move("prepare_review", "countersign", "countersign")
    shown = {row["visit"]: row["facts"] for row in await bench.rows(tables.tasks)}

    entered = await release(order)

    assert shown[2]["version"] == 2
    assert entered.at is not None
    assert entered.at.step == "ship"


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        pytest.param(changed, "signed for version 1, the order is at version 2", id="a change"),
        pytest.param(
            lambda bench, order: inspected(bench, order, passed=True),
            "signed before the goods were inspected anew",
            id="another inspection",
        ),
        pytest.param(paid_back, "signed with 100.00 paid, of which 60.00 is left", id="money back"),
    ],
)
async def test_what_happens_after_signing_voids_it_and_leads_back(
    bench: Bench, happens: Any, why: str
) -> None:
    order = await about_to_sign(bench)

    await happens(bench, order)
    entered = await release(order)

    assert (entered.back_to, entered.tasks) == ("countersign", ())
    assert not await bench.rows(tables.shipments)
    [line] = await bench.rows(tables.timeline, order_id=order.id, kind="step_back")
    assert f"sales {why}; planning {why}; finance {why}; back to Countersign" in line["text"]


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        pytest.param(changed, "sales signed for version 1, the order is at", id="a change"),
        pytest.param(
            lambda bench, order: inspected(bench, order, passed=False),
            "no passed inspection; not countersigned (sales",
            id="a failed inspection",
        ),
        pytest.param(paid_back, "40.00 CNY of the full price of 100.00 CNY", id="money back"),
    ],
)
async def test_what_happens_after_the_release_voids_it_and_the_rest_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, happens: Any, why: str
) -> None:
    order = await about_to_sign(bench, Fact.BALANCE_PAID)
    order.tasks["ship"] = (await release(order)).tasks
    order.visits |= {"release": 1, "ship": 1}
    monkeypatch.setitem(benches.DATA, "ship", {**PARTS, "quantities": "EL-A4=4"})
    await order.move("record_dispatch", "ship", "ship", outcome="partial")

    await happens(bench, order)
    bench.attempts_at_once = 2
    entered = await order.move("record_dispatch", "ship", "notify")

    assert (entered.back_to, entered.tasks) == ("release", ())
    assert await shipped(order) == {"EL-A4": (10, 4)}
    states = [row["state"] for row in await bench.rows(tables.shipments, order_id=order.id)]
    assert sorted(states) == ["shipped", "void"]
    [line] = await bench.rows(tables.timeline, order_id=order.id, kind="step_back")
    assert line["text"].startswith("Shipping: the release is void: ")
    told = await bench.rows(tables.outbox, order_id=order.id, kind="release_void")
    assert {row["to_role"] for row in told} == {"logistics", "finance", "sales"}
    assert all(why in text for text in (line["text"], *(row["text"] for row in told)))


async def test_a_failed_inspection_keeps_the_gate_shut_whoever_has_signed(bench: Bench) -> None:
    order = await about_to_sign(bench)

    await inspected(bench, order, passed=False)
    entered = await release(order)

    assert entered.blocked is not None
    assert entered.blocked.startswith("missing: no passed inspection; not countersigned (sales")
