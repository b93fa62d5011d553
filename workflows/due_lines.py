"""The due lines: one timer for the earliest mark of all open windows; marks, never aborts."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from temporalio import workflow

from activities.models import MarkDue
from domain.windows import DueWindow, Slack
from workflows.state import RunningWindow
from workflows.words import clock_words

RecordMarks = Callable[[tuple[MarkDue, ...]], Awaitable[None]]
TellCase = Callable[[DueWindow, datetime], Awaitable[None]]


class DueLines:
    """Watches windows: records every mark once, in order, never early, caught up after an outage.

    Recording a breach opens the window's overdue case; leaving the step tells that case. It is told
    here, after its mark is recorded, so that the code that ends a step cannot forget it. While an
    order lives through an earlier run again, `lives_at` is its time, and no timer runs.
    """

    def __init__(
        self,
        windows: list[RunningWindow],
        record: RecordMarks,
        tell_case: TellCase | None = None,
        lives_at: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        self._windows = windows
        self._record = record
        self._tell_case = tell_case
        self._lives_at = lives_at
        self._busy = False
        self._moving = False

    @contextmanager
    def move(self) -> Iterator[None]:
        """While the order moves the timer stays as it is: the next step's windows are on their way.

        A timer that fires meanwhile is armed anew at once, so no mark waits for the move.
        """
        self._moving = True
        try:
            yield
        finally:
            self._moving = False

    @property
    def moving(self) -> bool:
        """True while a step is being opened."""
        return self._moving

    def open(self, windows: Iterable[DueWindow]) -> None:
        """Begins to watch."""
        self._windows.extend(RunningWindow(window=window) for window in windows)

    def adopt(self, windows: Iterable[DueWindow]) -> None:
        """Takes over running windows as they stand now; what was stopped meanwhile stays so."""
        changed = {window.key: window for window in windows}
        for running in self._open():
            if running.window.key in changed:
                running.window = changed[running.window.key]

    def hold(self, since: Mapping[str, datetime]) -> None:
        """Lets no mark of these windows fall after the instant given; those not named go on."""
        for running in self._open():
            running.held_at = since.get(running.window.key)

    def running(self, met: Callable[[RunningWindow], bool]) -> tuple[RunningWindow, ...]:
        """The open windows of which this holds."""
        return tuple(running for running in self._open() if met(running))

    def stop(self, keys: set[str], at: datetime) -> None:
        """The steps are done: no mark after `at` falls any more."""
        for running in self._windows:
            if running.window.key in keys and running.stopped_at is None:
                running.stopped_at = at
        self._forget_finished()

    def stop_all(self, at: datetime) -> None:
        """The order is over."""
        self.stop({running.window.key for running in self._windows}, at)

    @property
    def idle(self) -> bool:
        """True when nothing is due and nobody has to be told."""
        return not self._busy and self._owed() is None and not self._fallen()

    @property
    def slack(self) -> Slack:
        """The worst of the open windows."""
        order = tuple(Slack)
        return max((w.slack for w in self._open()), key=order.index, default=Slack.ON_TIME)

    @property
    def level(self) -> int:
        """The highest rung among the open windows, -1 for none."""
        return max((w.level for w in self._open()), default=-1)

    @property
    def next_due(self) -> datetime | None:
        """The earliest due instant among the open windows."""
        return min((w.window.due_at for w in self._open() if not w.paused), default=None)

    async def watch(self) -> None:
        """Runs as long as the workflow."""
        while True:
            if owed := self._owed():
                self._busy = True
                await self._tell(owed)
                self._busy = False
            elif fallen := self._fallen():
                self._busy = True
                self._mark_fired(fallen)
                await self._record(fallen)
                self._busy = False
            else:
                await self._until_the_next_mark()
            self._forget_finished()

    async def _until_the_next_mark(self) -> None:
        coming = self._next()
        if coming is None:
            await workflow.wait_condition(lambda: self._next() is not None or self._urgent())
            return
        try:
            await workflow.wait_condition(
                lambda: (self._next() != coming and not self._moving) or self._urgent(),
                timeout=coming.at - workflow.now(),
                timeout_summary=f"{coming.name} of {coming.window}, {clock_words(coming.at)}",
            )
        except TimeoutError:
            return  # the mark has fallen

    def _urgent(self) -> bool:
        return self._owed() is not None or bool(self._fallen())

    def _marks(self) -> list[MarkDue]:
        return sorted(
            (
                MarkDue(window=running.window.key, mark=mark.mark, at=mark.at, percent=mark.percent)
                for running in self._windows
                for mark in running.pending
            ),
            key=lambda mark: (mark.at, mark.mark.level, mark.window),
        )

    def _next(self) -> MarkDue | None:
        if self._lives_at() is not None:
            return None
        return next(iter(self._marks()), None)

    def _fallen(self) -> tuple[MarkDue, ...]:
        now = self._lives_at() or workflow.now()
        return tuple(mark for mark in self._marks() if mark.at <= now)

    def _mark_fired(self, fallen: Iterable[MarkDue]) -> None:
        for mark in fallen:
            for running in self._windows:
                if running.window.key == mark.window:
                    running.fired.append(mark.name)

    def _owed(self) -> RunningWindow | None:
        """A window whose overdue case has to hear that its step is done."""
        if self._tell_case is None:
            return None
        return next((w for w in self._windows if w.stopped_at and w.breached and not w.told), None)

    async def _tell(self, running: RunningWindow) -> None:
        assert self._tell_case is not None
        assert running.stopped_at is not None
        running.told = True
        await self._tell_case(running.window, running.stopped_at)

    def _open(self) -> list[RunningWindow]:
        return [running for running in self._windows if running.stopped_at is None]

    def _forget_finished(self) -> None:
        self._windows[:] = [
            running
            for running in self._windows
            if running.stopped_at is None
            or running.pending
            or (running.breached and self._tell_case is not None and not running.told)
        ]
