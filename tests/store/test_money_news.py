"""An order hears that its money has moved, also when whoever booked it died before telling it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from activities.money_teller import MoneyTeller
from store.money_news import MoneyNews, note_news
from store.money_tables import money_news
from tests.store.bench import Bench

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
