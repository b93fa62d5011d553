"""The signals of an order: what customers, cases, calendars, money and follow-ups tell it.

Signals, not updates: they are safe while no worker lives, and never raise.
"""

from temporalio import workflow

from workflows import contract
from workflows.contract import (
    CalendarPublished,
    CancellationNotice,
    ChangeNotice,
    FollowUpNews,
    MoneyMoved,
    PromiseMoved,
    ReceiptNotice,
    RushNotice,
)
from workflows.repeating import Repeater


class Tellable:
    """Passes on what it is told, at once or when an earlier run is lived through."""

    _repeater: Repeater

    @workflow.signal(name=contract.REQUEST_CHANGE, description="The customer changes the order")
    def request_change(self, notice: ChangeNotice) -> None:
        """Queues a change; what became of it is in the database."""
        self._repeater.take(contract.REQUEST_CHANGE, notice)

    @workflow.signal(name=contract.REQUEST_CANCELLATION, description="The customer cancels")
    def request_cancellation(self, notice: CancellationNotice) -> None:
        """Judged by the terms of its step; one winner where the goods are about to leave."""
        self._repeater.take(contract.REQUEST_CANCELLATION, notice)

    @workflow.signal(name=contract.CONFIRM_RECEIPT, description="The customer has the goods")
    def confirm_receipt(self, notice: ReceiptNotice) -> None:
        """Ends the order once it waits for the receipt; refused before dispatch."""
        self._repeater.take(contract.CONFIRM_RECEIPT, notice)

    @workflow.signal(name=contract.CALENDAR_PUBLISHED, description="A calendar has a new version")
    def calendar_published(self, published: CalendarPublished) -> None:
        """Counts the windows anew that run on an older version; time used is kept."""
        self._repeater.take(contract.CALENDAR_PUBLISHED, published)

    @workflow.signal(name=contract.PROMISE_MOVED, description="The leadership set a new date")
    def promise_moved(self, moved: PromiseMoved) -> None:
        """The promised date moves, once for each case, unless the goods have left already."""
        self._repeater.take(contract.PROMISE_MOVED, moved)

    @workflow.signal(name=contract.REQUEST_RUSH, description="The customer wants the order first")
    def request_rush(self, notice: RushNotice) -> None:
        """Queues the wish; what became of it is in the database."""
        self._repeater.take(contract.REQUEST_RUSH, notice)

    @workflow.signal(name=contract.MONEY_MOVED, description="Money of the order has moved")
    def money_moved(self, notice: MoneyMoved) -> None:
        """A gate that waits for money looks again."""
        self._repeater.take(contract.MONEY_MOVED, notice)

    @workflow.signal(name=contract.FOLLOW_UP_OPENED, description="A follow-up was opened")
    def follow_up_opened(self, news: FollowUpNews) -> None:
        """One about the goods keeps the order from being taken as received by itself."""
        self._repeater.take(contract.FOLLOW_UP_OPENED, news)

    @workflow.signal(name=contract.FOLLOW_UP_CLOSED, description="A follow-up was closed")
    def follow_up_closed(self, news: FollowUpNews) -> None:
        """What kept the order waiting is settled."""
        self._repeater.take(contract.FOLLOW_UP_CLOSED, news)
