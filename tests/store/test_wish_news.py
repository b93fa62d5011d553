"""An order hears of a wish that is stored, also when the API died before it could tell it."""

from datetime import timedelta

import pytest

from activities.wish_teller import WishTeller
from domain.changes import ChangeState
from store import tables
from store.rows import WishRow
from tests.store.bench import Bench, verdict, wish

KINDS = ("change", "cancellation", "receipt", "rush")


async def untold(bench: Bench) -> set[str]:
    return {row["id"] for row in await bench.rows(tables.changes, told_at=None)}


async def test_wishes_of_every_kind_that_nobody_told_are_told_once(bench: Bench) -> None:
    order = await bench.order()
    heard: list[tuple[str, str]] = []

    async def tell(one: WishRow) -> bool:
        heard.append((one.order_id, one.kind))
        return True

    for kind in KINDS:
        await wish(bench, order, f"told-{kind}", kind=kind)
    teller = WishTeller(bench.engine, tell)

    assert await WishTeller(bench.engine, tell, grace=timedelta(days=36_500)).round() == 0
    assert await teller.round() == len(KINDS)
    assert await teller.round() == 0
    assert sorted(heard) == sorted((order.id, kind) for kind in KINDS)


async def test_a_wish_with_a_verdict_is_not_told(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("confirm")
    await wish(bench, order, "settled")
    await bench.changes.settle_change(verdict(order, "settled", ChangeState.APPLIED))

    async def tell(_: WishRow) -> bool:
        raise AssertionError("it is settled")

    assert await WishTeller(bench.engine, tell).round() == 0


async def test_one_that_cannot_be_told_holds_up_no_other_and_is_tried_again(bench: Bench) -> None:
    order = await bench.order()
    heard: list[str] = []

    async def tell(one: WishRow) -> bool:
        if one.id == "a-broken" and not heard:
            raise ConnectionError
        if one.id == "b-unstarted" and len(heard) < 2:
            return False
        heard.append(one.id)
        return True

    for name in ("a-broken", "b-unstarted", "c-told"):
        await wish(bench, order, name)
    patient = WishTeller(bench.engine, tell)

    with pytest.raises(ConnectionError):
        await patient.round()
    assert heard == ["c-told"]
    assert await patient.round() == 0, "they are left alone for a while"
    assert await untold(bench) == {"a-broken", "b-unstarted"}
    hasty = WishTeller(bench.engine, tell, again_seconds=0)
    assert await hasty.round() == 2
    assert await untold(bench) == set()
