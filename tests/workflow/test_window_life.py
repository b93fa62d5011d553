"""The life of a window on the real engine: reminders, pauses, resets, dates that move."""

import asyncio
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.roles import Role
from domain.windows import LedgerKind, PauseReason
from store import tables
from tests.workflow.conftest import staffed
from tests.workflow.floor import S08_STEPS, Floor, Placed
from tests.workflow.policies import changed, watched, window
from tests.workflow.reference import SHANGHAI, add_minutes, is_workday
from workflows.contract import PROMISE_MOVED, PromiseMoved

MINUTE = timedelta(minutes=1)
PUNCTUAL = timedelta(seconds=30)
PAUSE_EVENTS_MAX = 5
OUTAGE_SECONDS = 5.0
ORDER = [f"window_{name}" for name in ("reminder", "warning", "breach", "analysis", "leadership")]
ENTRY = "TST.entry"
CONFIRM = "TST.confirm"

HUNDRED_MINUTES = changed(
    entry={
        "window": window(
            ENTRY,
            "100m/CT",
            warn_percent=90,
            remind_percent=(50, 75),
            pauses=("customer", "supplier"),
        )
    }
)
THREE_HOURS = changed(confirm={"window": window(CONFIRM, "3h", pauses=("customer",))})


async def pause(placed: Placed, reason: PauseReason = PauseReason.CUSTOMER) -> datetime:
    """Pauses and returns since when, as the ledger has it."""
    await placed.adjust(LedgerKind.PAUSED, reason=reason)
    at: datetime = (await placed.ledger(LedgerKind.PAUSED))[-1]["at"]
    return at


async def resume(placed: Placed, reason: PauseReason = PauseReason.CUSTOMER) -> datetime:
    """Lets it go on and returns since when, as the ledger has it."""
    await placed.adjust(LedgerKind.RESUMED, reason=reason)
    at: datetime = (await placed.ledger(LedgerKind.RESUMED))[-1]["at"]
    return at


async def next_workday(placed: Placed, weekday: int, following: int) -> datetime:
    """09:00 on the next such weekday that works, with a working day so many days later."""
    day = placed.now.astimezone(SHANGHAI).date() + timedelta(days=1)
    while not (
        day.weekday() == weekday and is_workday(day) and is_workday(day + timedelta(following))
    ):
        day += timedelta(days=1)
    return datetime.combine(day, time(9), SHANGHAI)


async def test_thresholds_at_50_75_90_and_100_percent_fall_once_each_at_their_instants(
    floor: Floor,
) -> None:
    placed = await floor.place(policy=HUNDRED_MINUTES)
    opened = await placed.window(ENTRY)

    await placed.skip(timedelta(hours=3))
    await placed.marked(opened["key"], "breach")

    marks = await placed.marks(opened["key"])
    after = {name: row["due_at"] - opened["started_at"] for name, row in marks.items()}
    assert {name: after[name] for name in list(after)[:4]} == {
        "reminder_50": 50 * MINUTE,
        "reminder_75": 75 * MINUTE,
        "warning": 90 * MINUTE,
        "breach": 100 * MINUTE,
    }
    for row in marks.values():
        assert timedelta() <= row["recorded_at"] - row["due_at"] < PUNCTUAL
    told = [row["key"] for row in await placed.rows(tables.outbox) if "/reminder_" in row["key"]]
    assert sorted(told) == [f"{opened['key']}/reminder_{n}/sales" for n in (50, 75)]


async def test_a_pause_from_20_to_30_percent_shifts_the_50_percent_notice_by_its_length(
    floor: Floor,
) -> None:
    placed = await floor.place(policy=HUNDRED_MINUTES)
    opened = await placed.window(ENTRY)

    await placed.skip_to(opened["started_at"] + 20 * MINUTE)
    since = await pause(placed)
    await placed.skip(10 * MINUTE)
    until = await resume(placed)
    await placed.skip(timedelta(hours=2))
    await placed.marked(opened["key"], "breach")

    marks = await placed.marks(opened["key"])
    shift = until - since
    assert marks["reminder_50"]["due_at"] == opened["started_at"] + 50 * MINUTE + shift
    assert marks["breach"]["due_at"] == opened["started_at"] + 100 * MINUTE + shift
    for row in marks.values():
        assert timedelta() <= row["recorded_at"] - row["due_at"] < PUNCTUAL
    kinds = [row["kind"] for row in await placed.ledger() if row["window"] == opened["key"]]
    assert kinds == ["opened", "paused", "resumed"]


async def test_pausing_across_a_mark_loses_no_notice(floor: Floor) -> None:
    placed = await floor.place(policy=HUNDRED_MINUTES)
    opened = await placed.window(ENTRY)

    await placed.skip_to(opened["started_at"] + 40 * MINUTE)
    since = await pause(placed)
    await placed.skip(timedelta(hours=30))
    while_paused = await placed.marks(opened["key"])
    until = await resume(placed)
    await placed.skip(timedelta(hours=2))
    await placed.marked(opened["key"], "breach")

    assert while_paused == {}
    marks = await placed.marks(opened["key"])
    assert [*marks][:4] == ["reminder_50", "reminder_75", "warning", "breach"]
    spent = since - opened["started_at"]
    assert marks["reminder_50"]["due_at"] == until + 50 * MINUTE - spent


async def test_two_reasons_to_wait_end_only_with_the_later_one(floor: Floor) -> None:
    placed = await floor.place(policy=HUNDRED_MINUTES)
    opened = await placed.window(ENTRY)

    since = await pause(placed)
    await pause(placed, PauseReason.SUPPLIER)
    await placed.skip(timedelta(hours=1))
    await resume(placed)
    still = (await placed.window(ENTRY))["paused_at"]
    await placed.skip(timedelta(hours=1))
    until = await resume(placed, PauseReason.SUPPLIER)

    assert still == since
    row = await placed.window(ENTRY)
    assert row["paused_at"] is None
    assert row["due_at"] == opened["due_at"] + (until - since)


async def test_paused_at_80_percent_and_resumed_a_weekend_later_it_still_breaches(
    floor: Floor,
) -> None:
    placed = await floor.place(policy=THREE_HOURS)
    friday = await next_workday(placed, weekday=4, following=3)
    await placed.skip_to(friday + timedelta(hours=1))
    await placed.walk(("entry",))
    opened = await placed.window(CONFIRM)

    await placed.skip_to(friday.replace(hour=14, minute=0))
    since = await pause(placed)
    await placed.skip_to(friday + timedelta(days=3))
    until = await resume(placed)
    await placed.skip(timedelta(days=2))
    await placed.marked(opened["key"], "leadership")

    morning = friday.replace(hour=12) - opened["started_at"]
    used = morning + (since - friday.replace(hour=13, minute=30))
    marks = await placed.marks(opened["key"])
    assert marks["warning"]["due_at"] < since
    assert marks["breach"]["due_at"] == until + timedelta(hours=3) - used
    assert [*marks] == ["warning", "breach", "analysis", "leadership"]


async def test_a_window_paused_for_a_week_makes_at_most_five_history_events(floor: Floor) -> None:
    placed = await floor.place(policy=HUNDRED_MINUTES)
    await placed.window(ENTRY)
    await pause(placed)
    before = await placed.settled_events()

    await placed.skip(timedelta(days=7))

    assert await placed.settled_events() - before <= PAUSE_EVENTS_MAX
    assert (await placed.window(ENTRY))["state"] == "open"


async def test_a_pause_across_the_spring_festival_leaves_what_remained(floor: Floor) -> None:
    year = 2027
    placed = await floor.place(policy=THREE_HOURS, promised_at=f"{year}-06-30T18:00:00+08:00")
    eve = datetime(year, 2, 4, 16, 0, tzinfo=SHANGHAI)
    after = datetime(year, 2, 16, 9, 0, tzinfo=SHANGHAI)
    await placed.skip_to(eve)
    await placed.walk(("entry",))
    opened = await placed.window(CONFIRM)

    await placed.skip_to(eve + timedelta(hours=1))
    since = await pause(placed)
    await placed.skip_to(after)
    until = await resume(placed)

    row = await placed.window(CONFIRM)
    left = timedelta(hours=3) - (since - opened["started_at"])
    whole, rest = divmod(left.total_seconds(), 60)
    assert row["due_at"] == add_minutes(until, int(whole)) + timedelta(seconds=rest)
    assert row["provisional"]
    assert "not announced yet" in row["explanation"]


async def test_a_reset_window_has_its_whole_limit_again_and_keeps_what_has_fallen(
    floor: Floor,
) -> None:
    placed = await floor.place(policy=HUNDRED_MINUTES)
    opened = await placed.window(ENTRY)
    await placed.skip_to(opened["started_at"] + 60 * MINUTE)
    await placed.marked(opened["key"], "reminder_50")

    await placed.adjust(LedgerKind.RESET, rule=ENTRY)
    [line] = await placed.ledger(LedgerKind.RESET)
    await placed.skip(timedelta(hours=3))
    await placed.marked(opened["key"], "breach")

    marks = await placed.marks(opened["key"])
    assert marks["reminder_50"]["due_at"] == opened["started_at"] + 50 * MINUTE
    assert marks["reminder_75"]["due_at"] == line["at"] + 75 * MINUTE
    assert marks["breach"]["due_at"] == line["at"] + 100 * MINUTE


@pytest.mark.parametrize(
    ("action", "reason", "role", "field"),
    [
        (LedgerKind.PAUSED, PauseReason.PAYMENT, Role.FINANCE, "reason"),
        (LedgerKind.RESUMED, PauseReason.CUSTOMER, Role.SALES, "reason"),
        (LedgerKind.PAUSED, PauseReason.CUSTOMER, Role.WAREHOUSE, "roles"),
        (LedgerKind.RESET, None, Role.OPERATIONS, "rule"),
    ],
)
async def test_what_no_window_allows_is_refused_and_enters_no_history(
    floor: Floor, action: LedgerKind, reason: PauseReason | None, role: Role, field: str
) -> None:
    placed = await floor.place(policy=HUNDRED_MINUTES)
    await placed.at("entry")

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await placed.adjust(action, reason=reason, role=role)

    cause = refused.value.cause
    assert isinstance(cause, ApplicationError)
    assert list(cause.details) == [field]
    kinds = {event.event_type for event in (await placed.handle.fetch_history()).events}
    assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED not in kinds
    assert not await placed.ledger(action)


async def test_an_order_entered_late_counts_from_when_the_customer_ordered(floor: Floor) -> None:
    placed = await floor.place()
    earlier = placed.received_at - timedelta(hours=30)

    late = await floor.place(policy=HUNDRED_MINUTES, ordered_at=earlier.isoformat())
    opened = await late.window(ENTRY)
    await late.marked(opened["key"], "breach")

    assert opened["started_at"] == earlier
    assert opened["due_at"] == earlier + 100 * MINUTE
    [line] = [row for row in await late.ledger() if row["window"] == opened["key"]]
    assert "before it was opened" in line["reason"]


async def test_a_window_from_receipt_runs_across_steps_until_the_goods_leave(floor: Floor) -> None:
    policy = watched(changed(), window("TST.ship", "30d/CT", counts_from="received"))
    placed = await floor.place(policy=policy)
    opened = await placed.window("TST.ship")

    await placed.walk((*S08_STEPS, "ship"))
    await placed.at("notify")

    [row] = await placed.rows(tables.windows, rule="TST.ship")
    assert row["started_at"] == placed.received_at
    assert row["due_at"] == placed.received_at + timedelta(days=30)
    assert (row["key"], row["state"]) == (opened["key"], "kept")


async def test_a_window_may_count_from_the_end_of_another_step(floor: Floor) -> None:
    policy = changed(plan={"window": window("TST.plan", "10h/CT", counts_from="entry")})
    placed = await floor.place(policy=policy)
    await placed.walk(("entry",))
    await placed.at("confirm")
    await placed.skip(timedelta(hours=2))
    await placed.walk(("confirm", "review"))

    opened = await placed.window("TST.plan")
    [left] = await placed.rows(tables.timeline, kind="step_done", step="entry")

    assert opened["started_at"] == left["at"]
    assert opened["due_at"] == left["at"] + timedelta(hours=10)


async def test_a_step_that_waits_for_the_customer_pauses_the_windows_around_it(
    floor: Floor,
) -> None:
    policy = watched(
        changed(negotiate={"waits_for": PauseReason.CUSTOMER}),
        window("TST.watch", "30d/CT", pauses=("customer",)),
    )
    placed = await floor.place(policy=policy)
    await placed.walk(("entry", "confirm"))
    before = await placed.window("TST.watch")
    await placed.answer((await placed.at("review"))[0], "refused")
    await placed.at("negotiate")

    async def written(kind: LedgerKind) -> dict[str, Any]:
        async def there() -> list[dict[str, Any]]:
            return [row for row in await placed.ledger(kind) if row["window"] == before["key"]]

        [line] = await placed.until(there, f"{kind} is written down")
        found: dict[str, Any] = line
        return found

    paused = await written(LedgerKind.PAUSED)
    await placed.skip(timedelta(days=3))
    await placed.walk(("negotiate",))
    resumed = await written(LedgerKind.RESUMED)

    row = await placed.window("TST.watch")
    assert resumed["at"] - paused["at"] >= timedelta(days=3)
    assert row["due_at"] == before["due_at"] + (resumed["at"] - paused["at"])


async def test_a_new_promised_date_has_a_due_line_of_its_own(floor: Floor) -> None:
    placed = await floor.place()
    first = await placed.window("GEN.promise")
    await placed.skip_to(first["due_at"] + timedelta(minutes=5))
    await placed.marked(first["key"], "due_date")
    later = (placed.now + timedelta(days=30)).replace(microsecond=0)

    await placed.handle.signal(
        PROMISE_MOVED, PromiseMoved(case_id="case-by-hand", promised_at=later)
    )

    async def moved() -> bool:
        return bool((await placed.row())["promised_at"] == later)

    await placed.until(moved, "the promised date has moved")
    second = await placed.window("GEN.promise")
    await placed.skip_to(later + timedelta(minutes=5))
    await placed.marked(second["key"], "due_date")
    rows = {row["key"]: row for row in await placed.rows(tables.windows, rule="GEN.promise")}
    assert rows[first["key"]]["state"] == "breached"
    assert second["key"] != first["key"]
    assert second["due_at"] == later
    told = [row["to_role"] for row in await placed.rows(tables.outbox, kind="promise_moved")]
    assert {"customer", "sales"} <= set(told)
    assert [*(await placed.marks(second["key"]))][:3] == ["warning", "breach", "due_date"]


async def test_two_windows_that_breach_in_the_same_second_are_both_recorded_once(
    floor: Floor,
) -> None:
    policy = watched(changed(), window("TST.one", "2h/CT"), window("TST.two", "2h/CT"))
    placed = await floor.place(policy=policy)
    one, two = await placed.window("TST.one"), await placed.window("TST.two")

    await placed.skip(timedelta(hours=3))
    await placed.marked(one["key"], "breach")
    await placed.marked(two["key"], "breach")

    async def both() -> bool:
        rows = await placed.rows(tables.overdue_cases)
        return {one["key"], two["key"]} <= {row["window"] for row in rows}

    await placed.until(both, "both have a case")
    assert one["due_at"] == two["due_at"]
    keys = [row["key"] for row in await placed.rows(tables.outbox)]
    for key in (one["key"], two["key"]):
        assert keys.count(f"{key}/breach/order_desk") == 1


async def test_an_outage_from_before_the_warning_to_after_the_third_rung_is_caught_up_in_order(
    idle_floor: Floor,
) -> None:
    floor = idle_floor
    async with staffed(floor):
        placed = await floor.place(policy=HUNDRED_MINUTES)
        opened = await placed.window(ENTRY)
        await placed.at("entry")
    back_at = opened["due_at"] + timedelta(days=10)

    outage = asyncio.create_task(placed.skip_to(back_at))
    await asyncio.sleep(OUTAGE_SECONDS)
    while_away = await placed.marks(opened["key"])
    async with staffed(floor):
        await placed.marked(opened["key"], "leadership")
        await outage

    assert while_away == {}
    marks = await placed.marks(opened["key"])
    assert [*marks] == [
        "reminder_50",
        "reminder_75",
        "warning",
        "breach",
        "analysis",
        "leadership",
    ]
    notices = await placed.rows(tables.outbox)
    rungs = [row for row in notices if row["key"].startswith(opened["key"])]
    told = [row["kind"] for row in sorted(rungs, key=lambda row: row["id"])]
    assert told == sorted(told, key=ORDER.index)
    keys = [row["key"] for row in rungs]
    assert len(set(keys)) == len(keys)
    for kind in ORDER:
        assert any(kind in row["kind"] or kind in row["text"] for row in rungs), kind
