"""What finance answers to money that fits nothing: it moves what is there, or says why not."""

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select, update

from activities.follow_up_models import FollowUpMove, FollowUpMoved
from activities.follow_ups import FollowUps
from activities.models import Decision, StepVisit
from domain.money import Account
from domain.payments import Difference
from policy.follow_ups import FollowUp
from store import ledger
from store.gate_tables import credit_news
from store.ledger import standing
from store.payment_tables import refunds
from store.settling import Compared, hand_over
from store.tables import orders
from tests.store.bench import Bench, Worked
from tests.store.paying import arrives, entry
from tests.workflow.floor import profile

PAYMENT: FollowUp = profile("GEN").follow_up("payment")
PLACE = PAYMENT.step("place")


async def costs(order: Worked, amount: int) -> None:
    """The order is changed: it costs this much now."""
    change = entry(order, 0, Account.UNAPPLIED, Account.GOODS, key=f"costs/{amount}")
    async with order.bench.engine.begin() as conn:
        await conn.execute(update(orders).where(orders.c.id == order.id).values(amount=amount))
        await ledger.fit_goods(conn, change, Decimal(amount))


async def on(order: Worked, account: Account) -> Decimal:
    async with order.bench.engine.connect() as conn:
        return (await standing(conn, order.id, "CNY")).of(account)


async def answered(
    order: Worked, follow_up: str | None, outcome: str, to: str = ""
) -> FollowUpMoved:
    """Finance answers the task of this follow-up, which begins with it."""
    assert follow_up is not None
    desk, visit = FollowUps(order.bench.engine), StepVisit(step="place", visit=1)
    begins = FollowUpMove(
        order_id=order.id,
        follow_up=follow_up,
        kind="payment",
        title=PAYMENT.title,
        title_zh=PAYMENT.title_zh,
        now=order.bench.now + timedelta(minutes=20),
        enter=visit,
        rules=PLACE,
        began_at=order.bench.now,
    )
    await desk.move_follow_up(begins)
    decision = Decision(
        task_id=f"{begins.workflow_id}.place.1",
        role=PLACE.role,
        outcome=outcome,
        by="key-of-finance",
        at=begins.now,
        data={"order": to} if to else {},
    )
    left = {"left": visit, "decision": decision, "left_rules": PLACE, "enter": None, "rules": None}
    return await desk.move_follow_up(begins.model_copy(update=left))


async def test_what_was_too_much_goes_back_only_as_far_as_it_pays_for_nothing_by_now(
    bench: Bench,
) -> None:
    first, second, third = [await bench.order() for _ in range(3)]
    used, partly = (await arrives(first, 130)).payment, (await arrives(second, 150)).payment
    fits = (await arrives(third, 100)).payment
    for order in (first, second):
        await costs(order, 130)
    found = Compared("T", Difference.OTHER_AMOUNT, booked=fits)
    async with bench.engine.begin() as conn:
        handed = await hand_over(conn, "C-0001", found, by="key-of-finance", at=bench.now)

    blocked = [
        await answered(first, used.outcome.follow_up, "refund"),
        await answered(third, handed.follow_up, "refund"),
    ]
    moved = await answered(second, partly.outcome.follow_up, "refund")

    for one in blocked:
        assert "answer keep, or propose a refund of the order" in str(one.blocked)
    assert [await on(order, Account.GOODS) for order in (first, second, third)] == [130, 130, 100]
    [refund] = await bench.rows(refunds)
    assert (refund["order_id"], refund["amount"], refund["from_goods"]) == (second.id, 20, 0)
    assert moved.money_moved == (second.id,)


async def test_an_answer_that_moves_money_is_told_to_whose_orders_wait_for_credit(
    bench: Bench,
) -> None:
    first, second = await bench.order(), await bench.order()
    too_much = (await arrives(first, 130)).payment

    moved = await answered(first, too_much.outcome.follow_up, "assign", to=second.id)

    assert set(moved.money_moved) == {first.id, second.id}
    assert await on(second, Account.GOODS) == 30
    async with bench.engine.connect() as conn:
        assert list(await conn.scalars(select(credit_news.c.customer))) == ["C-0001"]
