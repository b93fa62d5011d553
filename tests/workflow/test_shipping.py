"""The countersign of S07, shipments in parts, and receipts that do not end the order."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.changes import ReceiptCondition
from domain.roles import Role
from domain.stages import Stage
from policy.follow_ups import FollowUp, FollowUpStep
from policy.model import Profile
from policy.steps import Fact, GateStep, Step, Work
from store import tables
from store.follow_up_tables import follow_ups
from tests.workflow.floor import Floor, Placed, profile
from tests.workflow.policies import window
from workflows.contract import CONFIRM_RECEIPT, FOLLOW_UP_CLOSED, FollowUpNews, ReceiptNotice

TO_COUNTERSIGN = (
    "entry",
    "check",
    "confirm",
    "place_order",
    "review",
    "task_sheet",
    "task_release",
    "plan",
    "requisition",
    "issue",
    "production",
    "qc",
    "ageing",
    "stock_in",
    "pack",
    "payment_check",
    "open_box",
)
ANSWERS = {"ageing": "passed", "payment_check": "paid", "open_box": "passed"}


def without_money(chosen: Profile) -> Profile:
    """The profile as it is for a customer whose money is there: nobody waits for any."""
    steps: list[Step] = []
    for step in chosen.steps:
        if isinstance(step, GateStep):
            if step.work is Work.CHECK_MONEY:
                continue
            facts = tuple(fact for fact in step.facts if fact is not Fact.BALANCE_PAID)
            steps.append(step.model_copy(update={"facts": facts}))
        else:
            steps.append(step)
    return chosen.model_copy(update={"steps": tuple(steps)})


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


async def test_three_departments_sign_and_a_change_or_a_failed_inspection_voids_it(
    floor: Floor,
) -> None:
    placed = await floor.place(profile="S07", policy=without_money(profile("S07")))
    await walk(placed, *TO_COUNTERSIGN)
    tasks = {task["role"]: task for task in await placed.at("countersign")}
    assert set(tasks) == {"sales", "planning", "finance"}
    assert tasks["finance"]["facts"]["version"] == 1
    assert tasks["finance"]["facts"]["inspection"] == f"{placed.order_id}/open_box/1"

    await placed.answer(tasks["sales"], "approved")
    await placed.answer(tasks["planning"], "approved")
    changed = await placed.settled(await placed.wish("change", {"remarks": "To the back door."}))
    await placed.answer(tasks["finance"], "approved")
    second = await again(placed, "countersign", 2)

    assert changed["state"] == "applied"
    assert second["sales"]["facts"]["void"] == [
        f"{role} signed for version 1, the order is at version 2"
        for role in ("sales", "planning", "finance")
    ]
    assert not await placed.rows(tables.shipments)
    [line] = await placed.rows(tables.timeline, kind="step_back")
    assert line["text"].startswith("Shipping release: signatures are void: sales signed for")

    await placed.answer(second["planning"], "refused")
    await walk(placed, "payment_check")
    await placed.do("open_box", "failed")
    await walk(placed, "rework", "qc", "ageing", "stock_in", "pack", "payment_check", "open_box")
    third = await again(placed, "countersign", 3)
    assert third["finance"]["facts"]["inspection"] == f"{placed.order_id}/open_box/3"
    for task in third.values():
        await placed.answer(task, "approved")
    await placed.at("ship")

    signed = await placed.rows(tables.tasks, step="countersign", visit=3)
    assert {row["version"] for row in signed} == {2}
    assert [state for state, _ in await shipments(placed)] == ["released"]

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
    rest = await ship(placed, 2, "done")
    assert rest["facts"]["missing"] == "two power cords"
    assert rest["due_at"].date().isoformat() >= until
    await walk(placed, "notify")
    await placed.reached("receipt")
    assert await shipments(placed) == [("shipped", {"EL-A4": 10}), ("shipped", {})]
    told = await placed.rows(tables.outbox, kind="missing_parts")
    assert {row["to_role"] for row in told} == {"purchasing", "sales"}


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
