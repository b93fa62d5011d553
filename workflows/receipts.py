"""Receipts that do not end the order: heard, looked into, and the wait for the right one (L31)."""

from temporalio import workflow

from activities.models import Entered
from activities.receipt_models import (
    HEAR_RECEIPT,
    WAIT_ANEW,
    ReceiptHeard,
    ReceiptSettled,
    WaitAnew,
)
from domain.changes import ReceiptCondition
from policy.follow_ups import FollowUp
from policy.steps import WaitStep
from workflows.calls import act
from workflows.contract import OrderStart
from workflows.due_lines import DueLines
from workflows.repeating import lived, now_of
from workflows.route import Route
from workflows.state import OrderProgress, WaitingReceipt

_BEGINS = {
    ReceiptCondition.DAMAGED: "damaged",
    ReceiptCondition.INCOMPLETE: "damaged",
    ReceiptCondition.NOT_RECEIVED: "not_received",
}


class Receipts:
    """Works one receipt at a time; the clerk calls."""

    def __init__(
        self, start: OrderStart, progress: OrderProgress, route: Route, due_lines: DueLines
    ) -> None:
        self._start = start
        self._progress = progress
        self._route = route
        self._due_lines = due_lines

    @property
    def waiting(self) -> bool:
        """Whether there is something to do."""
        return bool(self._progress.receipts) or self._progress.wait_anew

    async def work_one(self) -> None:
        """Hears one receipt, or lets the wait begin anew."""
        if self._progress.receipts:
            await self._hear(self._progress.receipts.pop(0))
        else:
            await self._wait_anew()

    async def _hear(self, receipt: WaitingReceipt) -> None:
        progress, follow_up = self._progress, self._follow_up(receipt.condition)
        heard = ReceiptHeard(
            order_id=self._start.order_id,
            change_id=receipt.change_id,
            now=now_of(progress),
            condition=receipt.condition,
            follow_up=follow_up.id if follow_up else None,
            key=f"{self._start.order_id}/receipt/{receipt.change_id}" if follow_up else None,
            rest_open=receipt.rest_open,
        )
        summary = f"receipt: {receipt.condition.value.replace('_', ' ')}"
        settled = await act(HEAR_RECEIPT, heard, ReceiptSettled, summary)
        if receipt.change_id not in progress.disputes:
            return
        # The follow-up takes the place of the receipt that led to it.
        progress.disputes.remove(receipt.change_id)
        name = settled.follow_up if follow_up and follow_up.blocks_receipt else None
        if name and name not in progress.undisputed and name not in progress.disputes:
            progress.disputes.append(name)
        progress.wait_anew = not progress.disputes

    def _follow_up(self, condition: ReceiptCondition) -> FollowUp | None:
        begins = _BEGINS.get(condition)
        follow_ups = self._start.profile.follow_ups
        return next((one for one in follow_ups if one.begins == begins), None)

    async def _wait_anew(self) -> None:
        """The time after which the receipt confirms itself counts from now."""
        # A step on its way would bring a time of its own.
        await workflow.wait_condition(lambda: not self._due_lines.moving)
        progress = self._progress
        progress.wait_anew = False
        current = progress.current
        if current is None or progress.disputes or progress.received:
            return
        step = self._route.current
        if not isinstance(step, WaitStep) or step.auto_after is None:
            return
        now = now_of(progress)
        key = f"{current.key(self._start.order_id)}/{WAIT_ANEW}/{now.isoformat()}"
        anew = WaitAnew(order_id=self._start.order_id, key=key, now=now, at=current)
        entered = await act(WAIT_ANEW, anew, Entered, "the wait for the receipt begins anew")
        lived(progress, key)
        if not progress.disputes:
            progress.auto_at = entered.auto_at
