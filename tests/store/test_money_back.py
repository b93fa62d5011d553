"""An order that ends without delivery: its money goes back, once, however it ends."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.money import Account
from domain.orders import OrderState
from domain.payments import PaymentEnd
from store import mending, tables
from store.cancellation_tables import cancellations
from store.invoicing import Settled, settle
from store.ledger import MoneyStanding, standing
from store.money_tables import ledger
from store.owing import debtor
from store.payment_tables import refunds
from store.placing import Placing, assign
from tests.store.bench import MONDAY, Bench, Worked, wish
from tests.store.paying import arrives


async def invoice(bench: Bench, order: Worked) -> Settled:
    async with bench.engine.begin() as conn:
        owes = await debtor(conn, order.id, lock=True)
        assert owes is not None
        return await settle(conn, owes, MONDAY, ZoneInfo("Asia/Shanghai"), issue=True)


async def money(bench: Bench, order: Worked) -> MoneyStanding:
    async with bench.engine.connect() as conn:
        return await standing(conn, order.id, "CNY")


async def told(bench: Bench, order: Worked, role: str) -> list[Any]:
    return await bench.rows(tables.outbox, order_id=order.id, to_role=role, kind="order_cancelled")


@pytest.mark.parametrize("state", [OrderState.CANCELLED, OrderState.REFUSED])
@pytest.mark.parametrize("amount", ["60", "130"])
async def test_all_that_was_paid_is_proposed_to_go_back_once(
    bench: Bench, state: OrderState, amount: str
) -> None:
    order = await (await bench.order(("EL-A4", 10))).advance_to("production")
    await arrives(order, amount)

    await order.end(state, reason="terminated by operations")
    async with mending.mending(bench.engine, order.id, f"{order.id}/end") as conn:
        await mending.reopen_order(conn, order.id)
    await order.end(state, reason="terminated by operations")

    has = await money(bench, order)
    assert has.of(Account.REFUND_DUE) == has.received == Decimal(amount)
    assert has.applied == has.of(Account.UNAPPLIED) == 0
    [refund] = await bench.rows(refunds, order_id=order.id)
    assert (refund["amount"], refund["state"]) == (Decimal(amount), "proposed")
    back = [row for row in await bench.rows(ledger) if row["target"] == Account.REFUND_DUE]
    assert sum(row["amount"] for row in back) == Decimal(amount)


async def test_a_completed_order_keeps_its_money(bench: Bench) -> None:
    order = await (await bench.order(("EL-A4", 10))).advance_to("receipt")
    await arrives(order, "100")

    await order.end(OrderState.COMPLETED)

    assert (await money(bench, order)).of(Account.GOODS) == 100
    assert not await bench.rows(refunds, order_id=order.id)


async def test_purchasing_hears_what_it_need_not_buy_and_the_others_what_is_free(
    bench: Bench,
) -> None:
    short = await (await bench.order(("EL-A4", 200_000))).advance_to("review")
    await short.move("check_material", "review", "material", "plan")
    made = await (await bench.order(("EL-A4", 10))).advance_to("pack")

    await short.end(OrderState.CANCELLED)
    await made.end(OrderState.CANCELLED)

    [purchasing] = await told(bench, short, "purchasing")
    assert "is not needed for it any more" in purchasing["text"]
    assert "M-ITO" in purchasing["text"]
    [warehouse] = await told(bench, made, "warehouse")
    assert "10 finished units went into stock" in warehouse["text"]
    assert not await bench.rows(tables.tasks, order_id=short.id, state="open")


async def test_what_a_cancellation_cost_and_was_not_paid_can_be_paid(bench: Bench) -> None:
    order, another = await bench.order(), await bench.order()
    await wish(bench, order, "c1", kind="cancellation")
    await bench.add(cancellations, change_id="c1", order_id=order.id, currency="CNY", terms="x")
    await arrives(order, "10")
    await order.end(OrderState.CANCELLED, change_id="c1", kept=Decimal(40))

    owing = await invoice(bench, order)
    part = await arrives(order, "20")
    rest = await arrives(order, "15")
    paid = await invoice(bench, order)
    wanted = Placing("t", part.payment.id, another.id, "finance", MONDAY, Decimal(20))
    async with bench.engine.begin() as conn:
        await assign(conn, wanted)
    open_again = await invoice(bench, order)

    assert owing.issued.cost == owing.issued.amount == owing.paid + owing.open == 40
    assert (owing.open, owing.issued.number) == (Decimal(30), None)
    assert part.payment.outcome.end is PaymentEnd.PARTLY
    assert part.payment.outcome.to_pay == rest.payment.outcome.applied == 10
    assert rest.payment.outcome.end is PaymentEnd.ORDER_ENDED
    assert rest.payment.outcome.unapplied == 5
    assert paid.issued.cost == paid.paid == 40
    assert paid.open == 0
    assert paid.issued.number is not None
    has = await money(bench, order)
    assert has.of(Account.COST) == 25, "what was left over went first"
    assert open_again.issued.cost - open_again.open == 25
    assert has.received - has.moved_away == has.applied + has.unapplied + has.refunded
