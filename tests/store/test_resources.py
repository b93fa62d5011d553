"""Stock and slots: never below zero, never twice."""

import asyncio
import itertools
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import IntegrityError

from policy.calendars import calendar
from policy.gaps import earliest_gap
from store import tables
from tests.store.bench import MONDAY, Bench, Worked

CHINA = ZoneInfo("Asia/Shanghai")


def on(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant of March 2026, which begins on a Sunday."""
    return datetime(2026, 3, day, hour, minute, tzinfo=CHINA)


async def slots_of(bench: Bench, order: Worked) -> dict[str, tuple[datetime, datetime]]:
    rows = await bench.rows(tables.slots, order_id=order.id, state="held")
    return {row["line"]: (row["during"].lower, row["during"].upper) for row in rows}


async def test_twenty_orders_at_once_never_take_more_than_there_is(bench: Bench) -> None:
    await bench.stock("M-ITO", 7)  # ten panels take 0.7
    orders = [await bench.order() for _ in range(20)]

    entered = await asyncio.gather(
        *(order.move("check_material", None, "material", "plan") for order in orders)
    )

    steps = [done.at.step for done in entered if done.at]
    assert (steps.count("plan"), steps.count("material")) == (10, 10)
    [film] = await bench.rows(tables.materials, code="M-ITO")
    assert (film["on_hand"], film["reserved"]) == (7, 7)


async def test_orders_that_want_the_same_materials_crosswise_do_not_deadlock(bench: Bench) -> None:
    products = ("EL-A4", "EL-A5", "DRV-12V", "EL-SIGN-A2")
    orders = [
        await bench.order(*((name, 1) for name in products[:: 1 if n % 2 else -1]))
        for n in range(12)
    ]

    entered = await asyncio.gather(
        *(order.move("check_material", None, "material", "plan") for order in orders)
    )

    assert all(done.at and done.at.step == "plan" for done in entered)


async def test_a_shortage_reserves_nothing_and_says_what_is_missing(bench: Bench) -> None:
    await bench.stock("M-ITO", "0.51")
    order = await (await bench.order()).advance_to("review")

    blocked = await order.move("check_material", "review", "material", "plan")

    assert blocked.blocked == "0.19 m2 of M-ITO (ITO-coated PET film) missing"
    [task] = blocked.tasks
    assert (task.role, task.outcomes) == ("purchasing", ("arrived", "refused"))
    [row] = await bench.rows(tables.tasks, id=task.id)
    assert row["facts"]["shortages"] == [
        {
            "material": "M-ITO",
            "name": "ITO-coated PET film",
            "unit": "m2",
            "needed": "0.7",
            "free": "0.51",
            "short": "0.19",
        }
    ]
    assert (await bench.totals())["reservations"] == 0
    assert (await order.row())["step"] == "material"


async def test_what_has_arrived_is_put_into_stock_once_and_reserved(bench: Bench) -> None:
    await bench.stock("M-ITO", "0.51")
    order = await bench.order()
    await order.move("check_material", None, "material", "plan")
    bench.attempts_at_once = 3

    entered = await order.move("check_material", "material", "material", "plan", outcome="arrived")

    assert (entered.at and entered.at.step, entered.blocked) == ("plan", None)
    [film] = await bench.rows(tables.materials, code="M-ITO")
    assert (film["on_hand"], film["reserved"]) == (Decimal("0.7"), Decimal("0.7"))
    [move] = await bench.rows(tables.stock_moves, material="M-ITO")
    assert move["on_hand_change"] == Decimal("0.19")


async def test_material_that_another_order_took_meanwhile_is_missed_again(bench: Bench) -> None:
    await bench.stock("M-ITO", "0.51")
    order = await bench.order()
    await order.move("check_material", None, "material", "plan")
    await (await bench.order(("EL-A4", 5))).advance_to("plan")  # takes 0.35

    again = await order.move("check_material", "material", "material", "plan", outcome="arrived")

    assert again.blocked == "0.35 m2 of M-ITO (ITO-coated PET film) missing"
    assert [task.visit for task in again.tasks] == [2]
    [film] = await bench.rows(tables.materials, code="M-ITO")
    assert (film["on_hand"], film["reserved"]) == (Decimal("0.7"), Decimal("0.35"))


async def test_orders_on_one_line_follow_each_other(bench: Bench) -> None:
    first, second = await bench.order(("EL-A4", 40)), await bench.order(("EL-A4", 20))

    await asyncio.gather(
        first.move("book_slot", None, "slot", "plan_approval"),
        second.move("book_slot", None, "slot", "plan_approval"),
    )

    one, other = sorted(
        [(await slots_of(bench, first))["PANEL"], (await slots_of(bench, second))["PANEL"]]
    )
    assert one[0] == MONDAY
    assert one[1] <= other[0]
    work = calendar("cn")
    minutes = sorted([work.between(*one), work.between(*other)])
    assert minutes == [timedelta(minutes=90), timedelta(minutes=180)]


async def test_eight_orders_at_once_get_eight_slots_without_overlap(bench: Bench) -> None:
    orders = [await bench.order(("EL-A4", 30 + n)) for n in range(8)]

    await asyncio.gather(
        *(order.move("book_slot", None, "slot", "plan_approval") for order in orders)
    )

    booked = sorted([(await slots_of(bench, order))["PANEL"] for order in orders])
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(booked))


async def test_the_database_itself_refuses_an_overlap(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("plan_approval")
    [slot] = await bench.rows(tables.slots, order_id=order.id)

    with pytest.raises(IntegrityError, match="ex_slots_no_double_booking"):
        await bench.add(tables.slots, **{**slot, "step_key": "another"})


async def test_an_order_that_would_end_late_books_nothing_until_planning_says_so(
    bench: Bench,
) -> None:
    order = await bench.order(("EL-A4", 40), promised_at=MONDAY + timedelta(hours=2))
    await order.advance_to("plan")

    blocked = await order.move("book_slot", "plan", "slot", "plan_approval")

    assert blocked.blocked == (
        "PANEL ends 2026-03-02 12:00+08:00, after the promised 2026-03-02 11:00+08:00"
    )
    assert blocked.tasks[0].outcomes == ("retry", "book_late", "refused")
    assert not await bench.rows(tables.slots)
    still = await order.move("book_slot", "slot", "slot", "plan_approval", outcome="retry")
    assert still.blocked
    booked = await order.move("book_slot", "slot", "slot", "plan_approval", outcome="book_late")
    assert booked.at
    assert booked.at.step == "plan_approval"
    assert (await slots_of(bench, order))["PANEL"] == (on(2, 9), on(2, 12))


async def test_work_beyond_the_calendar_is_a_question_and_no_error(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("plan")
    huge = {**(await order.row())["body"]}
    huge["lines"] = [{"product": "EL-A4", "quantity": 1_000_000, "unit_price": "1"}]
    async with bench.engine.begin() as conn:
        await conn.execute(
            tables.orders.update().where(tables.orders.c.id == order.id).values(body=huge)
        )

    blocked = await order.move("book_slot", "plan", "slot", "plan_approval")

    assert blocked.blocked
    assert "no time for so much work" in blocked.blocked


@pytest.mark.parametrize(
    ("hours", "left"),
    [(1, (on(2, 9), on(2, 10))), (24 * 9, (on(2, 9), on(2, 12)))],
    ids=["early", "late"],
)
async def test_the_line_is_free_again_when_the_goods_are_made(
    bench: Bench, hours: int, left: tuple[datetime, datetime]
) -> None:
    order = await (await bench.order(("EL-A4", 40))).advance_to("production")
    bench.now = MONDAY + timedelta(hours=hours)

    await order.move("record_production", "production", "qc")

    [slot] = await bench.rows(tables.slots, order_id=order.id)
    assert (slot["state"], slot["during"].lower, slot["during"].upper) == ("done", *left)


async def test_goods_made_before_their_slot_give_the_whole_slot_back(bench: Bench) -> None:
    await (await bench.order(("EL-A4", 40))).advance_to("production")
    order = await (await bench.order(("EL-A4", 40))).advance_to("production")

    await order.move("record_production", "production", "qc")

    [slot] = await bench.rows(tables.slots, order_id=order.id)
    assert (slot["state"], slot["during"].isempty) == ("done", True)
    third = await (await bench.order(("EL-A4", 40))).advance_to("plan_approval")
    assert (await slots_of(bench, third))["PANEL"] == (on(2, 13, 30), on(2, 16, 30))


async def test_making_goods_consumes_exactly_what_was_reserved(bench: Bench) -> None:
    before = await bench.totals()
    order = await (await bench.order(("EL-A4", 10))).advance_to("production")
    held = await bench.rows(tables.reservations, order_id=order.id)

    await order.move("record_production", "production", "qc")

    after = await bench.totals()
    assert before["on_hand"] - after["on_hand"] == sum(row["quantity"] for row in held)
    assert after["reserved"] == 0


async def test_rework_makes_no_goods_twice_and_the_last_inspection_counts(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("qc")
    await order.move("record_inspection", "qc", "rework", outcome="failed")
    await order.move("record_production", "rework", "qc")

    await order.move("record_inspection", "qc", "pack", outcome="passed")

    [goods] = await bench.rows(tables.goods, order_id=order.id)
    assert goods["made"] == 10
    assert [row["passed"] for row in await bench.rows(tables.inspections)] == [False, True]
    await order.move("record_packing", "pack", None)
    released = await order.move("release_shipping", None, "release", "ship")
    assert released.at
    assert released.at.step == "ship"


async def test_the_gate_names_every_fact_that_does_not_hold(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("review")

    blocked = await order.move("release_shipping", None, "release", "ship")

    assert blocked.blocked == (
        "missing: packed goods differ from the order (EL-A4 0 of 10); no passed inspection; "
        "the plan is not approved"
    )
    assert blocked.tasks[0].outcomes == ("recheck",)
    assert not await bench.rows(tables.shipments)


async def test_a_second_release_takes_the_place_of_the_first(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("ship")

    await order.move("release_shipping", "ship", "release", "ship", outcome="damaged")

    assert [row["state"] for row in await bench.rows(tables.shipments)] == ["void", "released"]


async def test_the_customer_hears_the_tracking_number(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("notify")

    [notice] = await bench.rows(tables.outbox, order_id=order.id, to_role="customer")

    assert notice["kind"] == "shipped"
    assert notice["text"].endswith("with SF Express, tracking number SF-1")


async def test_a_second_release_note_of_an_order_cannot_be_stored(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("ship")
    [shipment] = await bench.rows(tables.shipments)

    with pytest.raises(IntegrityError, match="uq_shipments_one_released"):
        await bench.add(tables.shipments, **{**shipment, "step_key": f"{order.id}/release/9"})


async def test_one_step_and_role_have_one_open_task(bench: Bench) -> None:
    order = await (await bench.order()).advance_to("entry")
    [task] = await bench.rows(tables.tasks, order_id=order.id)

    with pytest.raises(IntegrityError, match="uq_tasks_one_open"):
        await bench.add(tables.tasks, **{**task, "id": "another"})


async def test_stock_cannot_be_reserved_beyond_what_is_there(bench: Bench) -> None:
    with pytest.raises(IntegrityError, match="stock_covers_reservations"):
        await bench.add(
            tables.materials, code="X", name="x", name_zh="x", unit="pc", on_hand=1, reserved=2
        )


def test_a_gap_that_is_too_short_is_passed_over() -> None:
    taken = [(on(2, 9), on(2, 10)), (on(2, 11), on(2, 14))]

    start, end = earliest_gap(calendar("cn"), taken, since=on(2, 9), minutes=Decimal(61))

    assert (start, end) == (on(2, 14), on(2, 15, 1))


def test_a_gap_that_just_fits_is_taken_and_may_span_the_lunch_break() -> None:
    taken = [(on(2, 9), on(2, 11)), (on(2, 14), on(2, 15))]

    start, end = earliest_gap(calendar("cn"), taken, since=on(2, 9), minutes=Decimal(90))

    assert (start, end) == (on(2, 11), on(2, 14))


def test_a_slot_that_ends_with_the_shift_is_followed_the_next_morning() -> None:
    start, _ = earliest_gap(
        calendar("cn"), [(on(2, 9), on(2, 18))], since=on(2, 9), minutes=Decimal("0.5")
    )

    assert start == on(3, 8, 30)
