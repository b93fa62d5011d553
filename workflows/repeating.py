"""Messages of an earlier run are applied again: a reset order walks to where it stood before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from domain.base import Record
from workflows.contract import STILL_MOVING, Repeat
from workflows.state import OrderProgress, RepeatedMessage, Repetition, TaskProgress


def now_of(progress: TaskProgress) -> datetime:
    """The order's time: the engine's, or the instant that it lives through again."""
    return progress.lives_at or workflow.now()


def refuse_while_repeating(progress: OrderProgress, request_id: str) -> None:
    """Refuses people for the moment. Raises ApplicationError of type StillMoving."""
    if progress.lives_at is not None and request_id not in progress.answers:
        why = "the order was reset and is on its way to where it stood; try again"
        raise ApplicationError(why, "order", type=STILL_MOVING, non_retryable=True)


@dataclass(frozen=True)
class Door:
    """How a kind of message is read, and who takes it; refusing is raising ApplicationError."""

    model: type[Record] | None
    take: Callable[[Any], object]


class Repeater:
    """Applies the messages of an earlier run one at a time, each when all before it are done with.

    Meanwhile the order lives in the instants of that run: windows stop when they stopped, marks
    fall that fell, and no others. What arrives meanwhile waits until everything is repeated.
    """

    def __init__(
        self, progress: OrderProgress, doors: Mapping[str, Door], at_rest: Callable[[], bool]
    ) -> None:
        self._progress = progress
        self._doors = doors
        self._at_rest = at_rest

    @property
    def on(self) -> bool:
        """True while the order lives through an earlier run again."""
        return self._progress.lives_at is not None

    def begin(self, repeat: Repeat) -> None:
        """Takes up the messages of an earlier run; those that came before are passed over."""
        progress = self._progress
        known = progress.repetition
        if known is None or known.count != repeat.count:
            before = known or Repetition(count=repeat.count)
            progress.repetition = known = Repetition(
                count=repeat.count, owed=before.owed, moments=before.moments
            )
            progress.repeats = repeat.count
            if progress.lives_at is None:
                self._go_back(repeat.since)
        for message in repeat.messages:
            if message.id not in known.known:
                known.known.append(message.id)
                known.owed.append(message)
        # What was heard first counts: a run that repeats hears everything at once.
        known.moments = {**repeat.moments, **known.moments}
        if known.owed and progress.lives_at is None:
            progress.lives_at = known.owed[0].at

    def take(self, name: str, notice: Record) -> None:
        """A wish that comes now: it waits its turn behind what is repeated."""
        repetition = self._progress.repetition
        if not self.on or repetition is None:
            self._doors[name].take(notice)
            return
        message = RepeatedMessage(
            id=f"{workflow.info().run_id}/{len(repetition.known)}",
            name=name,
            at=workflow.now(),
            body=notice.model_dump_json(),
        )
        repetition.known.append(message.id)
        repetition.owed.append(message)

    async def work(self) -> None:
        """Runs as long as the workflow."""
        while True:
            await workflow.wait_condition(lambda: self.on and self._at_rest())
            repetition = self._progress.repetition
            if repetition is None or not repetition.owed:
                self._progress.lives_at = None
            elif repetition.owed[0].at > now_of(self._progress):
                # The marks that fell before it come first.
                self._progress.lives_at = repetition.owed[0].at
            else:
                self._apply(repetition.owed.pop(0), repetition)

    def _apply(self, message: RepeatedMessage, repetition: Repetition) -> None:
        door = self._doors.get(message.name)
        if door is None:
            return  # what asks for a fresh run has one
        notice = None
        if door.model is not None and message.body is not None:
            notice = door.model.model_validate_json(message.body)
        try:
            door.take(notice)
        except ApplicationError as refused:
            repetition.refused.append(f"{message.name} {message.id}: {refused.message}")

    def _go_back(self, since: datetime) -> None:
        """What fell since then by the clock on the wall falls again, if it did."""
        self._progress.lives_at = since
        for running in self._progress.windows:
            late = {mark.name for mark in running.window.marks if mark.at > since}
            running.fired = [name for name in running.fired if name not in late]


def lived(progress: OrderProgress, key: str) -> None:
    """An activity was heard of: the time in which it was heard of then has come."""
    if progress.lives_at is None or progress.repetition is None:
        return
    heard_at = progress.repetition.moments.get(key)
    if heard_at is not None:
        progress.lives_at = max(progress.lives_at, heard_at)
