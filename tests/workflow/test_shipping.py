"""The countersign of S07, shipments in parts, and receipts that do not end the order."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import RPCError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.changes import ReceiptCondition
from domain.roles import Role
from domain.stages import Stage
from policy.cancelling import TOO_LATE
from policy.follow_ups import FollowUp, FollowUpStep
from policy.model import Profile
from store import tables
from store.follow_up_tables import follow_ups
from store.refunds import Proposal, propose
from tests.workflow.conftest import staffed
from tests.workflow.floor import S08_STEPS, Floor, Placed, profile
from tests.workflow.money import news, pay, say_paid
from tests.workflow.policies import window
from workflows.contract import (
    CONFIRM_RECEIPT,
    FOLLOW_UP_CLOSED,
    FollowUpNews,
    ReceiptNotice,
    TaskCompleted,
)

RACES_MAX = 5
TO_CREDIT = ("entry", "check", "confirm")
TO_ARRIVAL = (
    "plan",
    "requisition",
    "issue",
    "production",
    "qc",
    "ageing",
    "stock_in",
    "pack",
)
ANSWERS = {"ageing": "passed", "payment_check": "paid", "open_box": "passed"}


async def money_goes_back(placed: Placed, amount: str) -> None:
    """A part of what is paid is set aside to go back, as finance proposes it."""
    key = f"{placed.order_id}/back/{uuid4()}"
    async with placed.floor.engine.begin() as conn:
        wanted = Proposal(
            key, placed.order_id, "paid twice", "key-of-sales", placed.now, Decimal(amount)
        )
        await propose(conn, wanted)
    await news(placed, key)


async def waits_for_money(placed: Placed, step: str) -> str:
    """What a gate's task says is missing."""
    [task] = await placed.at(step)
    assert task["role"] == "finance"
    [missing] = task["facts"]["missing"]
    return str(missing)


async def pays_until_the_goods_may_be_checked(placed: Placed) -> None:
    """S07 up to the countersign: credit, advance and balance each wait for their money."""
    await walk(placed, *TO_CREDIT)
    assert await waits_for_money(placed, "credit") == (
        "the customer has no credit, and 55.50 CNY of the advance payment of 55.50 CNY is not paid"
    )
    assert not await placed.rows(tables.windows, rule="S07.W15"), "nobody has reported a payment"
    said = await say_paid(placed, "55.50")
    confirming = await placed.window("S07.W15")
    assert (confirming["limit"], confirming["started_at"]) == ("1-2bd", said.reported_at)
    await pay(placed, "55.50")
    await walk(placed, "place_order", "review")
    await placed.at("task_sheet")
    await money_goes_back(placed, "5.50")
    await walk(placed, "task_sheet", "task_release")
    assert await waits_for_money(placed, "advance") == (
        "5.50 CNY of the advance payment of 55.50 CNY"
    )
    assert not await placed.rows(tables.reservations), "nothing special is bought before"
    await pay(placed, "5.50")
    await walk(placed, *TO_ARRIVAL)
    await placed.do("payment_check", "not_paid")
    assert await waits_for_money(placed, "arrival") == (
        "129.50 CNY of the full price of 185.00 CNY"
    )
    assert not await placed.rows(tables.windows, step="arrival"), "it is not paid, as market says"
    await placed.do("arrival", "recheck")
    assert await placed.at("arrival"), "nobody lets unpaid goods go on"
    await pay(placed, "129.50")
    await walk(placed, "open_box")


def with_inquiries(chosen: Profile) -> Profile:
    """The profile with one task where goods are damaged or never come."""
    found = tuple(
        FollowUp(
            id=kind,
            title=kind,
            title_zh=kind,
            begins=begins,
            blocks_receipt=True,
            steps=(
                FollowUpStep(
                    id="inquiry",
                    stage=Stage.LOGISTICS_TRACKING,
                    title="Inquiry",
                    title_zh="查询",
                    role=Role.CUSTOMER_SERVICE,
                    standard="The carrier has answered.",
                    window=window(f"GEN.{kind}_test", "4h"),
                ),
            ),
        )
        for kind, begins in (("damage", "damaged"), ("not_received", "not_received"))
    )
    return chosen.model_copy(update={"follow_ups": found})


async def walk(placed: Placed, *steps: str) -> None:
    for step in steps:
        await placed.do(step, ANSWERS.get(step))


async def again(placed: Placed, step: str, visit: int) -> dict[str, dict[str, Any]]:
    """The open tasks of a later visit of a step, by role."""

    async def there() -> list[dict[str, Any]]:
        return await placed.rows(tables.tasks, step=step, visit=visit, state="open")

    found: list[dict[str, Any]] = await placed.until(there, f"{step} {visit} is open")
    return {task["role"]: task for task in found}


async def ship(placed: Placed, visit: int, outcome: str, **data: str) -> dict[str, Any]:
    """Logistics answers that visit of `ship`; the task."""
    task = (await again(placed, "ship", visit))["logistics"]
    await placed.answer(task, outcome, **data)
    return task


async def refused(placed: Placed, outcome: str, **data: str) -> tuple[str, str]:
    """The field and the words with which an answer to `ship` is refused."""
    [task] = await placed.at("ship")
    with pytest.raises(WorkflowUpdateFailedError) as raised:
        await placed.answer(task, outcome, **data)
    error = raised.value.cause
    assert isinstance(error, ApplicationError)
    return str(error.details[0]), error.message


async def shipments(placed: Placed) -> list[tuple[str, dict[str, int]]]:
    rows = await placed.rows(tables.shipments)
    rows.sort(key=lambda row: row["shipped_at"] or row["failed_at"] or placed.now)
    return [(row["state"], row["quantities"]) for row in rows]


async def receive(placed: Placed, condition: ReceiptCondition) -> str:
    wish_id = await placed.store_wish("receipt", {"condition": condition.value})
    notice = ReceiptNotice(change_id=wish_id, condition=condition)
    for _ in range(2):  # told twice, heard once
        await placed.handle.signal(CONFIRM_RECEIPT, notice)
    return wish_id


async def close_follow_up(placed: Placed, kind: str) -> None:
    async def there() -> list[dict[str, Any]]:
        return await placed.rows(follow_ups, kind=kind)

    [row] = await placed.until(there, f"a follow-up {kind} is wanted")
    news = FollowUpNews(follow_up=row["id"], kind=kind, blocks_receipt=True, outcome="settled")
    await placed.handle.signal(FOLLOW_UP_CLOSED, news)


async def waits_anew(placed: Placed, times: int) -> None:
    async def noted() -> bool:
        return len(await placed.rows(tables.timeline, kind="waits_anew")) == times

    await placed.until(noted, "the wait begins anew")


async def leaves_and_pays_once_more(placed: Placed) -> None:
    """The goods leave without parts; money goes back, and the parts wait at the gate for it."""
    assert await refused(placed, "partial", quantities="EL-A4=4") == (
        "data.consent",
        "is required to complete this task; add it",
    )
    consent = {"consent": "by mail of today"}
    assert await refused(placed, "partial", quantities="EL-A4=11", **consent) == (
        "data.quantities",
        "EL-A4: 11 are more than the 10 that are packed",
    )
    missing = {"missing": "two power cords", "owner": "purchasing"}
    until = (placed.now + timedelta(days=3)).date().isoformat()
    owed = {"until": until, **missing, **consent}
    await ship(placed, 1, "missing_parts", quantities="EL-A4=10", **owed)
    await again(placed, "ship", 2)
    await money_goes_back(placed, "10.00")
    rest = await ship(placed, 2, "done")
    assert rest["facts"]["missing"] == "two power cords"
    assert rest["due_at"].date().isoformat() >= until
    [unpaid] = await placed.at("release")
    assert unpaid["facts"]["missing"][0] == "10.00 CNY of the full price of 185.00 CNY"
    assert await shipments(placed) == [("shipped", {"EL-A4": 10}), ("void", {})]
    assert len(await placed.rows(tables.outbox, kind="release_void")) == 3
    late = await placed.wish("cancellation")
    assert (await placed.settled(late))["state"] == "refused", "a part has left"
    await pay(placed, "10.00")
    await ship(placed, 3, "done")
    await walk(placed, "notify")
    await placed.reached("receipt")
    left = [("shipped", {"EL-A4": 10}), ("shipped", {}), ("void", {})]
    assert await shipments(placed) == left
    told = await placed.rows(tables.outbox, kind="missing_parts")
    assert {row["to_role"] for row in told} == {"purchasing", "sales"}


async def test_three_sign_what_is_paid_and_a_change_an_inspection_or_a_refund_voids_it(
    floor: Floor,
) -> None:
    placed = await floor.place(
        profile="S07", customer="C-0002", special=True, payment_route="account"
    )
    await pays_until_the_goods_may_be_checked(placed)
    tasks = {task["role"]: task for task in await placed.at("countersign")}
    assert set(tasks) == {"sales", "planning", "finance"}
    assert tasks["finance"]["facts"]["version"] == 1
    assert tasks["finance"]["facts"]["inspection"] == f"{placed.order_id}/open_box/1"
    assert tasks["finance"]["facts"]["paid"] == "185.00"

    await placed.answer(tasks["sales"], "approved")
    await placed.answer(tasks["planning"], "approved")
    changed = await placed.settled(await placed.wish("change", {"remarks": "To the back door."}))
    second = await again(placed, "countersign", 2)

    assert changed["state"] == "applied"
    assert second["sales"]["facts"]["void"] == [
        "sales signed for version 1, the order is at version 2",
        "planning signed for version 1, the order is at version 2",
        "finance has not signed",
    ]
    assert not await placed.rows(tables.shipments)

    await money_goes_back(placed, "2.00")
    await placed.answer(second["planning"], "refused")
    await walk(placed, "payment_check")
    assert await waits_for_money(placed, "arrival") == ("2.00 CNY of the full price of 185.00 CNY")
    assert (await placed.window("S07.W35"))["stopped_at"] is None, "it is paid, as market says"
    await pay(placed, "2.00")
    await placed.do("open_box", "failed")
    await walk(placed, "rework", "qc", "ageing", "stock_in", "pack", "payment_check", "open_box")
    third = await again(placed, "countersign", 3)
    assert third["finance"]["facts"]["inspection"] == f"{placed.order_id}/open_box/3"
    await placed.answer(third["sales"], "approved")
    await placed.answer(third["planning"], "approved")
    await money_goes_back(placed, "10.00")
    await placed.answer(third["finance"], "approved")
    [waiting] = await placed.at("release")
    assert waiting["facts"]["missing"][0] == "10.00 CNY of the full price of 185.00 CNY"
    assert (
        "finance signed with 185.00 paid, of which 175.00 is left"
        in (waiting["facts"]["missing"][1])
    )
    assert [state for state, _ in await shipments(placed)] == []
    await pay(placed, "10.00")
    await placed.at("ship")

    signed = await placed.rows(tables.tasks, step="countersign", visit=3)
    assert {row["version"] for row in signed} == {2}
    assert [state for state, _ in await shipments(placed)] == ["released"]

    await leaves_and_pays_once_more(placed)


async def part_and_cancellation(floor: Floor) -> tuple[Placed, str, bool]:
    """Four leave and the customer cancels while nobody works, so that both come at once.

    Says whether the part left: the engine may still tell the order of the cancellation first.
    """
    async with staffed(floor):
        placed = await floor.place()
        await placed.walk(S08_STEPS)
        [task] = await placed.at("ship")
    leaves = asyncio.create_task(placed.answer(task, "partial", quantities="EL-A4=4"))
    wish = await placed.cancel()
    async with staffed(floor):
        [left] = await asyncio.gather(leaves, return_exceptions=True)
        assert isinstance(left, TaskCompleted | WorkflowUpdateFailedError | RPCError), left
        await placed.settled(wish)
        if isinstance(left, TaskCompleted):
            await again(placed, "ship", 2)
        else:
            await placed.handle.result()
    return placed, wish, isinstance(left, TaskCompleted)


async def test_a_part_that_leaves_as_a_cancellation_comes_is_never_given_back(
    idle_floor: Floor,
) -> None:
    floor, cancelled = idle_floor, 0
    placed, wish, left = await part_and_cancellation(floor)
    while not left and cancelled < RACES_MAX:
        assert (await placed.row())["state"] == "cancelled"
        assert await shipments(placed) == [("void", {})]
        cancelled += 1
        placed, wish, left = await part_and_cancellation(floor)

    assert left, "the cancellation always came first"
    refused = await placed.settled(wish)
    assert (refused["state"], refused["reason"]) == ("refused", TOO_LATE)
    assert await shipments(placed) == [("shipped", {"EL-A4": 4}), ("released", {})]
    [goods] = await placed.rows(tables.goods)
    assert (goods["made"], goods["shipped"]) == (10, 4)
    [product] = await floor.rows(tables.products, code="EL-A4")
    assert product["finished"] == 10 * cancelled


async def test_an_order_leaves_in_three_parts_and_what_is_wrong_holds_its_receipt_back(
    floor: Floor,
) -> None:
    policy = with_inquiries(profile("GEN"))
    placed = await floor.place(profile="GEN", policy=policy)
    await placed.walk(("entry", "check", "confirm", "review", "plan", "production", "qc", "pack"))
    early = await placed.wish("receipt")
    assert (await placed.settled(early))["state"] == "refused"

    tomorrow = (placed.now + timedelta(days=1)).date()
    arrival = (placed.now + timedelta(days=4)).date().isoformat()
    failed = {"reason": "the lorry broke down", "new_date": tomorrow.isoformat()}
    await ship(placed, 1, "failed", arrival=arrival, **failed)
    task = (await again(placed, "ship", 2))["logistics"]
    told = await placed.rows(tables.outbox, kind="dispatch_failed")
    assert {row["to_role"] for row in told} == {"sales", "customer"}
    assert not any("lorry" in row["text"] for row in told)
    assert task["due_at"].date() >= tomorrow, "its window counts from the new date"

    assert (await refused(placed, "partial", quantities="EL-A4=10"))[1] == (
        "that is all there is; answer `done` instead"
    )
    await ship(placed, 2, "partial", quantities="EL-A4=4")
    came = await placed.settled(await receive(placed, ReceiptCondition.COMPLETE))
    assert came["state"] == "applied"
    await ship(placed, 3, "partial", quantities="EL-A4=5")
    late = await placed.wish("cancellation")
    assert (await placed.settled(late))["state"] == "refused"
    await ship(placed, 4, "done")
    await placed.do("notify")
    await placed.reached("receipt")
    assert await shipments(placed) == [
        ("failed", {}),
        ("shipped", {"EL-A4": 4}),
        ("shipped", {"EL-A4": 5}),
        ("shipped", {"EL-A4": 1}),
    ]
    [goods] = await placed.rows(tables.goods)
    assert (goods["packed"], goods["shipped"]) == (10, 10)
    notices = await placed.rows(tables.outbox, kind="shipped", to_role="customer")
    assert len(notices) == 3

    await placed.settled(await receive(placed, ReceiptCondition.DAMAGED))
    await placed.skip(timedelta(days=8))
    assert (await placed.row())["state"] == "open", "nobody takes broken goods as received"
    await close_follow_up(placed, "damage")
    await waits_anew(placed, 1)
    await placed.settled(await receive(placed, ReceiptCondition.NOT_RECEIVED))
    await close_follow_up(placed, "not_received")
    await waits_anew(placed, 2)
    await placed.skip(timedelta(days=6))
    assert (await placed.row())["state"] == "open", "the seven days count anew"
    await placed.skip(timedelta(days=1, minutes=1))
    await placed.handle.result()

    assert (await placed.row())["state"] == "completed"
    assert len(await placed.rows(follow_ups)) == 2
