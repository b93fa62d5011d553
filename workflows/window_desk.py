"""The door for windows: who may pause, resume or reset which, and what a new calendar touches."""

from collections.abc import Callable, Iterable
from datetime import datetime

from temporalio.exceptions import ApplicationError

from activities.models import ADJUST_WINDOWS, Adjusted, Adjustment, Entered
from domain.roles import Role
from domain.windows import MAY_PAUSE, MAY_RESET, DueWindow, LedgerKind, PauseReason
from workflows.calls import act
from workflows.contract import CalendarPublished, WindowsAdjusted, WindowsAdjustment
from workflows.due_lines import DueLines
from workflows.repeating import now_of
from workflows.state import (
    ANSWERS_KEPT,
    OrderProgress,
    RunningWindow,
    TaskProgress,
    WindowWish,
)

NOTE_LENGTH_MAX = 500


class WindowDesk:
    """Takes wishes about running windows, and has them done one at a time; orders and cases."""

    def __init__(
        self,
        order_id: str,
        progress: TaskProgress,
        due_lines: DueLines,
        frozen_steps: frozenset[str] = frozenset(),
    ) -> None:
        """`frozen_steps` are those whose windows stand still while a change is decided."""
        self._order_id = order_id
        self._progress = progress
        self._due_lines = due_lines
        self._frozen_steps = frozen_steps

    @property
    def waiting(self) -> bool:
        """True while something has to be written down."""
        return bool(self._progress.window_wishes)

    def check(self, wished: WindowsAdjustment) -> None:
        """Refuses what no window allows; nothing of it enters history.

        Raises ApplicationError of type NotAllowed or InvalidField, whose first detail is the field.
        """
        if wished.request_id in self._progress.answers:
            return
        allowed = MAY_RESET
        if wished.action is not LedgerKind.RESET:
            if wished.reason is None:
                reasons = ", ".join(PauseReason)
                raise _refusal("InvalidField", "reason", f"is missing; write one of {reasons}")
            allowed = MAY_PAUSE[wished.reason] | MAY_RESET
        if allowed.isdisjoint(wished.roles):
            raise _refusal("NotAllowed", "roles", f"this is for {_names(allowed)}")
        if wished.note is not None and len(wished.note) > NOTE_LENGTH_MAX:
            raise _refusal("InvalidField", "note", f"at most {NOTE_LENGTH_MAX} characters")
        if not self._concerned(wished):
            raise self._nothing_to_do(wished)

    def take(self, wished: WindowsAdjustment) -> WindowsAdjusted:
        """Takes the wish at once: from now on a paused window lets no mark fall."""
        answers = self._progress.answers
        if wished.request_id not in answers:
            found = tuple(running.window.key for running in self._concerned(wished))
            answers[wished.request_id] = " ".join(found)
            while len(answers) > ANSWERS_KEPT:
                del answers[next(iter(answers))]
            self._progress.window_wishes.append(
                WindowWish(
                    action=wished.action,
                    at=now_of(self._progress),
                    reason=wished.reason,
                    windows=found,
                    note=wished.note,
                    by=wished.by,
                )
            )
            self._hold()
        return WindowsAdjusted(windows=tuple(answers[wished.request_id].split()))

    def publish(self, published: CalendarPublished) -> None:
        """A calendar has a new version: every window that runs on an older one is counted anew."""
        self._progress.window_wishes.append(
            WindowWish(
                action=LedgerKind.RECALCULATED,
                at=now_of(self._progress),
                calendar=f"{published.calendar}@{published.version}",
            )
        )
        self._hold()

    async def work_one(self) -> None:
        """Has the first wish done and takes over the windows as they stand then.

        It stays the first in the queue until then: what comes meanwhile has to know of it.
        """
        wish = self._progress.window_wishes[0]
        found = tuple(running.window for running in self._due_lines.running(_wanted(wish)))
        if found:
            await self._adjust(wish, found)
        del self._progress.window_wishes[0]
        self._hold()

    def pause_around(self, reason: PauseReason, *, waits: bool) -> None:
        """The order enters a step that waits for somebody, or leaves it."""
        self._wish(
            LedgerKind.PAUSED if waits else LedgerKind.RESUMED,
            reason,
            lambda window: (
                (not waits or reason in window.pauses)
                and waits != (reason in self._waits_for(window))
            ),
        )

    def open_beside(self, opened: Entered) -> None:
        """Somebody is asked beside the order's step; on hold that waits like everything else."""
        self._due_lines.open(opened.windows)
        self._progress.tasks.extend(opened.tasks)
        if isinstance(self._progress, OrderProgress) and self._progress.hold is not None:
            self.pause_held()

    def open_reported(self, windows: Iterable[DueWindow]) -> None:
        """A window began in a step that was open; one that is watched already stays as it is.

        Whoever has stopped the order meanwhile did not know of it.
        """
        known = {running.window.key for running in self._due_lines.running(lambda _: True)}
        new = [window for window in windows if window.key not in known]
        progress = self._progress
        if not new or not isinstance(progress, OrderProgress):
            return
        self._due_lines.open(new)
        if progress.hold is not None:
            self.pause_held()
        if progress.changing is not None and progress.changing.freezes:
            self.pause_frozen()

    def pause_held(self) -> None:
        """The order is on hold: every window stands still, but a date of the order stays one."""
        self._wish(
            LedgerKind.PAUSED,
            PauseReason.HOLD,
            lambda window: (
                not window.limit.hangs_on_a_date and PauseReason.HOLD not in self._waits_for(window)
            ),
        )

    def resume_held(self) -> None:
        """The order goes on."""
        self._wish(
            LedgerKind.RESUMED,
            PauseReason.HOLD,
            lambda window: PauseReason.HOLD in self._waits_for(window),
        )

    def pause_frozen(self) -> None:
        """A change is being decided: what the order's steps have time for stands still."""
        self._wish(
            LedgerKind.PAUSED,
            PauseReason.CHANGE,
            lambda window: (
                window.step in self._frozen_steps
                and not window.limit.hangs_on_a_date
                and PauseReason.CHANGE not in self._waits_for(window)
            ),
        )

    def resume_frozen(self) -> None:
        """The change is decided."""
        self._wish(
            LedgerKind.RESUMED,
            PauseReason.CHANGE,
            lambda window: PauseReason.CHANGE in self._waits_for(window),
        )

    def _wish(
        self, action: LedgerKind, reason: PauseReason, met: Callable[[DueWindow], bool]
    ) -> None:
        found = self._due_lines.running(lambda running: met(running.window))
        if found:
            self._progress.window_wishes.append(
                WindowWish(
                    action=action,
                    at=now_of(self._progress),
                    reason=reason,
                    windows=tuple(running.window.key for running in found),
                )
            )
            self._hold()

    async def _adjust(self, wish: WindowWish, found: tuple[DueWindow, ...]) -> None:
        adjustment = Adjustment(
            order_id=self._order_id,
            at=wish.at,
            action=wish.action,
            reason=wish.reason,
            note=wish.note,
            by=wish.by,
            windows=found,
        )
        because = f": {wish.reason}" if wish.reason else ""
        what = f"{len(found)} windows {wish.action}{because}"
        adjusted = await act(ADJUST_WINDOWS, adjustment, Adjusted, what)
        self._due_lines.adopt(adjusted.windows)

    def _hold(self) -> None:
        """A window of which something is not written down yet lets no mark fall after the wish."""
        since: dict[str, datetime] = {}
        for wish in self._progress.window_wishes:
            for running in self._due_lines.running(_wanted(wish)):
                since.setdefault(running.window.key, wish.at)
        self._due_lines.hold(since)

    def _concerned(self, wished: WindowsAdjustment) -> tuple[RunningWindow, ...]:
        def met(running: RunningWindow) -> bool:
            window = running.window
            if wished.rule is not None and window.rule != wished.rule:
                return False
            match wished.action:
                case LedgerKind.PAUSED:
                    may = wished.reason in window.pauses
                    return may and wished.reason not in self._waits_for(window)
                case LedgerKind.RESUMED:
                    return wished.reason in self._waits_for(window)
                case _:
                    # A date of the order is nobody's to begin anew.
                    return bool(wished.rule) and not (
                        running.breached or window.limit.hangs_on_a_date
                    )

        return self._due_lines.running(met)

    def _waits_for(self, window: DueWindow) -> set[PauseReason]:
        """For whom it waits once everything that was taken is done."""
        reasons = set(window.paused_for)
        for wish in self._progress.window_wishes:
            if window.key in wish.windows and wish.reason is not None:
                if wish.action is LedgerKind.PAUSED:
                    reasons.add(wish.reason)
                elif wish.action is LedgerKind.RESUMED:
                    reasons.discard(wish.reason)
        return reasons

    def _nothing_to_do(self, wished: WindowsAdjustment) -> ApplicationError:
        open_rules = sorted({r.window.rule for r in self._due_lines.running(lambda _: True)})
        runs = f"; what runs is {', '.join(open_rules)}" if open_rules else "; no window runs"
        if wished.action is LedgerKind.PAUSED:
            why = f"no running window may pause because it {_words(wished)}, or all are paused"
            return _refusal("InvalidField", "reason", why + runs)
        if wished.action is LedgerKind.RESUMED:
            why = f"no window is paused because it {_words(wished)}"
            return _refusal("InvalidField", "reason", why + runs)
        why = "names no running window that is still in time and may begin anew"
        return _refusal("InvalidField", "rule", why + runs)


def _wanted(wish: WindowWish) -> Callable[[RunningWindow], bool]:
    """Which running windows a wish concerns."""

    def met(running: RunningWindow) -> bool:
        if wish.calendar is None:
            return running.window.key in wish.windows
        name = wish.calendar.partition("@")[0]
        return running.window.calendar_name == name and running.window.calendar != wish.calendar

    return met


def _words(wished: WindowsAdjustment) -> str:
    return wished.reason.words if wished.reason else "is asked to"


def _names(roles: frozenset[Role]) -> str:
    return ", ".join(sorted(role.words for role in roles))


def _refusal(kind: str, field: str, message: str) -> ApplicationError:
    return ApplicationError(message, field, type=kind, non_retryable=True)
