"""What customers and overdue cases wish of an order: queued, never refused by raising."""

from temporalio import workflow

from domain.changes import ReceiptCondition
from workflows.contract import (
    ChangeNotice,
    FollowUpNews,
    MoneyMoved,
    PromiseMoved,
    ReceiptNotice,
    RushNotice,
)
from workflows.state import (
    CHANGES_KEPT,
    MovedPromise,
    OrderProgress,
    WaitingChange,
    WaitingReceipt,
)

QUEUED_ONCE = "wishes-are-queued-once"
WAITING_IS_TOLD = "waiting-changes-are-told"
NOT_SHIPPED = "nothing has been shipped yet, so nothing can have been received"


class Wishes:
    """Takes wishes as they come; the clerk and the order's life settle them."""

    def __init__(self, progress: OrderProgress) -> None:
        self._progress = progress

    def change(self, notice: ChangeNotice) -> None:
        """Queues a change; what became of it is in the database."""
        progress = self._progress
        if self._is_queued(notice.change_id):
            return
        waits = bool(progress.changes) or (
            progress.changing is not None and progress.changing.change_id != notice.change_id
        )
        progress.changes.append(
            WaitingChange(
                change_id=notice.change_id,
                version=notice.version,
                fields=notice.fields,
                touches=notice.touches,
                untold=waits and workflow.patched(WAITING_IS_TOLD),
            )
        )

    def receive(self, notice: ReceiptNotice) -> None:
        """Complete goods end the order once it waits for the receipt; refused before dispatch.

        What is damaged, incomplete or not there is looked into. While a part is still to be shipped
        a receipt is one of what came so far.
        """
        progress, complete = self._progress, notice.condition is ReceiptCondition.COMPLETE
        if not progress.shipped:
            progress.changes.append(
                WaitingChange(change_id=notice.change_id, refused_because=NOT_SHIPPED)
            )
        elif complete and not progress.rest_open:
            progress.received = notice.change_id
        elif notice.change_id not in progress.complained:
            progress.complained.append(notice.change_id)
            del progress.complained[:-CHANGES_KEPT]
            progress.receipts.append(
                WaitingReceipt(
                    change_id=notice.change_id,
                    condition=notice.condition,
                    rest_open=progress.rest_open,
                )
            )
            if not complete:
                # At once: the time to the automatic receipt must not run out meanwhile.
                self._dispute(notice.change_id)

    def move_promise(self, moved: PromiseMoved) -> None:
        """The promised date moves, once for each case, unless the goods have left already."""
        key = moved.case_id
        if not self._progress.shipped and key not in self._progress.promised_by:
            self._progress.promised_by.append(key)
            self._progress.promises.append(MovedPromise(key=key, promised_at=moved.promised_at))

    def rush(self, notice: RushNotice) -> None:
        """Queues a wish to come first; what it costs is in the database."""
        if not self._is_queued(notice.change_id):
            self._progress.changes.append(WaitingChange(change_id=notice.change_id, rush=True))

    def hear_of_money(self, _: MoneyMoved) -> None:
        """A gate that waits for money looks again, and so does a rush that waits for its fee."""
        self._progress.money_news = True
        self._progress.rush_news = self._progress.rush_open

    def hear_of_follow_up(self, news: FollowUpNews) -> None:
        """An open one may keep the order from being taken as received by itself."""
        if not news.blocks_receipt:
            return
        progress = self._progress
        if news.outcome is None:
            if news.follow_up not in progress.undisputed:
                self._dispute(news.follow_up)
            return
        if news.follow_up not in progress.undisputed:
            progress.undisputed.append(news.follow_up)
            del progress.undisputed[:-CHANGES_KEPT]
        if news.follow_up in progress.disputes:
            progress.disputes.remove(news.follow_up)
            progress.wait_anew = not progress.disputes

    def _is_queued(self, change_id: str) -> bool:
        """Whether a wish is in the queue: a repeated signal adds nothing to it."""
        queued = any(waiting.change_id == change_id for waiting in self._progress.changes)
        # An order whose history settled it once for each signal does so again.
        return queued and workflow.patched(QUEUED_ONCE)

    def _dispute(self, name: str) -> None:
        if name not in self._progress.disputes:
            self._progress.disputes.append(name)
        self._progress.auto_at = None
