"""A workflow that does nothing, with an order's shape: the engine's own price of it."""

import asyncio
from datetime import timedelta
from functools import partial

from temporalio import activity, workflow

from domain.base import Record

TIMER = timedelta(days=1)


class Shape(Record):
    """How often each thing happens in one order."""

    updates: int
    activities: int
    timers: int
    signals: int
    upserts: int


@activity.defn(name="bare")
async def bare(number: int) -> int:
    """Returns what it was given."""
    return number


@workflow.defn(name="Bare")
class BareWorkflow:
    """One activity and one timer a step; an update ends the step."""

    def __init__(self) -> None:
        self._answers = 0
        self._waiting = False
        self._signals = 0

    @workflow.run
    async def run(self, shape: Shape) -> int:
        """Spends exactly what `shape` says."""
        activities, timers = shape.activities, shape.timers
        for number in range(shape.updates):
            for _ in range(-(-activities // (shape.updates - number))):
                await self._call(number)
                activities -= 1
            timer = None
            if timers:
                timer = asyncio.create_task(workflow.sleep(TIMER))
                timers -= 1
            if number < shape.upserts:
                workflow.upsert_search_attributes({})
            self._waiting = True
            await workflow.wait_condition(partial(self._answered, number))
            if timer is not None:
                timer.cancel()
        await workflow.wait_condition(lambda: self._signals >= shape.signals)
        return shape.updates

    def _answered(self, number: int) -> bool:
        return self._answers > number

    async def _call(self, number: int) -> None:
        await workflow.execute_activity(
            bare, number, start_to_close_timeout=timedelta(seconds=10), summary="bare"
        )

    @workflow.update
    def answer(self) -> int:
        """Ends the step."""
        self._waiting = False
        self._answers += 1
        return self._answers

    @answer.validator
    def may_answer(self) -> None:
        """Refuses while no step waits."""
        if not self._waiting:
            raise ValueError("not waiting")

    @workflow.signal
    def receipt(self) -> None:
        """Ends the last wait."""
        self._signals += 1
