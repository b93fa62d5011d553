"""What a change undoes, in the database: each once, in one transaction with the new version."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from activities.change_models import ChangeAsked, ChangeWaits
from activities.changing import ChangeOffice
from activities.models import StepVisit
from domain.changes import ChangeClass, ChangeState
from domain.orders import OrderState
from store import tables
from store.change_reading import applied_since
from store.changes import changed_since
from tests.store.bench import MONDAY, Bench, Worked, verdict, wish


async def asked_for(bench: Bench, order: Worked, patch: dict[str, Any], **values: Any) -> str:
    change_id = str(values.get("id", f"change-of-{order.id[:8]}"))
    row = {
        "id": change_id,
        "order_id": order.id,
        "kind": "change",
        "against_version": 1,
        "patch": patch,
        "requested_by": "customer",
        "requested_at": MONDAY,
    }
    await bench.add(tables.changes, **(row | values))
    return change_id


def asked_of(order: Worked, change_id: str, step: str, **values: Any) -> ChangeAsked:
    """What the workflow sends when it takes a change up."""
    asked = {
        "order_id": order.id,
        "workflow_id": order.workflow_id,
        "change_id": change_id,
        "key": f"{order.id}/changes/{change_id}/register",
        "now": MONDAY,
        "of": ChangeClass.STRUCTURAL,
        "step": step,
        "candidates": (StepVisit(step="change_review", visit=1),),
    }
    return ChangeAsked(**(asked | values))


async def turn_back(order: Worked, change_id: str, name: str, left: str, target: str) -> None:
    """The move that the workflow sends when a change leads back: nobody has answered; repeated."""
    order.tasks.pop(left, None)
    held = [order.at(step) for step in ("slot", "material") if step in order.visits]
    request = order.transition(name, left, target, outcome="changed", undo=tuple(held))
    work = order.bench.work[name]
    request = request.model_copy(update={"change": change_id})
    first = await work(request)
    assert all([await work(request) == first for _ in range(2)])
    order.visits[target] += 1


async def finished(bench: Bench, product: str) -> int:
    [row] = await bench.rows(tables.products, code=product)
    return int(row["finished"])


async def test_turning_back_gives_back_once_and_raises_the_version_in_the_same_move(
    bench: Bench,
) -> None:
    before = await bench.totals()
    order = await (await bench.order()).advance_to("production")
    change = await asked_for(bench, order, {"lines": [{"line": 1, "quantity": 4}]})

    await turn_back(order, change, "prepare_review", "production", "review")

    assert await bench.totals() == before
    row = await order.row()
    assert (row["version"], row["amount"], row["step"]) == (2, Decimal(40), "review")
    [settled] = await bench.rows(tables.changes, id=change)
    assert settled["state"] == "applied"
    given_back = [r for r in await bench.rows(tables.timeline) if r["kind"] == "given_back"]
    assert len(given_back) == 1


async def test_an_agreed_change_that_has_come_about_otherwise_is_applied_and_changes_nothing(
    bench: Bench,
) -> None:
    order = await (await bench.order()).advance_to("production")
    promised_at = (await order.row())["promised_at"]
    patch = {"promised_at": promised_at.isoformat()}
    change = await asked_for(bench, order, patch, registered_at=MONDAY)

    await turn_back(order, change, "open_step", "production", "plan")

    row = await order.row()
    assert (row["version"], row["promised_at"], row["step"]) == (2, promised_at, "plan")
    [settled] = await bench.rows(tables.changes, id=change)
    assert settled["state"] == "applied"


async def test_what_is_made_and_no_longer_ordered_goes_into_stock_and_is_not_made_again(
    bench: Bench,
) -> None:
    order = await (await bench.order(("EL-A4", 10), ("EL-A5", 2))).advance_to("ship")
    patch = {"lines": [{"line": 1, "quantity": 12}, {"line": 2, "remove": True}]}
    change = await asked_for(bench, order, patch)

    await turn_back(order, change, "prepare_review", "ship", "review")

    goods = {row["product"]: row for row in await bench.rows(tables.goods, order_id=order.id)}
    assert (goods["EL-A4"]["made"], goods["EL-A4"]["packed"]) == (10, 0)
    assert (goods["EL-A5"]["made"], await finished(bench, "EL-A5")) == (0, 2)
    [note] = await bench.rows(tables.shipments, order_id=order.id)
    assert note["state"] == "void"
    for name, left, entered, then in (
        ("check_material", "review", "material", "plan"),
        ("book_slot", "plan", "slot", "plan_approval"),
    ):
        await order.move(name, left, entered, then)
    labels = await bench.rows(
        tables.reservations, order_id=order.id, state="held", material="M-LABEL"
    )
    assert [row["quantity"] for row in labels] == [2]
    slots = await bench.rows(tables.slots, order_id=order.id, state="held")
    assert [row["minutes"] for row in slots] == [Decimal("9.0")]
    told = await bench.rows(tables.outbox, kind="plan_adjusted")
    assert {row["to_role"] for row in told} == {"production", "purchasing", "warehouse", "sales"}
    assert all("9 working minutes" in row["text"] for row in told)


async def test_the_time_to_react_counts_from_when_the_customer_asked(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("confirm")
    change = await asked_for(bench, order, {"lines": [{"line": 1, "quantity": 4}]})
    taken_up = MONDAY + timedelta(days=2)
    office = ChangeOffice(bench.engine)
    waits = ChangeWaits(
        order_id=order.id,
        change_id=change,
        key=f"{order.id}/changes/{change}/waits",
        now=MONDAY,
        of=ChangeClass.STRUCTURAL,
    )

    for _ in range(2):
        await office.note_waiting_change(waits)
    found = await office.register_change(asked_of(order, change, "confirm", now=taken_up))

    [window] = found.windows
    assert (window.started_at, window.due_at) == (MONDAY, MONDAY + timedelta(minutes=30))
    told = await bench.rows(tables.outbox, kind="change_waits")
    assert "warehouse" in {notice["to_role"] for notice in told}
    assert len(told) == len({notice["to_role"] for notice in told})


async def test_goods_of_the_old_specification_go_into_stock_and_are_made_anew(bench: Bench) -> None:
    order = await (await bench.order(("EL-A4", 10))).advance_to("pack")
    more = await asked_for(bench, order, {"lines": [{"line": 1, "quantity": 20}]})
    await turn_back(order, more, "prepare_review", "pack", "review")
    blue = {"lines": [{"line": 1, "specification": "blue"}]}
    change = await asked_for(bench, order, blue, id="blue", against_version=2)
    asked = asked_of(order, change, "review", of=ChangeClass.TECHNICAL)

    found = await ChangeOffice(bench.engine).register_change(asked)
    await turn_back(order, change, "prepare_review", "review", "review")

    assert found.remakes
    [row] = await bench.rows(tables.changes, id=change)
    assert [lost["quantity"] for lost in row["impact"]["lost"]] == ["10"]
    [goods] = await bench.rows(tables.goods, order_id=order.id)
    assert (goods["made"], await finished(bench, "EL-A4")) == (0, 10)
    await order.move("check_material", "review", "material", "plan")
    labels = await bench.rows(
        tables.reservations, order_id=order.id, state="held", material="M-LABEL"
    )
    assert [row["quantity"] for row in labels] == [20]


async def test_a_shortage_that_a_change_overtakes_is_not_bought_and_purchasing_knows(
    bench: Bench,
) -> None:
    order = await (await bench.order(("EL-A4", 50_000))).advance_to("review")
    await order.move("check_material", "review", "material", "plan")
    change = await asked_for(bench, order, {"lines": [{"line": 1, "quantity": 4}]})

    await turn_back(order, change, "prepare_review", "material", "review")

    tasks = await bench.rows(tables.tasks, order_id=order.id, step="material")
    assert [task["state"] for task in tasks] == ["withdrawn"]
    told = await bench.rows(tables.outbox, kind="purchase_withdrawn")
    assert [notice["to_role"] for notice in told] == ["purchasing"]


@pytest.mark.parametrize(
    ("patch", "values", "why"),
    [
        ({"lines": [{"line": 1, "quantity": 4}]}, {"against_version": 3}, "against version 3"),
        ({"lines": [{"line": 2, "quantity": 4}]}, {}, "there is no line 2"),
        ({"lines": [{"product": "NOPE", "quantity": 4}]}, {}, "no list price"),
    ],
)
async def test_a_change_that_does_not_fit_the_order_is_refused_when_it_is_taken_up(
    bench: Bench, patch: dict[str, Any], values: dict[str, Any], why: str
) -> None:
    order = await (await bench.order()).advance_to("confirm")
    change = await asked_for(bench, order, patch, **values)

    found = await ChangeOffice(bench.engine).register_change(asked_of(order, change, "confirm"))

    assert (found.state, found.visit) == (ChangeState.REFUSED, None)
    [row] = await bench.rows(tables.changes, id=change)
    assert why in row["reason"]
    assert (await order.row())["version"] == 1


async def test_what_changed_since_a_version_counts_from_the_version_that_a_change_made(
    bench: Bench,
) -> None:
    order = await (await bench.order()).advance_to("confirm")
    slow = {"patch": {"requirements": "No glue."}, "registered_at": MONDAY}
    await wish(bench, order, "quick")
    await wish(bench, order, "slow", **slow)

    # Both were asked for against version 1; the second had to be agreed on first.
    for name in ("quick", "slow"):
        await bench.changes.settle_change(verdict(order, name, ChangeState.APPLIED))

    async with bench.engine.connect() as conn:
        since = {version: await applied_since(conn, order.id, version) for version in (1, 2, 3)}
        fields = await changed_since(conn, order.id, 2)
    found = {version: [one.id for one in made] for version, made in since.items()}
    assert found == {1: ["quick", "slow"], 2: ["slow"], 3: []}
    assert fields == ["requirements"]


async def test_wishes_that_the_orders_end_refuses_are_told_to_the_customer_each_once(
    bench: Bench,
) -> None:
    order = await (await bench.order()).advance_to("confirm")
    kinds = ("cancellation", "change", "receipt", "rush")
    for kind in kinds:
        await wish(bench, order, f"late-{kind}", kind=kind)
    await wish(bench, order, "the-one", kind="cancellation")

    for _ in range(2):
        await order.end(OrderState.CANCELLED, change_id="the-one")

    rows = {row["id"]: row["state"] for row in await bench.rows(tables.changes, order_id=order.id)}
    assert rows.pop("the-one") == "applied"
    assert set(rows.values()) == {"refused"}
    told = [
        row
        for row in await bench.rows(tables.outbox, order_id=order.id, to_role="customer")
        if row["kind"].endswith("_refused")
    ]
    assert sorted(row["kind"] for row in told) == [f"{kind}_refused" for kind in kinds]
    assert all("the order is cancelled" in row["text"] for row in told)
    story = [row["data"].get("change") for row in await bench.rows(tables.timeline)]
    assert sorted(filter(None, story)) == [f"late-{kind}" for kind in kinds]
