"""An order hears that its money has moved, also when whoever booked it died before telling it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from activities.money_teller import MoneyTeller
from activities.order_file import Department, Keyed
from domain.changes import ChangeState
from domain.orders import OrderState
from store.money_news import MoneyNews, note_news
from store.money_tables import money_news
from store.order_money import read_credit
from store.tables import orders
from tests.store.bench import Bench, Worked, verdict, wish

NONE = timedelta()


async def left(bench: Bench) -> list[str]:
    async with bench.engine.connect() as conn:
        return list(await conn.scalars(select(money_news.c.entry)))


async def test_news_that_nobody_told_are_told_once_and_gone(bench: Bench) -> None:
    order = await bench.order()
    heard: list[MoneyNews] = []

    async def tell(news: MoneyNews) -> None:
        heard.append(news)

    async with bench.engine.begin() as conn:
        await note_news(conn, [order.id], "first")
        await note_news(conn, [order.id], "second")

    assert await MoneyTeller(bench.engine, tell).round() == 0, "who booked it may tell it first"
    assert await MoneyTeller(bench.engine, tell, grace=NONE).round() == 1
    assert heard == [MoneyNews(order.id, "second")]
    assert await left(bench) == []


async def test_news_stay_while_the_engine_is_away_and_when_others_come_meanwhile(
    bench: Bench,
) -> None:
    order = await bench.order()

    async def away(_: MoneyNews) -> None:
        raise ConnectionError

    async def slow(_: MoneyNews) -> None:
        async with bench.engine.begin() as conn:
            await note_news(conn, [order.id], "meanwhile")

    async with bench.engine.begin() as conn:
        await note_news(conn, [order.id], "paid")

    with pytest.raises(ConnectionError):
        await MoneyTeller(bench.engine, away, grace=NONE).round()
    assert await left(bench) == ["paid"]
    await MoneyTeller(bench.engine, slow, grace=NONE).round()
    assert await left(bench) == ["meanwhile"]


async def test_one_order_that_cannot_be_told_holds_up_no_other(bench: Bench) -> None:
    broken, well = await bench.order(), await bench.order()
    heard: list[str] = []

    async def tell(news: MoneyNews) -> None:
        if news.order_id == broken.id:
            raise ConnectionError
        heard.append(news.entry)

    for order in (broken, well):
        async with bench.engine.begin() as conn:
            await note_news(conn, [order.id], f"paid for {order.id}")

    with pytest.raises(ConnectionError):
        await MoneyTeller(bench.engine, tell, grace=NONE).round()

    assert heard == [f"paid for {well.id}"]
    assert await left(bench) == [f"paid for {broken.id}"]


async def cancelled(order: Worked) -> None:
    await order.end(OrderState.CANCELLED)


async def paid(order: Worked) -> None:
    async with order.bench.engine.begin() as conn:
        await note_news(conn, [order.id], "a payment")


async def cheaper(order: Worked) -> None:
    bench = order.bench
    await wish(bench, order, "c1", patch={"lines": [{"line": 1, "quantity": 2}]})
    await bench.changes.settle_change(verdict(order, "c1", ChangeState.APPLIED))


@pytest.mark.parametrize("eases", [cancelled, paid, cheaper])
async def test_what_eases_a_customers_credit_is_told_to_its_orders_that_stand_still(
    bench: Bench, eases: Callable[[Worked], Awaitable[None]]
) -> None:
    other = await (await bench.order()).advance_to("confirm")
    waiting, going_on = await bench.order(), await bench.order()
    await stands_still(bench, waiting)
    heard: list[str] = []

    async def tell(news: MoneyNews) -> None:
        heard.append(news.order_id)

    await eases(other)
    await MoneyTeller(bench.engine, tell).round()
    await MoneyTeller(bench.engine, tell).round()

    assert heard == [waiting.id]
    assert going_on.id not in heard


async def test_a_gate_that_looks_while_its_customers_credit_eases_hears_of_it(bench: Bench) -> None:
    paid_order, looking = await bench.order(), await bench.order()
    heard: list[str] = []

    async def tell(news: MoneyNews) -> None:
        heard.append(news.order_id)

    async with Department(bench.engine).open_file(Keyed(looking.id, "look", bench.now)) as file:
        await read_credit(file.conn, "C-0001", lock=True)
        await paid(paid_order)
        telling = asyncio.ensure_future(MoneyTeller(bench.engine, tell).round())
        done, _ = await asyncio.wait([telling], timeout=0.2)
        assert not done, "it waits until the gate has written that it stands still"
        file.show(blocked="missing: the customer has no credit")
    await telling

    assert heard == [looking.id]


async def stands_still(bench: Bench, order: Worked) -> None:
    async with bench.engine.begin() as conn:
        this = orders.c.id == order.id
        await conn.execute(update(orders).where(this).values(blocked="missing: credit"))
