"""What the departments tell: in both languages, and not in quiet hours."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.messages import FAMILIES, family
from domain.orders import OrderState
from store import tables
from tests.store.bench import MONDAY, PROFILE, ROUTE, Bench

TEN_IN_THE_EVENING = MONDAY + timedelta(hours=13)


async def test_each_notice_of_an_order_has_an_english_and_a_chinese_text(bench: Bench) -> None:
    order = await bench.order()
    for name, left, entered, then in ROUTE:
        await order.move(name, left, entered, then)
    await order.end(OrderState.CANCELLED, reason="no longer needed")

    notices = await bench.rows(tables.outbox, order_id=order.id)

    assert {"task_opened", "shipped", "order_cancelled"} <= {row["kind"] for row in notices}
    for row in notices:
        assert family(row["kind"]) in FAMILIES, row
        assert row["text"].isascii(), row
        assert any("一" <= letter <= "龥" for letter in row["text_zh"]), row


@pytest.mark.parametrize(
    ("at", "hours_held"), [(TEN_IN_THE_EVENING, 9.5), (MONDAY, None)], ids=["night", "day"]
)
async def test_quiet_hours_hold_the_notice_and_nothing_else(
    bench: Bench, at: datetime, hours_held: float | None
) -> None:
    quiet = PROFILE.model_copy(update={"quiet_hours": ("21:00", "07:30")})
    bench.now = at
    order = await bench.order(profile=quiet)
    began = datetime.now(UTC)

    await order.move("open_step", None, "entry")

    [notice] = await bench.rows(tables.outbox, order_id=order.id)
    [task] = await bench.rows(tables.tasks, order_id=order.id)
    assert (notice["at"], task["opened_at"]) == (at, at)
    if hours_held is None:
        assert notice["retry_at"] is None
    else:
        # In real time: the order's own may be skipped.
        held = notice["retry_at"] - began
        assert timedelta(0) <= held - timedelta(hours=hours_held) < timedelta(minutes=1)
