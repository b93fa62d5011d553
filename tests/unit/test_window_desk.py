"""The door for windows while something is on its way to the database."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import workflow

from activities.models import Adjusted, Adjustment
from domain.changes import ChangeClass
from domain.limits import Limit
from domain.roles import Role
from domain.windows import DueWindow, LedgerKind, Mark, MarkAt, PauseReason
from workflows import window_desk
from workflows.contract import CalendarPublished, WindowsAdjustment
from workflows.due_lines import DueLines
from workflows.state import Changing, Hold, OrderProgress
from workflows.window_desk import WindowDesk

START = datetime(2026, 9, 21, 1, 0, tzinfo=UTC)
DUE = START + timedelta(hours=2)
CUSTOMER, SUPPLIER = PauseReason.CUSTOMER, PauseReason.SUPPLIER
Meanwhile = Callable[[], Awaitable[None]]


class Order:
    """A desk over one running window; `meanwhile` happens while the activity is on its way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        window = DueWindow(
            key="o/confirm/1",
            rule="S08.W02",
            step="confirm",
            role=Role.SALES,
            limit=Limit.parse("2h"),
            started_at=START,
            due_at=DUE,
            marks=(MarkAt(mark=Mark.BREACH, at=DUE),),
            calendar="cn@1",
            pauses=(CUSTOMER, SUPPLIER),
        )
        self.progress, self.now = OrderProgress(), START + timedelta(minutes=30)
        self.lines = DueLines(self.progress.windows, self._record)
        self.lines.open([window])
        self.desk = WindowDesk("o", self.progress, self.lines, frozenset({"credit"}))
        self.meanwhile: list[Callable[[], None]] = []
        self.done: list[Adjustment] = []
        monkeypatch.setattr(workflow, "now", lambda: self.now)
        monkeypatch.setattr(window_desk, "act", self._act)

    async def _record(self, _: Any) -> None:
        raise AssertionError("no mark falls in these tests")

    async def _act(self, _: str, request: Adjustment, *__: Any) -> Adjusted:
        """What the activity answers, as far as the desk looks at it."""
        self.done.append(request)
        while self.meanwhile:
            self.meanwhile.pop(0)()
        [window] = request.windows
        reasons = set(window.paused_for)
        match request.action:
            case LedgerKind.PAUSED if request.reason:
                reasons.add(request.reason)
            case LedgerKind.RESUMED if request.reason:
                reasons.discard(request.reason)
        update = {
            "paused_for": tuple(sorted(reasons)),
            "paused_at": (window.paused_at or request.at) if reasons else None,
            "calendar": "cn@2" if request.action is LedgerKind.RECALCULATED else window.calendar,
        }
        return Adjusted(windows=(window.model_copy(update=update),))

    def ask(self, action: Any, reason: PauseReason | None = None, rule: str | None = None) -> None:
        wished = WindowsAdjustment(
            action=action,
            reason=reason,
            rule=rule,
            roles=(Role.SALES, Role.PURCHASING, Role.OPERATIONS),
            by="key",
            request_id=f"{action}-{reason}-{len(self.progress.answers)}",
        )
        self.desk.check(wished)
        self.desk.take(wished)

    async def work(self) -> None:
        while self.desk.waiting:
            await self.desk.work_one()

    @property
    def window(self) -> DueWindow:
        return self.progress.windows[0].window

    @property
    def pending(self) -> list[Mark]:
        return [mark.mark for mark in self.progress.windows[0].pending]


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> Order:
    return Order(monkeypatch)


async def test_a_resume_that_comes_while_the_pause_is_on_its_way_is_not_lost(order: Order) -> None:
    order.desk.pause_around(CUSTOMER, waits=True)
    order.meanwhile.append(lambda: order.desk.pause_around(CUSTOMER, waits=False))

    await order.work()

    assert [done.action for done in order.done] == [LedgerKind.PAUSED, LedgerKind.RESUMED]
    assert order.window.paused_at is None
    assert order.pending == [Mark.BREACH]


async def test_a_pause_that_comes_while_the_resume_is_on_its_way_is_not_lost(order: Order) -> None:
    order.ask(LedgerKind.PAUSED, CUSTOMER)
    await order.work()
    order.ask(LedgerKind.RESUMED, CUSTOMER)
    order.meanwhile.append(lambda: order.ask(LedgerKind.PAUSED, CUSTOMER))

    await order.work()

    assert order.window.paused_for == (CUSTOMER,)


async def test_no_mark_falls_while_a_pause_is_on_its_way_whatever_else_is_asked(
    order: Order,
) -> None:
    order.ask(LedgerKind.PAUSED, CUSTOMER)
    seen: list[list[Mark]] = []
    order.meanwhile += [
        lambda: order.ask(LedgerKind.PAUSED, SUPPLIER),
        lambda: seen.append(order.pending),
    ]

    await order.work()

    assert seen == [[]]
    assert order.window.paused_for == (CUSTOMER, SUPPLIER)


async def test_no_mark_falls_between_a_reset_and_its_being_written_down(order: Order) -> None:
    order.ask(LedgerKind.RESET, rule="S08.W02")
    before = order.pending

    await order.work()

    assert (before, order.pending) == ([], [Mark.BREACH])


async def test_no_mark_falls_between_a_new_calendar_and_its_being_counted(order: Order) -> None:
    order.desk.publish(CalendarPublished(calendar="cn", version=2))
    before = order.pending

    await order.work()

    assert (before, order.pending) == ([], [Mark.BREACH])
    assert order.window.calendar == "cn@2"


def reported(order: Order) -> DueWindow:
    """A window that began with a payment's report, while a look was on its way."""
    runs = {"paused_at": None, "paused_for": ()}
    return order.window.model_copy(update={"key": "o/credit/1", "step": "credit", **runs})


def stands_still(order: Order) -> dict[str, bool]:
    return {running.window.key: running.paused for running in order.progress.windows}


async def test_a_window_that_a_report_begins_is_watched_once_and_stays_as_it_is(
    order: Order,
) -> None:
    order.desk.open_reported([reported(order)])
    known = order.progress.windows[1].window
    moved = known.model_copy(update={"due_at": DUE + timedelta(days=1)})

    order.desk.open_reported([moved])
    order.desk.open_reported([])

    assert [running.window for running in order.progress.windows] == [order.window, known]
    assert not order.desk.waiting


async def test_a_window_that_a_report_begins_under_a_hold_stands_still_at_once(
    order: Order,
) -> None:
    order.progress.hold = Hold(at=order.now, by="ops", because="a strike")
    order.desk.pause_held()
    await order.work()

    order.desk.open_reported([reported(order)])

    assert stands_still(order) == {"o/confirm/1": True, "o/credit/1": True}
    await order.work()
    assert [done.windows[0].key for done in order.done] == ["o/confirm/1", "o/credit/1"]


async def test_a_window_that_a_report_begins_while_a_change_freezes_stands_still_at_once(
    order: Order,
) -> None:
    changing = Changing(change_id="c", of=ChangeClass.TECHNICAL, at=order.now)
    order.progress.changing = changing

    order.desk.open_reported([reported(order)])

    assert stands_still(order) == {"o/confirm/1": False, "o/credit/1": True}
