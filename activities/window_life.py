"""The life of open windows: paused, resumed, reset, counted anew; each is a line of a ledger."""

from datetime import datetime

from temporalio import activity

from activities.applying import tell_of_date
from activities.changes import show_who_works
from activities.clocks import timepieces, timepieces_before
from activities.follow_up_kinds import window_rule
from activities.leaving import close_visits, note_end
from activities.models import (
    ADJUST_WINDOWS,
    MOVE_PROMISE,
    Adjusted,
    Adjustment,
    Entered,
    PromiseMove,
)
from activities.opening import open_unless_left
from activities.order_file import Department, Keyed, OrderFile
from activities.transitions import show_standing
from activities.turning import apply_decided
from domain.errors import CalendarError
from domain.orders import OrderRequest, OrderState
from domain.windows import DueWindow, LedgerKind
from policy.deadlines import calendar_of
from policy.explaining import explain
from policy.steps import Pace
from policy.window import Window
from policy.window_life import paused, recalculated, reset, resumed
from store import tasks, windows
from store.windows import LedgerLine

_SAID = {
    LedgerKind.PAUSED: "is paused",
    LedgerKind.RESUMED: "goes on",
    LedgerKind.RESET: "begins anew",
    LedgerKind.RECALCULATED: "is counted anew",
}


class WindowKeeper(Department):
    """Keeps open windows right while the world around them changes."""

    @activity.defn(name=ADJUST_WINDOWS)
    async def adjust_windows(self, adjustment: Adjustment) -> Adjusted:
        """Brings the windows to where they stand; one that was stopped meanwhile stays stopped."""
        keyed = Keyed(adjustment.order_id, ADJUST_WINDOWS, adjustment.at)
        async with self.open_file(keyed) as file:
            changed = [await _adjust(file, adjustment, window) for window in adjustment.windows]
            return Adjusted(windows=tuple(window for window in changed if window is not None))

    @activity.defn(name=MOVE_PROMISE)
    async def move_promise(self, move: PromiseMove) -> Entered:
        """Keeps the new date; its own windows end and open anew, with marks of their own."""

        async def work(file: OrderFile) -> Entered:
            if file.row.state is not OrderState.OPEN:
                return Entered()  # it ended while this was on its way
            before = file.row.promised_at
            if move.change is not None and not move.written:
                await apply_decided(file, move.change)
                await show_who_works(file)
            elif not move.written:
                _promise(file, move.promised_at)
            await close_visits(file, move.left, (), given_up=True)
            for visit in move.left:
                note_end(file, visit, "the promised date has moved")
            opened = await open_unless_left(file, move.workflow_id, move.following)
            as_of = Adjustment(
                order_id=file.id, at=file.now, action=LedgerKind.RECALCULATED, windows=move.windows
            )
            moved = [await _adjust(file, as_of, window) for window in move.windows]
            paced = [step.id for step in file.profile.steps if step.paced_by is Pace.PROMISE]
            await tasks.move_due_of_steps(file.conn, file.id, paced, move.promised_at)
            await show_standing(file)
            if move.change is None:
                await tell_of_date(file, move.key, before)
            return Entered(
                windows=(
                    *opened.windows,
                    *(window for window in moved if window is not None),
                )
            )

        return await self.once(
            MOVE_PROMISE, Keyed(move.order_id, move.key, move.now), Entered, work
        )


async def _adjust(file: OrderFile, adjustment: Adjustment, window: DueWindow) -> DueWindow | None:
    """The window as it stands now; none when it has been stopped."""
    key = _key(adjustment, window)
    if await windows.is_in_ledger(file.conn, key):
        # A later attempt, one that has overslept, or an order that was reset and has not got as far
        # yet: what stands there now is newer than this.
        return await windows.last_standing(file.conn, window.key)
    rule = window_rule(file.profile, window.rule)
    changed = await _changed(file, adjustment, window, rule)
    if not await windows.change_window(file.conn, changed, explain(changed)):
        return None
    file.ledger.append(
        LedgerLine(
            key=key,
            window=window.key,
            at=adjustment.at,
            kind=adjustment.action,
            reason=adjustment.note or (adjustment.reason.words if adjustment.reason else None),
            by=adjustment.by,
            due_before=window.due_at,
            due_after=changed.due_at,
            used=changed.used,
            calendar=changed.calendar,
        )
    )
    if _shown_due(changed) != _shown_due(window):
        await tasks.move_due(file.conn, file.id, window.key, _shown_due(changed))
    # A new calendar that moves nothing is no event in the order's story.
    if adjustment.action is not LedgerKind.RECALCULATED or changed.due_at != window.due_at:
        _note(file, adjustment, window, changed)
    return changed


def _shown_due(window: DueWindow) -> datetime | None:
    """What inbox and lists show: nothing while a limit stands still."""
    stands_still = window.paused_at is not None and window.limit.is_counted
    return None if stands_still else window.due_at


def _key(adjustment: Adjustment, window: DueWindow) -> str:
    """What happened to which window, why and when: nothing happens twice under it."""
    why = f"-{adjustment.reason}" if adjustment.reason else ""
    return f"{window.key}/{adjustment.action}{why}/{adjustment.at.isoformat()}"


async def _changed(
    file: OrderFile, adjustment: Adjustment, window: DueWindow, rule: Window
) -> DueWindow:
    at, reason = adjustment.at, adjustment.reason
    new = await timepieces(file, rule, window)
    # Until now it ran by the version that it names, whatever was published meanwhile.
    old = await timepieces_before(file, window, new)
    try:
        match adjustment.action:
            case LedgerKind.PAUSED if reason is not None:
                return paused(window, reason, old, at)
            case LedgerKind.RESUMED if reason is not None:
                return resumed(window, reason, rule, old=old, new=new, at=at)
            case LedgerKind.RESET:
                return reset(window, rule, file.profile.ladder, new, at)
            case LedgerKind.RECALCULATED:
                return recalculated(window, rule, old=old, new=new, now=at)
    except CalendarError:
        # Its date is gone, or lies beyond the years that are known: it is due when it was due.
        return _as_it_was(window, adjustment, calendar_of(window, new).label)
    raise ValueError(f"{adjustment.action} of {window.key} is no adjustment")


def _as_it_was(window: DueWindow, adjustment: Adjustment, label: str) -> DueWindow:
    update: dict[str, object] = {"calendar": label}
    if adjustment.action in (LedgerKind.RESUMED, LedgerKind.RESET):
        update |= {"paused_at": None, "paused_for": ()}
    return window.model_copy(update=update)


def _note(file: OrderFile, adjustment: Adjustment, window: DueWindow, changed: DueWindow) -> None:
    said = _SAID[adjustment.action]
    why = f": it {adjustment.reason.words}" if adjustment.reason else ""
    due = f", due {file.said(changed.due_at)}" if changed.paused_at is None else ""
    moved = f" instead of {file.said(window.due_at)}" if changed.due_at != window.due_at else ""
    file.note(
        f"window_{adjustment.action.value}",
        f"{window.rule} {said}{why}{due}{moved if due else ''}",
        key=_key(adjustment, window),
        step=window.step,
        data={"window": window.key, "rule": window.rule, "due_at": changed.due_at.isoformat()},
    )


def _promise(file: OrderFile, promised_at: datetime) -> None:
    """The order's own word: its row, its body, its version."""
    file.rewrite(OrderRequest.model_validate({**file.row.body, "promised_at": promised_at}))
